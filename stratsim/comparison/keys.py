"""What a result can be asked for: a measure, one of its statistics, a probability."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from stratsim.errors import InputError, Problem, UnsupportedError, shorten, unknown_name
from stratsim.intervals import (
    Design,
    Difference,
    Estimate,
    difference_by_world,
    estimate_mean,
    estimate_probability,
    estimate_quantile,
    estimate_tail,
    paired_difference,
    probability_difference,
)
from stratsim.intervals.summary import STATISTICS
from stratsim.measures import MEASURES
from stratsim.measures.sample import PROBABILITIES, Sample
from stratsim.model.quantities import Array

PROBABILITY = "probability"
"""Unit of a probability, and what tells its key from a measure's."""


def unit_of(name: str) -> str:
    """Return the unit of a measure or probability."""
    if name in PROBABILITIES:
        return PROBABILITY
    return MEASURES.get(name).unit if name in MEASURES else ""


def higher_is_better(name: str) -> bool:
    """Return whether more of a measure is better, as of ``min_capacity``."""
    return name in MEASURES and MEASURES.get(name).better == "higher"


def design_of(sample: Sample) -> Design:
    """Return how the runs of `sample` were drawn."""
    exact, world = sample.certain, sample.world
    return Design.of(sample.weight, sample.outcome, exact=exact, world=world)


@dataclass(frozen=True, slots=True)
class Key:
    """One number of a strategy: ``failed_requests.p95``, ``deployment_duration_s``, ``missed``."""

    name: str
    statistic: str = "mean"

    def __str__(self) -> str:
        return self.name if self.statistic == "mean" else f"{self.name}.{self.statistic}"

    @property
    def unit(self) -> str:
        """The unit: that of the measure, or ``probability``."""
        return unit_of(self.name)

    @property
    def higher_is_better(self) -> bool:
        """Whether more of it is better."""
        return higher_is_better(self.name)

    def values(self, sample: Sample) -> Array:
        """Return the value of each run: 1 and 0 for a probability's event."""
        if self.name in sample.measures:
            return sample.measures[self.name]
        return sample.events[self.name].astype(np.float64)

    def estimate(self, sample: Sample) -> Estimate:
        """Return the number with its interval.

        The largest of a sample bounds the largest there can be from below only, so
        its interval has no upper end, unless the runs are all that can happen.
        """
        design = design_of(sample)
        if self.name in sample.events:
            return estimate_probability(sample.events[self.name], design)
        values = self.values(sample)
        if self.statistic == "mean":
            return estimate_mean(values, design)
        if self.statistic == "cvar95":
            return estimate_tail(values, design, higher_is_better=self.higher_is_better)
        if self.statistic == "max":
            found = estimate_quantile(values, design, 1.0)
            return replace(found, low=found.value) if found.count > 1 else found
        return estimate_quantile(values, design, int(self.statistic[1:]) / 100)

    def difference(self, sample: Sample, reference: Sample) -> Difference:
        """Return the paired difference of `sample` from `reference`.

        Rows of the exact engine are no runs, so they do not pair: their numbers are
        subtracted, world by world where worlds were drawn, and how often one is worse
        is not known.

        Raises
        ------
        UnsupportedError
            Where runs do not pair and the numbers are not exact.
        """
        if not np.array_equal(sample.weight, reference.weight):
            return self._apart(sample, reference)
        if self.name in sample.events:
            sides = sample.events[self.name], reference.events[self.name]
            return probability_difference(*sides, design_of(sample))
        return paired_difference(
            self.values(sample),
            self.values(reference),
            design_of(sample),
            statistic=self.statistic,
            higher_is_better=self.higher_is_better,
        )

    def _apart(self, sample: Sample, reference: Sample) -> Difference:
        if not (sample.exact and reference.exact):
            msg = (
                "paired differences need runs in the same worlds: as many of each outcome, drawn "
                "with the same seed. Use the same settings for both."
            )
            raise UnsupportedError(msg)
        sides = [(self.values(one), design_of(one)) for one in (sample, reference)]
        return difference_by_world(
            sides[0], sides[1], self.statistic, higher_is_better=self.higher_is_better
        )


def key_of(text: object, measures: Iterable[str], *, where: str) -> Key:
    """Return the key that `text` names.

    Raises
    ------
    InputError
        Where it names nothing; the message tells the nearest name.
    """
    known = [*measures, *PROBABILITIES]
    name, dot, statistic = text.strip().partition(".") if isinstance(text, str) else (text, "", "")
    if name not in known:
        raise InputError([unknown_name(where, name, known)])
    if not dot:
        return Key(name)
    if name in PROBABILITIES:
        rule = f"{name!r} alone: a probability has no statistics"
        raise InputError([Problem(where, rule, shorten(text))])
    if statistic not in STATISTICS:
        raise InputError([unknown_name(f"{where}: {name}", statistic, STATISTICS)])
    return Key(name, statistic)
