"""Replications until intervals are narrow enough.

A look is a whole study: the same runs as of a study with that many replications,
so what comes out can be made again without looking. Looks are few, as their number
grows with the runs that the last one says are needed (Chow and Robbins 1965, with
geometric looks), and none is trusted whose mean a handful of runs carry: stopping
early is likeliest where the variance is still underestimated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from stratsim.comparison.precision import Precision, Target, Width, widest

if TYPE_CHECKING:
    from stratsim.comparison import Comparison

MOST = 100_000
"""Replications at which to give up, where nothing else is said."""
LEAST_GROWTH, MOST_GROWTH = 1.5, 10.0
"""A look is this much larger than the one before: few looks, and no wild guess."""


def compare_until(
    study: Callable[[int], Comparison], targets: Sequence[Target], first: int, most: int
) -> Comparison:
    """Return the first of ever larger studies that reaches every target, or the largest.

    Parameters
    ----------
    study
        Makes a study of so many replications.
    targets
        What to reach.
    first, most
        Replications of the first look, and of the largest.
    """
    looks = [min(first, most)]
    while True:
        found = study(looks[-1])
        widths = [widest(target, found.samples, found.outcomes, looks[-1]) for target in targets]
        exact = all(sample.exact for sample in found.samples)
        if exact or looks[-1] >= most or all(width.reached for width in widths):
            break
        looks.append(min(most, _next(looks[-1], widths)))
    return replace(found, precision=Precision(tuple(widths), tuple(looks), most))


def _next(last: int, widths: Sequence[Width]) -> int:
    """Return the replications of the next look."""
    wanted = 2.0 * last if any(width.doubt for width in widths) else 0.0
    wanted = max([wanted, *(float(width.needed) for width in widths if width.needed)])
    return round(min(max(wanted, LEAST_GROWTH * last), MOST_GROWTH * last))
