"""When not to trust a row of the comparison."""

from collections.abc import Iterator, Mapping

import numpy as np

from stratsim.comparison.keys import design_of
from stratsim.measures.sample import Sample
from stratsim.model.quantities import Array
from stratsim.wording import counted, format_value

FEW = 30
"""Below so many values, a t interval leans on the values being near normal."""
REFUSED = 0.01
"""Share of deployments that may be over at their creation without a word."""
P95_BOUND = 72
"""Fewest runs whose largest bounds the 95th percentile: 0.95^n <= 0.025."""


def diagnose(sample: Sample, outcomes: Mapping[str, float]) -> tuple[str, ...]:
    """Return what makes the numbers of `sample` doubtful, in sentences' halves.

    Of exact runs only what they deploy is doubtful: they are all that can happen.
    """
    if sample.exact:
        return (*_refused(sample),)
    return (*_refused(sample), *_few_runs(sample), *_unseen(sample, outcomes), *_carriers(sample))


def _refused(sample: Sample) -> Iterator[str]:
    if sample.refused_share > REFUSED:
        share = format_value(sample.refused_share, "probability")
        yield f"{share} of the deployments are over at their creation and do no damage"


def _few_runs(sample: Sample) -> Iterator[str]:
    if sample.runs < FEW:
        yield f"only {counted(sample.runs, 'run')}: intervals are rough"
    elif sample.runs < P95_BOUND:
        yield f"only {sample.runs} runs: the 95th percentile may lie beyond the largest"
    for name in ("time_to_detect_s", "rollback_latency_s"):
        values = sample.measures.get(name)
        count = 0 if values is None else int(np.isfinite(values).sum())
        bound = min(FEW, sample.runs)
        if 0 < count < bound:
            yield f"{name} applies in fewer than {bound} of {sample.runs} runs"


def _unseen(sample: Sample, outcomes: Mapping[str, float]) -> Iterator[str]:
    seen = set(sample.outcome.tolist())
    for index, (name, probability) in enumerate(outcomes.items()):
        if probability > 0 and index not in seen:
            share = format_value(probability, "probability")
            yield f"outcome {name!r} (probability {share}) never came up"


def _carriers(sample: Sample) -> Iterator[str]:
    values = sample.measures.get("failed_requests")
    if values is None or sample.runs < FEW:
        return
    effective = effective_runs(values, design_of(sample).weight)
    if 0 < effective < FEW:
        bound = next(bound for bound in (3, 10, FEW) if effective < bound)
        yield f"failed_requests rests on fewer than {bound} runs: its interval is optimistic"


def effective_runs(values: Array, weight: Array) -> float:
    """Return how many equal runs would carry the mean as unevenly: (sum x)^2 / sum x^2."""
    parts = weight * np.abs(np.where(np.isfinite(values), values, 0.0))
    total = float((parts**2).sum())
    return float(parts.sum()) ** 2 / total if total > 0 else 0.0
