"""From worlds to tallies, block by block and outcome by outcome."""

from collections.abc import Sequence

import numpy as np

from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.results import NUMBERS
from stratsim.engine.batch.run import Runs
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.heap import keep_freed_memory
from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally


def simulate_many(
    setup: Setup, worlds: Worlds, rows: Sequence[int], outcome: int | None = None
) -> Tally:
    """Return the tally of some replications, in the order of `rows`.

    Parameters
    ----------
    setup
        The scenario and the plan.
    worlds
        Their worlds.
    rows
        Places in the worlds, ascending.
    outcome
        The outcome to play; each world's own where not given.
    """
    keep_freed_memory()
    places = np.asarray(rows, dtype=np.int64)
    drawn = worlds.outcome(places) if outcome is None else np.full(len(places), outcome)
    numbers = {name: np.full(len(places), np.nan) for name in NUMBERS}
    flags = {name: np.zeros(len(places), dtype=bool) for name in ("succeeded", "automatic")}
    for which in np.unique(drawn):
        here = np.nonzero(drawn == which)[0]
        results = Runs(setup, Draws(worlds, places[here], int(which))).run()
        for name, values in results.numbers.items():
            numbers[name][here] = values
        for name, truths in results.flags.items():
            flags[name][here] = truths
    return Tally(plan=setup.plan, outcome=drawn.astype(np.int64), **flags, **numbers)
