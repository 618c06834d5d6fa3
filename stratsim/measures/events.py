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
