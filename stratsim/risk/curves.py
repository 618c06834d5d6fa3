"""From a scenario and its strategies to operating characteristics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stratsim.errors import InputError, Problem, shorten
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.provenance import provenance
from stratsim.risk.regression import Regression
from stratsim.risk.result import KEYS, Curve, OperatingCharacteristic, SizedPoint
from stratsim.study import compare_strategies

if TYPE_CHECKING:
    from stratsim.comparison import Comparison
    from stratsim.measures import Sample

RUNS = 1000
"""Runs of each size where nothing else is said: half a width of 3 % at most."""
WANTED = (0.80, 0.95)
_BETWEEN = 3
"""Sizes that are looked at between the two of the grid where a curve crosses."""


def operating_characteristic(  # noqa: PLR0913  (what a study can be asked)
    scenario: Scenario,
    strategy: str | Sequence[str],
    rates: Iterable[float] | None = None,
    *,
    outcome: str | None = None,
    replications: int = RUNS,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> OperatingCharacteristic:
    """Return what strategies with their alarms do about regressions of each size.

    Parameters
    ----------
    scenario
        The service, its traffic and its alarms; what it says of its release is not
        used, but for `outcome`.
    strategy
        A strategy of the scenario or a predefined configuration, or several.
    rates
        Sizes to look at: of errors, shares of its requests that the new revision
        fails on top of the background. Where not given a grid is used, and more of
        it where a curve crosses 80 % and 95 %.
    outcome
        Take the kind of regression from this outcome of the scenario: its fault with
        all it says (``after``, ``ramp``, ``zones``, ...) in other sizes. Sizes are
        then factors of a latency fault, probabilities of a startup or hook fault.
    replications
        Runs of each size and strategy.
    seed, engine, workers, progress
        As of `stratsim.compare`.

    Raises
    ------
    InputError
        For an unknown strategy or outcome, or a size that cannot be.
    """
    check_scenario(scenario)
    names = _names(strategy)
    regression = Regression.of(scenario, outcome)
    _check_runs(replications)
    asked = None if rates is None else _sizes(rates)
    sizes = regression.check(regression.scale.grid if asked is None else asked)
    made = _Maker(scenario, names, regression, replications, seed, engine, workers, progress)
    found = made.study(sizes)
    curves = _curves(names, regression, [found], [sizes])
    more = _between(curves) if asked is None else ()
    if more:
        again = made.study(more)
        curves = _curves(names, regression, [found, again], [sizes, more])
    made_of = found.replications if engine == "exact" else replications
    return OperatingCharacteristic(
        scenario=scenario.name,
        kind=regression.fault.kind,
        what=regression.scale.what,
        outcome=outcome,
        curves=curves,
        seed=found.seed,
        replications=made_of,
        engine=found.engine,
        provenance=provenance(
            scenario, engine=found.engine, replications=made_of, seed=found.seed,
            command="power",
        ),
        warnings=found.warnings,
    )  # fmt: skip


def _names(strategy: object) -> list[str]:
    found = [strategy] if isinstance(strategy, str) else strategy
    if not isinstance(found, Iterable) or not (names := list(found)):
        rule = "the name of a strategy, or several"
        raise InputError([Problem("strategy", rule, shorten(strategy))])
    return names


def _sizes(rates: object) -> list[float]:
    if isinstance(rates, str) or not isinstance(rates, Iterable):
        raise InputError([Problem("rates", "a list of sizes", shorten(rates))])
    return list(rates)


def _check_runs(replications: object) -> None:
    if isinstance(replications, bool) or not isinstance(replications, int) or replications < 2:
        rule = "a whole number of at least 2"
        raise InputError([Problem("replications", rule, shorten(replications))])


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the runs of some sizes: one study, an outcome per size, as many runs of each."""

    scenario: Scenario
    names: list[str]
    regression: Regression
    replications: int
    seed: int | None
    engine: str
    workers: int | None
    progress: Callable[[int, int], None] | None

    def study(self, sizes: Sequence[float]) -> Comparison:
        exact = self.engine == "exact"
        varied = replace(self.scenario, release=self.regression.release(sizes))
        return compare_strategies(
            varied,
            None if exact else self.replications * (len(sizes) + 1),
            self.seed,
            self.engine,
            self.workers,
            progress=self.progress,
            strategies=self.names,
            stratify=not exact,
        )


def _curves(
    names: Sequence[str],
    regression: Regression,
    studies: Sequence[Comparison],
    sizes: Sequence[Sequence[float]],
) -> tuple[Curve, ...]:
    """Return the strategies' curves; the healthy point is the first study's."""
    curves = []
    for name in names:
        points = [_point(studies[0].sample(name), 0, regression.scale.nothing)]
        for study, own in zip(studies, sizes, strict=True):
            sample = study.sample(name)
            points += [_point(sample, i, size) for i, size in enumerate(own, start=1)]
        curves.append(Curve(name, tuple(sorted(points, key=lambda point: point.size))))
    return tuple(curves)


def _point(sample: Sample, outcome: int, size: float) -> SizedPoint:
    part = sample.given(outcome)
    estimates = {str(key): key.estimate(part) for key in KEYS}
    return SizedPoint(size, _drawn(part), estimates)


def _drawn(sample: Sample) -> int:
    """Return how many runs were drawn; of computed numbers, whose rows are none, worlds."""
    if not sample.exact:
        return sample.runs
    return 1 if sample.world is None else len(np.unique(sample.world))


def _between(curves: Iterable[Curve]) -> tuple[float, ...]:
    """Return sizes between the two of the grid where a curve crosses what is wanted."""
    more: set[float] = set()
    for curve in curves:
        points = curve.points[1:]
        for wanted in WANTED:
            place = next(
                (i for i, p in enumerate(points) if p.estimates["rollback"].value >= wanted), 0
            )
            if place:
                ends = points[place - 1].size, points[place].size
                inner = np.geomspace(*ends, _BETWEEN + 2)[1:-1]
                more |= {float(f"{size:.2g}") for size in inner}
    known = {point.size for curve in curves for point in curve.points}
    return tuple(sorted(more - known))
