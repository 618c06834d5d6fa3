"""What a Monte Carlo study of strategies found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.comparison.diagnosis import diagnose
from stratsim.comparison.keys import Key, design_of, higher_is_better, key_of
from stratsim.comparison.pareto import PARETO_MEASURES, pareto_front
from stratsim.errors import InputError, unknown_name
from stratsim.intervals import Design, estimate_probability, summarize
from stratsim.intervals.summary import finite

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from stratsim.comparison.precision import Precision
    from stratsim.measures.sample import Sample

SCHEMA_VERSION = 1
"""Version of the JSON documents; it grows when a reader would have to change."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The runs of several strategies that met the same worlds.

    Parameters
    ----------
    scenario
        The scenario's name.
    seed, replications, engine
        How the runs were made.
    samples
        One `Sample` per strategy, in the scenario's order; run k of each is paired
        with run k of the others.
    outcomes
        The release outcomes and their probabilities, in the order that the
        samples' ``outcome`` counts.
    provenance
        What it takes to make the same numbers again.
    warnings
        What the study had to assume, one sentence each.
    precision
        What was asked of the intervals and what came of it, where something was.
    """

    scenario: str
    seed: int
    replications: int
    engine: str
    samples: tuple[Sample, ...]
    outcomes: Mapping[str, float]
    provenance: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    precision: Precision | None = None

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, in the scenario's order."""
        return tuple(sample.strategy for sample in self.samples)

    def sample(self, strategy: str) -> Sample:
        """Return the runs of `strategy`; unknown: `InputError` with the nearest name."""
        for sample in self.samples:
            if sample.strategy == strategy:
                return sample
        raise InputError([unknown_name("strategy", strategy, self.strategies)])

    @cached_property
    def pareto(self) -> tuple[str, ...]:
        """Strategies that no other beats in failed requests, duration and cost together.

        What deploys nothing is left out: it would fail no request, at once and for nothing.
        """
        points = {
            sample.strategy: [self._mean(sample, name) for name in PARETO_MEASURES]
            for sample in self.samples
            if sample.deploys
        }
        return tuple(pareto_front(points))

    def diagnosis(self, strategy: str) -> tuple[str, ...]:
        """Return what makes the numbers of `strategy` doubtful; empty where nothing does."""
        return diagnose(self.sample(strategy), self.outcomes)

    def table(self) -> pd.DataFrame:
        """Return one row per strategy: key measures, intervals, Pareto, diagnosis.

        Numbers in the measures' units, estimates first; ``X_low`` and ``X_high`` are
        the ends of the 95 % interval of ``X``, NaN where they are not known.
        ``diagnosis`` says when not to trust a row. Print the comparison itself for a
        table to read.
        """
        from stratsim.comparison.frames import table_frame

        return table_frame(self)

    def to_frame(self) -> pd.DataFrame:
        """Return all estimates in long form.

        Columns ``strategy``, ``outcome`` ("(all)": over all outcomes), ``measure``,
        ``unit``, ``statistic`` and ``value``, NaN where it is not known.
        """
        from stratsim.comparison.frames import long_frame

        return long_frame(self)

    def differences(self, reference: str, measures: list[str] | None = None) -> pd.DataFrame:
        """Return how the other strategies differ from `reference`, run by run.

        Parameters
        ----------
        reference
            A strategy of the comparison.
        measures
            Measures, ``measure.statistic`` or probabilities; None: the means of all.

        Returns
        -------
        DataFrame
            One row per strategy and measure. ``difference`` is the strategy less the
            reference over the runs where both have a value (``count``), with its
            ``standard_error`` and 95 % interval. ``p_worse`` and ``p_equal`` are the
            shares of these runs in which the strategy is worse than the reference,
            and equal to it. ``variance_ratio`` is the variance of the paired
            difference over that of two independent studies: below 1, pairing pays.
        """
        from stratsim.comparison.frames import differences_frame

        keys = None if measures is None else [self.key(name, "measures") for name in measures]
        return differences_frame(self, reference, keys)

    def key(self, text: str, where: str = "measure") -> Key:
        """Return the `Key` that `text` names among the comparison's measures."""
        return key_of(text, self.samples[0].measures, where=where)

    def plot(self, ax: Axes | None = None, x: str = "deployment_duration_s") -> Axes:
        """Draw failed requests against another measure; return the axes."""
        from stratsim.plot import plot_comparison

        return plot_comparison(self, ax, x)

    def to_dict(self) -> dict[str, Any]:
        """Return the document of ``compare --json``; null where something is not known."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario,
            "seed": self.seed,
            "replications": self.replications,
            "engine": self.engine,
            "strategies": [self._entry(sample) for sample in self.samples],
            "pareto": list(self.pareto),
            **({} if self.precision is None else {"precision": self.precision.to_dict()}),
            "provenance": dict(self.provenance),
        }

    def _entry(self, sample: Sample) -> dict[str, Any]:
        everything = np.ones(sample.runs, np.bool_)
        return {
            "strategy": sample.strategy,
            **_estimates(sample, design_of(sample), everything),
            "by_outcome": {
                name: _outcome_entry(sample, index) for index, name in enumerate(self.outcomes)
            },
        }

    @staticmethod
    def _mean(sample: Sample, name: str) -> float | None:
        return finite(Key(name).estimate(sample).value) if name in sample.measures else None

    def __str__(self) -> str:
        from stratsim.comparison.text import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from stratsim.comparison.text import as_html

        return as_html(self)


def _outcome_entry(sample: Sample, index: int) -> dict[str, Any]:
    """Return the estimates given one outcome: its runs, weighted as they are."""
    inside = sample.outcome == index
    runs = int(inside.sum())
    weight = sample.weight[inside]
    total = float(weight.sum())
    share = weight / total if total > 0 else np.full(runs, 1 / max(1, runs))
    world = None if sample.world is None else sample.world[inside]
    design = Design(share, np.zeros(runs, np.int64), sample.certain, world)
    return {"replications": runs, **_estimates(sample, design, inside)}


def _estimates(sample: Sample, design: Design, inside: NDArray[np.bool_]) -> dict[str, Any]:
    measures = {
        name: summarize(values[inside], design, higher_is_better=higher_is_better(name))
        for name, values in sample.measures.items()
    }
    probabilities = {}
    for name, events in sample.events.items():
        found = estimate_probability(events[inside], design)
        ends = (("mean", found.value), ("ci_low", found.low), ("ci_high", found.high))
        probabilities[name] = {end: finite(value) for end, value in ends}
    return {"measures": measures, "probabilities": probabilities}
