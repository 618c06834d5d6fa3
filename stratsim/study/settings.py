"""One strategy under many settings of an alarm and many faults, without sampling.

What search and operating characteristics ask for: expected measures and
probabilities as arrays of (settings, cases), from the exact engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.setup import prepare
from stratsim.errors import InputError, Problem, UnsupportedError, shorten, unknown_name
from stratsim.model.alarm import MetricAlarm
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault, Outcome
from stratsim.strategies import build_plan
from stratsim.study.exactly import exact_sample, lacking

if TYPE_CHECKING:
    from stratsim.measures import Sample
    from stratsim.model.plan import Plan
    from stratsim.model.quantities import Array
    from stratsim.model.scenario import Scenario

WORLDS = 8
"""Worlds to condition on by default; phases are spread over them."""

RARE = 1e-8
"""What is less probable than this is left out of the alarms' chain."""


@dataclass(frozen=True, slots=True)
class AlarmSetting:
    """How one alarm decides: M of N datapoints beyond a threshold.

    ``treat_missing`` is missing, ignore, breaching or notBreaching.
    """

    threshold: float
    m: int = 1
    n: int = 1
    treat_missing: str = "missing"

    def of(self, alarm: MetricAlarm) -> MetricAlarm:
        """Return `alarm` with this setting."""
        return replace(
            alarm,
            Threshold=self.threshold,
            EvaluationPeriods=self.n,
            DatapointsToAlarm=self.m,
            TreatMissingData=self.treat_missing,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a strategy does under each setting, in each case.

    Attributes
    ----------
    settings
        The alarm settings, in the order asked for.
    cases
        Names of the release outcomes that were played.
    weights
        Their probabilities, (cases,).
    means
        By measure, (settings, cases): the mean over the runs in which the measure
        has a value, NaN where it never has; units as in the measures' reference.
    chances
        By measure, (settings, cases): the probability that it has a value.
    probabilities
        ``rollback``, ``false_rollback`` and ``missed``, (settings, cases) each.
    """

    settings: tuple[AlarmSetting, ...]
    cases: tuple[str, ...]
    weights: Array
    means: dict[str, Array]
    chances: dict[str, Array]
    probabilities: dict[str, Array]

    def overall(self, name: str) -> Array:
        """Return a mean or probability over all cases by their weights, (settings,).

        A mean is over the runs in which the measure has a value, as in a comparison.
        """
        if name in self.probabilities:
            return np.asarray(self.probabilities[name] @ self.weights)
        if name not in self.means:
            raise InputError([unknown_name("measure", name, [*self.means, *self.probabilities])])
        chance = self.chances[name] * self.weights
        total = np.where(chance > 0, np.nan_to_num(self.means[name]) * chance, 0.0).sum(axis=1)
        there = chance.sum(axis=1)
        return np.where(there > 0, total / np.where(there > 0, there, 1.0), np.nan)


def error_cases(rates: Sequence[float]) -> tuple[Outcome, ...]:
    """Return an outcome per rate of errors, equally likely; rate 0 has no fault."""
    return tuple(
        Outcome(
            name=f"{rate:g}",
            probability=1 / len(rates),
            faults=(Fault(kind="errors", rate=Fixed(float(rate))),) if rate > 0 else (),
        )
        for rate in rates
    )


def solve_settings(
    scenario: Scenario,
    strategy: str | Plan,
    alarm: str,
    settings: Sequence[AlarmSetting],
    outcomes: Sequence[Outcome] | None = None,
    worlds: int = WORLDS,
    seed: int | None = None,
) -> Answers:
    """Return expected measures and probabilities of many settings of one alarm.

    Nothing is sampled but start-up times, phases and severities where the scenario
    leaves them to chance: these are conditioned on in `worlds` worlds, the same for
    all settings and cases.

    Parameters
    ----------
    scenario
        The service, its release and its alarms.
    strategy
        A strategy's name, or a plan.
    alarm
        Name of the metric alarm whose settings vary. The others stay as they are.
    settings
        Thresholds, M of N and treatments of missing data. Settings that differ in
        the threshold alone share nearly all of the work.
    outcomes
        What the release may turn out to be, instead of the scenario's own; see
        `error_cases` for a row of error rates.
    worlds
        Worlds to condition on where more than counts and outcomes is random.
    seed
        Seed of these worlds; the scenario's own where not given.

    Raises
    ------
    InputError
        For an unknown alarm or strategy, or without settings.
    UnsupportedError
        Naming what the exact engine does not know.
    """
    from stratsim.engine.exact import solve_many

    chosen = _alarm(scenario, alarm)
    if not settings:
        raise InputError([Problem("settings", "at least one alarm setting", shorten(settings))])
    if outcomes is not None:
        scenario = replace(scenario, release=replace(scenario.release, outcomes=tuple(outcomes)))
    setups = []
    for setting in settings:
        alarms = tuple(setting.of(chosen) if one is chosen else one for one in scenario.alarms)
        changed = replace(scenario, alarms=alarms)
        plan = build_plan(changed, strategy) if isinstance(strategy, str) else strategy
        setups.append(prepare(changed, plan))
    if lack := lacking(setups[:1]):
        raise UnsupportedError(lack)
    seed = scenario.seed if seed is None else seed
    found = solve_many(setups, seed, worlds, rare=RARE)
    samples = [exact_sample(setup, one) for setup, one in zip(setups, found, strict=True)]
    return _answers(scenario, tuple(settings), samples)


def _alarm(scenario: Scenario, name: str) -> MetricAlarm:
    known = {a.AlarmName: a for a in scenario.alarms if isinstance(a, MetricAlarm)}
    if name not in known:
        raise InputError([unknown_name("alarm", name, list(known))])
    return known[name]


def _answers(
    scenario: Scenario, settings: tuple[AlarmSetting, ...], samples: Sequence[Sample]
) -> Answers:
    outcomes = scenario.release.outcomes
    probability = np.array([outcome.probability for outcome in outcomes])
    each = [_by_case(sample, len(outcomes)) for sample in samples]
    names, events = list(samples[0].measures), list(samples[0].events)
    means, chances, happened = (np.stack(one, axis=1) for one in zip(*each, strict=True))
    return Answers(
        settings,
        tuple(outcome.name for outcome in outcomes),
        probability,
        dict(zip(names, means, strict=True)),
        dict(zip(names, chances, strict=True)),
        dict(zip(events, happened, strict=True)),
    )


def _by_case(sample: Sample, cases: int) -> tuple[Array, Array, Array]:
    """Return means and chances (measures, cases) and probabilities (events, cases).

    NaN where a case has no weight, or a measure nowhere a value.
    """
    weight = np.where(np.arange(cases) == sample.outcome[:, None], sample.weight[:, None], 0.0)
    values, events = (
        np.stack(list(sample.measures.values())),
        np.stack(list(sample.events.values())),
    )
    there = np.isfinite(values)
    total, inside = weight.sum(axis=0), there @ weight
    sums = np.where(there, values, 0.0) @ weight
    with np.errstate(invalid="ignore", divide="ignore"):
        means, happened = sums / inside, (events @ weight) / total
        chances = np.where(total > 0, inside / total, 0.0)
    return means, chances, happened
