"""What the release's faults do over one stretch, for many replications at once.

The same arithmetic as `stratsim.engine.effects`, on arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.clock import us
from stratsim.model.quantities import Array
from stratsim.model.release import Fault
from stratsim.model.service import Service

Part = tuple[Array | float, Array | float, Array | float]
"""Weight, latency factor and added latency [s] of a part of the response times."""


@dataclass(slots=True)
class Effects:
    """Means over one stretch; see `stratsim.engine.effects.Effect`. Arrays of (rows,)."""

    failing: Array
    exposed: Array
    parts: Sequence[Part] | None
    capacity: Array
    onset: Times


@dataclass(slots=True)
class Drawn:
    """One fault's severity and clock per row; ``hits`` (rows, instances) or None."""

    spec: Fault
    rate: Array
    factor: Array
    add_s: Array
    after: Times
    ramp: Times
    hits: Array | None

    def take(self, keep: NDArray[np.int64]) -> "Drawn":
        """Return the rows `keep`."""
        return Drawn(
            self.spec,
            self.rate[keep],
            self.factor[keep],
            self.add_s[keep],
            self.after[keep],
            self.ramp[keep],
            None if self.hits is None else self.hits[keep],
        )


def draw_faults(draws: Draws) -> list[Drawn]:
    """Return the faults that requests can meet."""
    found = []
    for number in draws.served:
        fault = draws.specs[number]
        partial = fault.instances < 1 or bool(fault.zones)
        one = np.ones(len(draws.rows))
        add = fault.latency if fault.kind == "cold_start" else fault.add
        found.append(
            Drawn(
                spec=fault,
                rate=draws.drawn(number, "rate", fault.rate),
                factor=one if fault.factor is None else draws.drawn(number, "factor", fault.factor),
                add_s=draws.drawn(number, "add", add),
                after=us_many(draws.drawn(number, "after", fault.after)),
                ramp=us_many(draws.drawn(number, "ramp", fault.ramp)),
                hits=draws.hits(number) if partial else None,
            )
        )
    return found


def needs_instances(faults: list[Drawn], *, pooled: bool) -> bool:
    """Whether the faults strike instances at different times or not all of them."""
    if any(f.hits is not None for f in faults):
        return True
    return pooled and any(f.after.any() or f.ramp.any() for f in faults)


def effects(
    faults: list[Drawn],
    begin: Times,
    end: Times,
    load: Array,
    starts: Times,
    serving: NDArray[np.bool_],
) -> Effects:
    """Return the effect over [begin, end).

    `starts` and `serving` are (rows, units): when each instance of the new
    revision got its first request, and whether it is in service; one unit
    stands for all where they are alike. `load` is requests/s per instance.
    """
    rows = len(begin)
    units = np.maximum(_over(np.add, serving), 1)
    span = np.maximum(end - begin, 1)[:, None].astype(float)

    def mean(values: Array) -> Array:
        return np.asarray(_over(np.add, values * serving) / units)

    shape = starts.shape
    passing, capacity = np.ones(shape), np.ones(shape)
    exposed, slowed = np.zeros(shape), np.zeros(shape)
    factor, add, cold, cold_add = np.ones(rows), *np.zeros((3, rows))
    onset = np.full(rows, NEVER)
    slow = False
    for fault in faults:
        loud = (load >= fault.spec.above_load)[:, None] & serving & (starts < NEVER)
        on = starts + fault.after[:, None]
        hit = np.ones(shape) if fault.hits is None else _by_number(fault.hits, shape)
        late = np.maximum(begin[:, None], on)
        active = np.where(loud, np.clip(end[:, None] - late, 0, None) / span, 0.0)
        level = np.where(loud, areas(begin, end, on, fault.ramp) / span, 0.0) * hit
        here = (active > 0) & (hit > 0)
        onset = np.minimum(onset, _over(np.minimum, np.where(here, late, NEVER)))
        reach = fault.spec.share if fault.spec.kind == "cold_start" else 1.0
        exposed = np.maximum(exposed, active * hit * reach)
        if fault.spec.kind == "errors":
            passing = passing * (1.0 - fault.rate[:, None] * level)
        elif fault.spec.kind == "latency":
            slow = True
            up = (level > 0) & here
            depth = _depth(level, up, hit)
            factor = factor * (1.0 + (fault.factor - 1.0) * depth)
            add = add + fault.add_s * depth
            slowed = np.maximum(slowed, np.where(up, hit, 0.0))
        elif fault.spec.kind == "capacity":
            capacity = capacity * (1.0 + (fault.factor[:, None] - 1.0) * level)
        elif fault.spec.kind == "cold_start":
            slow = True
            meets = _over(np.logical_or, here)
            cold = np.where(meets, fault.spec.share * mean(active * hit), cold)
            cold_add = np.where(meets, fault.add_s, cold_add)
    some = _over(np.logical_or, serving)
    return Effects(
        failing=np.where(some, mean(1.0 - passing), 0.0),
        exposed=np.where(some, mean(exposed), 0.0),
        parts=_parts(factor, add, mean(slowed), cold, cold_add) if slow else None,
        capacity=np.where(some, mean(capacity), 1.0),
        onset=onset,
    )


def _depth(level: Array, up: NDArray[np.bool_], hit: Array) -> Array:
    """Return how far a slowdown has come where it is up, in the mean over those instances."""
    depth = _over(np.add, level * up) / np.maximum(_over(np.add, up), 1)
    depth = depth / np.maximum(_over(np.maximum, np.where(up, hit, 0.0)), 1e-300)
    return np.where(_over(np.logical_or, up), depth, 0.0)


def _over(operation: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    """Reduce (rows, units) over the units; one unit is no work."""
    if values.shape[1] == 1 and not (operation is np.add and values.dtype == bool):
        return values[:, 0]
    return np.asarray(operation.reduce(values, axis=1))


def _by_number(hits: Array, shape: tuple[int, ...]) -> Array:
    """Return hits by the instances' numbers; those launched again have places of the first."""
    return hits[:, np.arange(shape[1]) % hits.shape[1]]


def areas(begin: Times, end: Times, on: Times, ramp: Times) -> Array:
    """Return the integral over [begin, end) of levels that rise from 0 at `on` to 1 [us]."""
    if not ramp.any():  # all there at once
        since, until = np.maximum(begin[:, None] - on, 0), np.maximum(end[:, None] - on, 0)
        return np.asarray(until - since, dtype=float)

    def area(at: Times) -> Array:
        run = np.maximum(at[:, None] - on, 0).astype(float)
        long = ramp[:, None].astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            rising = run * run / (2 * long)
        return np.asarray(np.where(run < long, rising, run - long / 2), dtype=float)

    return np.asarray(area(end) - area(begin))


def _parts(factor: Array, add: Array, share: Array, cold: Array, cold_add: Array) -> Sequence[Part]:
    one, zero = np.ones_like(factor), np.zeros_like(factor)
    parts: list[tuple[Array, Array, Array]] = []
    for weight, f, a in ((1.0 - share, one, zero), (share, factor, add)):
        parts += [(weight * (1 - cold), f, a), (weight * cold, f, a + cold_add)]
    return [part for part in parts if (part[0] > 0).any()]


def warmth(
    service: Service, begin: Times, end: Times, starts: Times, serving: NDArray[np.bool_]
) -> Array:
    """Return the factor on answers of instances that have just started, (rows,).

    See `stratsim.engine.warming`.
    """
    time_us = us(service.warm_up.time)
    if not time_us:
        return np.ones(len(begin))
    since = np.where(serving, starts, 0)
    faded = [np.exp(-np.maximum(at[:, None] - since, 0) / time_us) for at in (begin, end)]
    cold = np.where(serving, faded[0] - faded[1], 0.0).sum(axis=1) * time_us
    units = np.maximum(serving.sum(axis=1), 1)
    return np.asarray(1 + (service.warm_up.factor - 1) * cold / units / (end - begin))
