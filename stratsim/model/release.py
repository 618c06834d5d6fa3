"""The release: what the new revision may turn out to be, and its faults."""

from dataclasses import dataclass, field
from typing import Literal

from stratsim.model.quantities import Distribution, Fixed, Name, Share, Uniform

FaultKind = Literal[
    "errors", "latency", "crash", "startup", "hook", "capacity", "cold_start", "host"
]

ZERO = Fixed(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a revision misbehaves.

    Which of the fields belong to which kind is checked when a scenario is read.
    ``rate`` is the share of the requests it reaches that it fails; ``after`` and
    ``ramp`` [s] count from an instance's (Lambda: the version's) first request;
    ``zones`` and ``instances`` (share of instances) limit where it strikes and
    ``above_load`` [requests/s per instance] when. ``at`` and ``for_s`` are for
    faults of the environment: begin and length [s].
    """

    kind: FaultKind
    rate: Distribution = ZERO
    factor: Distribution | None = None
    add: Distribution = ZERO
    per_hour: float = 0.0
    probability: float = 0.0
    event: str = ""
    latency: Distribution = ZERO
    share: float = 1.0
    index: int = 0
    after: Distribution = ZERO
    ramp: Distribution = ZERO
    zones: tuple[int, ...] = ()
    instances: float = 1.0
    above_load: float = 0.0
    at_s: float = 0.0
    for_s: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a release may turn out to be, with its probability."""

    name: Name
    probability: Share
    faults: tuple[Fault, ...] = ()


def default_outcomes(p_fails: float = 0.10) -> tuple[Outcome, ...]:
    """Return the mix of `reference` bad changes for a chance `p_fails` of failure.

    Of the changes that fail, 33 % never become healthy, 45 % fail 20-100 % of
    their calls, 10 % fail 0.5-3 % and 12 % are slower by 1.5-3 times (counted in
    the 51 defective releases of ChangeRCA, 2023; the ranges are a choice).
    """
    mix = (
        ("never healthy", 0.33, Fault(kind="startup", probability=1.0)),
        ("gross errors", 0.45, Fault(kind="errors", rate=Uniform(0.2, 1.0))),
        ("small errors", 0.10, Fault(kind="errors", rate=Uniform(0.005, 0.03))),
        ("slow", 0.12, Fault(kind="latency", factor=Uniform(1.5, 3.0))),
    )
    bad = tuple(
        Outcome(name=name, probability=p_fails * share, faults=(fault,))
        for name, share, fault in mix
    )
    return (Outcome(name="healthy", probability=1 - p_fails), *bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The possible outcomes of the release; their probabilities sum to 1."""

    outcomes: tuple[Outcome, ...] = field(default_factory=default_outcomes)
