"""What happened or did not: the events whose probabilities are told."""

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.tally import Tally
from stratsim.model.scenario import Scenario


def events(tally: Tally, scenario: Scenario) -> dict[str, NDArray[np.bool_]]:
    """Return for each run whether it happened, shape (runs,) each.

    ``rollback``: CodeDeploy's own. ``false_rollback``: rolled back though the
    outcome has no faults. ``missed``: at least one exposed request, Succeeded
    and no automatic rollback, whatever people did later.
    """
    clean = np.array([not outcome.faults for outcome in scenario.release.outcomes])
    return {
        "rollback": tally.automatic,
        "false_rollback": tally.automatic & clean[tally.outcome],
        "missed": (tally.exposed > 0) & tally.succeeded & ~tally.automatic,
    }


def refused(tally: Tally) -> NDArray[np.bool_]:
    """Return for each run whether the deployment was over at its creation, shape (runs,).

    So where an alarm of its group is in ALARM by then: nothing is deployed, and what
    would be damage is nought. It is neither a rollback nor a false one.
    """
    return np.asarray(~tally.succeeded & ~tally.automatic & (tally.duration_s <= 0))
