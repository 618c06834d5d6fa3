"""What of the runs somebody reads: only that is kept.

Counts of instances, response times and loads cost time in every stretch, and most
scenarios have no alarm or analysis that looks at them.
"""

from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.units import policy_of
from stratsim.engine.setup import Setup
from stratsim.model.analysis import longest_window_s
from stratsim.model.settings import MINUTE_S
from stratsim.signals import CPU, NEW, OLD, Series
from stratsim.watch import MetricProgram


@dataclass(frozen=True, slots=True)
class Wants:
    """What alarms and analyses read.

    ``old``: the old revision's requests; ``times``: response times; ``load``: the
    utilisation; ``hosts``: instances one by one; ``levels``: how many instances there
    are; ``minutes``: how many minutes back.
    """

    old: bool
    times: bool
    load: bool
    hosts: bool
    levels: bool
    minutes: int


def wants_of(setup: Setup) -> Wants:
    """Return what the alarms of the setup and the analyses of its plan read."""
    steps = setup.plan.steps
    programs = [p for p in setup.programs if isinstance(p, MetricProgram)]
    readers = [r for p in programs for _, r in p.readers if r is not None]
    asked = [m.query for s in steps for m in getattr(s, "metrics", ())]
    asked += [c.query for s in steps for c in getattr(s, "checks", ())]
    hosts = any(r.source.kind in ("level", "per_target") for r in readers)
    hosts |= any(_minds_zeros(p) for p in programs)
    longest = max((p.minutes for p in programs), default=1)
    window = int(longest_window_s(steps) // MINUTE_S)
    return Wants(
        old=any(OLD in reader.sides for reader in readers) or policy_of(setup.scenario) is not None,
        times=any(r.source.kind in ("time", "busy") for r in readers)
        or any(query.kind == "latency" for query in asked),
        load=any(r.source.field == CPU for r in readers),
        hosts=hosts,
        levels=hosts or any(_zero_counts(r) for r in readers),
        minutes=max(setup.history + 2 * longest, window) + 4,
    )


def _minds_zeros(program: MetricProgram) -> bool:
    """Whether a count of 0 while new instances still idle makes a datapoint for the alarm."""
    zeros = [
        reader is not None and _zero_counts(reader) and NEW in reader.sides
        for _, reader in program.readers
    ]
    if program.expression is None or not any(zeros):
        return any(zeros)
    idle = {
        name: np.array([0.0 if zero else np.nan])
        for (name, _), zero in zip(program.readers, zeros, strict=True)
    }
    return bool(np.isfinite(program.expression.evaluate(idle, 60.0)).any())


def _zero_counts(reader: Series) -> bool:
    return reader.source.kind == "count" and reader.source.when_zero
