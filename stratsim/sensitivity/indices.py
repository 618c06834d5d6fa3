"""Sobol indices: how much of a measure's variance each field explains.

Sampling and estimators are SALib's (Saltelli et al., Computer Physics
Communications 181, 2010). All points meet the same worlds, so what varies between
them is the fields and not luck.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.comparison import key_of
from stratsim.errors import InputError, Problem, UnsupportedError, shorten
from stratsim.measures import MEASURES
from stratsim.model.quantities import Array, parse_duration
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.sensitivity.ranking import Index, Ranking
from stratsim.sensitivity.studies import Asked, Progress, Studies, choose, leader, read_lists
from stratsim.streams import Streams

if TYPE_CHECKING:
    from stratsim.recommendation.requirement import Require

SAMPLES = 64
"""Base samples where nothing else is said: times (fields + 2) studies."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where a field may lie: between two numbers, or at one of several values."""

    path: str
    low: float
    high: float
    whole: bool = False
    choices: tuple[object, ...] = ()

    @classmethod
    def of(cls, path: str, values: tuple[object, ...]) -> Range:
        """Return the range that values tell: two numbers or durations, else choices."""
        ends = [_number(value) for value in values]
        if len(values) == 2 and all(end is not None for end in ends):
            low, high = sorted(end for end in ends if end is not None)
            whole = all(isinstance(value, int) for value in values)
            if low == high:
                rule = "two different ends"
                raise InputError([Problem(f"parameters: {path}", rule, shorten(values))])
            # a whole number is as likely as any other, the ends included
            return cls(path, low - 0.5 * whole, high + 0.5 * whole, whole)
        return cls(path, 0.0, float(len(values)), choices=values)

    def value(self, place: float) -> object:
        """Return the field's value at a place between the ends."""
        if self.choices:
            return self.choices[min(int(place), len(self.choices) - 1)]
        if self.whole:
            return int(np.clip(round(place), self.low + 0.5, self.high - 0.5))
        return float(place)


def _number(value: object) -> float | None:
    """Return a number or a duration [s]; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(parse_duration(value))
    except ValueError:
        return None


def sobol_indices(  # noqa: PLR0913  (what a study can be asked)
    scenario: Scenario,
    parameters: Mapping[str, Iterable[object]],
    *,
    measure: str = "failed_requests",
    strategy: str | None = None,
    strategies: Sequence[str] | None = None,
    minimize: str = "failed_requests",
    require: Require = None,
    samples: int = SAMPLES,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    stratify: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Return first-order and total Sobol indices of fields, for a measure and for the advice.

    Parameters
    ----------
    scenario
        The scenario; it needs to come from `stratsim.load`.
    parameters
        By path, either two numbers or durations, between which the field is uniform
        (whole where both are whole), or several values, which are equally likely.
        Fields are taken as independent.
    measure, strategy
        Whose mean is explained; the best strategy of the unchanged scenario where
        not given.
    samples
        Base samples, a power of two; samples x (fields + 2) studies are made.
    strategies, minimize, require, replications, seed, engine, workers, stratify, progress
        As of `stratsim.sweep`.

    Raises
    ------
    InputError
        For a path or a value that cannot be.
    UnsupportedError
        Where SALib is not installed.
    """
    check_scenario(scenario)
    ranges = [Range.of(path, values) for path, values in read_lists(parameters, 2).items()]
    key = key_of(measure, MEASURES, where="measure")
    if isinstance(samples, bool) or samples < 2 or samples & (samples - 1):
        raise InputError([Problem("samples", "a power of two of at least 2", shorten(samples))])
    number = scenario.seed if seed is None else seed
    design = _Design(ranges, samples, number)
    asked = Asked(
        minimize=minimize, require=require, replications=replications, seed=seed, engine=engine,
        workers=workers, stratify=stratify, strategies=strategies,
    )  # fmt: skip
    places = design.places()
    changed = [
        scenario.with_values({r.path: r.value(x) for r, x in zip(ranges, row, strict=True)})
        for row in places
    ]
    studies = Studies(scenario, asked)
    base = studies.recommend(scenario)
    whose = choose(scenario, strategy, leader(base))
    values, leaders = np.zeros(len(places)), []
    for at, one in enumerate(changed):
        advice = studies.recommend(one)
        values[at] = key.estimate(advice.comparison.sample(whose)).value
        leaders.append(leader(advice))
        if progress is not None:
            progress(at + 1, len(changed))
    other = np.array([name != leader(base) for name in leaders], dtype=float)
    return Ranking(
        scenario=scenario.name,
        strategy=whose,
        key=key,
        indices=design.indices(values),
        deciding=design.indices(other),
        leader=leader(base),
        leaders={name: leaders.count(name) / len(leaders) for name in dict.fromkeys(leaders)},
        minimize=str(base.choice.objective),
        samples=samples,
        studies=len(places),
        replications=base.comparison.replications,
        seed=number,
        engine=base.comparison.engine,
        provenance=dict(base.comparison.provenance) | {"command": "sobol"},
    )


class _Design:
    """Saltelli's sample of the ranges, and the indices of what is found at its points."""

    def __init__(self, ranges: Sequence[Range], samples: int, seed: int) -> None:
        self.ranges, self.samples = ranges, samples
        self.seeds = Streams(seed).rng("sobol").integers(0, 2**31, 2).tolist()
        self.problem = {
            "num_vars": len(ranges),
            "names": [one.path for one in ranges],
            "bounds": [[one.low, one.high] for one in ranges],
        }

    def places(self) -> Array:
        """Return the points, (studies, fields)."""
        sample = _salib("sample.sobol").sample
        return np.asarray(
            sample(self.problem, self.samples, calc_second_order=False, seed=self.seeds[0])
        )

    def indices(self, values: Array) -> tuple[Index, ...]:
        """Return the indices of each field; NaN where nothing varies or is known."""
        nan = float("nan")
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            return tuple(Index(one.path, nan, nan, nan, nan) for one in self.ranges)
        found: dict[str, Any] = _salib("analyze.sobol").analyze(
            self.problem, values, calc_second_order=False, seed=self.seeds[1]
        )
        columns = zip(found["S1"], found["S1_conf"], found["ST"], found["ST_conf"], strict=True)
        return tuple(
            Index(one.path, *map(float, row)) for one, row in zip(self.ranges, columns, strict=True)
        )


def _salib(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"SALib.{module}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("SALib"):
            raise
        msg = "Sobol indices need SALib. Install it with: pip install 'stratsim[sensitivity]'"
        raise UnsupportedError(msg) from None
