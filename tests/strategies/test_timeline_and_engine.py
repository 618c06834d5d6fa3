"""The timeline says what the engine does when noise is off and nothing goes wrong."""

from dataclasses import replace

import pytest

from stratsim.engine import des
from stratsim.engine.setup import prepare
from stratsim.model.release import Outcome, Release
from stratsim.model.scenario import Scenario
from stratsim.strategies import PlanResult
from stratsim.world import Block

HEALTHY = Release(outcomes=(Outcome(name="healthy", probability=1.0),))


def changes(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """When the share on the new revision changes, and to what; the last word of an instant."""
    found: list[tuple[float, float]] = []
    share = 0.0
    for time_s, value in dict(points).items():
        if value != pytest.approx(share, abs=1e-12):
            found.append((time_s, value))
            share = value
    return found


def test_shares_and_durations_agree(case: tuple[Scenario, PlanResult]) -> None:
    scenario, expected = case
    quiet = replace(scenario, noise="expected", release=HEALTHY)

    outcome, run = des.trace_one(prepare(quiet, expected.plan), Block(quiet, 7, 0).row(0))

    assert outcome.status == expected.status
    assert outcome.duration_s == pytest.approx(expected.duration_s, abs=1e-6)
    real = changes([(at / 1e6, share) for at, share in run.record.weights])
    told = changes([(round(row.time_s, 6), row.new_share) for row in expected.rows])
    assert [time for time, _ in real] == pytest.approx([time for time, _ in told])
    assert [share for _, share in real] == pytest.approx([share for _, share in told])
