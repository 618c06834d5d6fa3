"""Distinct users that failures touch where each user is pinned to a revision, by hand."""

import numpy as np
import pytest

from stratsim.engine.users import touched_sticky, touched_sticky_many

ACTIVE = 1000
BANDS = {
    # five failures among the 100 users of a canary, then three among all
    100 * (1 - 0.99**5 * 0.999**3) + 900 * (1 - 0.999**3): [(0.0, 0.1, 5.0), (0.0, 1.0, 3.0)],
    # of the old revision's 900 users, and of the one user of a tiny canary
    900 * (1 - (1 - 1 / 900) ** 7) + 1: [(0.1, 1.0, 7.0), (0.0, 0.001, 2.0)],
    0.0: [(0.2, 0.4, 0.0)],
}


@pytest.mark.parametrize("expected", BANDS)
def test_users_of_one_run(expected: float) -> None:
    assert touched_sticky(ACTIVE, BANDS[expected]) == pytest.approx(expected, rel=1e-12)


def test_users_of_many_runs() -> None:
    """In stretches of all runs at once, as the array engine has them."""
    stretches = []
    for place in range(2):
        there = [
            (run, bands[place]) for run, bands in enumerate(BANDS.values()) if len(bands) > place
        ]
        rows = np.array([run for run, _ in there])
        low, high, failures = np.array([band for _, band in there]).T
        stretches.append((low, high, failures, rows))

    found = touched_sticky_many(ACTIVE, len(BANDS), stretches)

    assert found == pytest.approx(list(BANDS), rel=1e-12)
    assert touched_sticky_many(ACTIVE, 2, []).tolist() == [0, 0]
