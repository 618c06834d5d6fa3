"""The exact engine where few requests come: until when a fault is waited for."""

from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.exact import solve
from stratsim.engine.exact.limits import horizon, limits_of
from stratsim.engine.exact.outcomes import Outcomes
from stratsim.engine.exact.pieces import Unstopped
from stratsim.engine.setup import Setup, prepare
from stratsim.model.scenario import Scenario
from stratsim.strategies import build_plan

DAY_S = 86_400.0
AT_ONCE: list[dict[str, Any]] = [{"weight": 100, "pause": "1m"}]
CANARY: list[dict[str, Any]] = [{"weight": 1, "pause": "1m"}]


def quiet(
    rate: float, steps: list[dict[str, Any]], follow_s: float = DAY_S, **fault: Any
) -> Scenario:
    """`rate` requests/s, no alarm, and a fault that people notice after half an hour."""
    return stratsim.load(
        {
            "name": "quiet",
            "platform": "ecs",
            "service": {
                "error_rate": 0, "startup": 0, "instances": 1, "zones": 1, "capacity": 1000,
                "drain": 0,
            },
            "release": {"outcomes": [
                {"name": "bad", "probability": 1,
                 "faults": [{"kind": "errors", "rate": 0.05, **fault}]},
            ]},
            "alarms": [],
            "strategies": [{"name": "it", "steps": steps}],
            "traffic": {"rate": rate, "dispersion": 1},
            "metrics": {"delay": 0, "phase": 0},
            "control": {"reroute": 0, "follow_up": follow_s},
            "on_call": {"respond": "30m", "notice": "30m"},
        }
    )  # fmt: skip


def setup_of(scenario: Scenario) -> Setup:
    return prepare(scenario, build_plan(scenario, "it"))


def met(scenario: Scenario) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]:
    """When the first request met a fault [s], with probabilities; and all that met it."""
    found = solve(setup_of(scenario), 7)
    return found.tally.first_exposed_s, found.weight, float(found.weight @ found.tally.exposed)


def test_the_first_request_of_a_poisson_stream() -> None:
    rate = 0.02
    first, weight, exposed = met(quiet(rate, AT_ONCE))

    assert np.isfinite(first).all()
    assert weight @ first == pytest.approx(1 / rate, rel=1e-6)
    for minutes in (1, 2, 5):
        later = weight[first > 60 * minutes].sum()
        assert later == pytest.approx(exp(-rate * 60 * minutes), rel=1e-9)
    # the first one, and half an hour's
    assert exposed == pytest.approx(1 + 1800 * rate, rel=1e-3)


def test_a_small_canary_meets_the_fault_when_all_traffic_does() -> None:
    rate, share = 0.5, 0.01
    first, weight, _ = met(quiet(rate, CANARY))
    spared = exp(-rate * share * 60)

    assert np.isfinite(first).all()
    assert weight[first > 60].sum() == pytest.approx(spared, rel=1e-9)
    assert weight @ first == pytest.approx((1 - spared) / (rate * share) + spared / rate, rel=1e-6)


def test_a_fault_that_comes_late() -> None:
    rate = 0.02
    first, weight, _ = met(quiet(rate, AT_ONCE, after=3600))

    assert np.isfinite(first).all()
    assert weight @ first == pytest.approx(3600 + 1 / rate, rel=1e-6)


def test_nobody_waits_longer_than_the_follow_up() -> None:
    rate, follow_s = 0.0005, 3600.0
    scenario = quiet(rate, AT_ONCE, follow_s)
    end_s = limits(scenario).end[0] / 1e6
    first, weight, _ = met(scenario)

    missed = weight[~np.isfinite(first)].sum()

    # runs end with the minute
    assert missed == pytest.approx(exp(-rate * 60 * np.ceil((end_s + follow_s) / 60)), rel=1e-9)


def limits(scenario: Scenario) -> Any:
    return limits_of(unstopped(scenario), np.zeros(1, dtype=np.int64))


def unstopped(scenario: Scenario) -> Unstopped:
    setup = setup_of(scenario)
    return Unstopped(setup, Outcomes([Draws(Worlds(scenario, 7, 0), np.arange(1), 0)]))


@pytest.mark.parametrize("after", [0, 900])
def test_a_fault_that_no_request_can_meet_is_not_waited_for(after: int) -> None:
    """It strikes above a load that is not reached: the run is over with its deployment."""
    found = limits(quiet(1.0, AT_ONCE, above_load=50, after=after))

    assert found.calm[0] == found.end[0]


def test_people_are_waited_for_from_the_last_request_that_is_likely() -> None:
    """At 5 requests/s some request has come within the first minute, at 0.05 in 16 more."""
    for rate, minutes in ((5.0, 0), (0.05, 16)):
        scenario = quiet(rate, AT_ONCE)
        scenario = replace(scenario, on_call=replace(scenario.on_call, notice=3600.0))
        found = limits(scenario)
        span = horizon(unstopped(scenario), found)[0] - found.end[0]
        assert span <= (minutes + 1 + 60) * 60_000_000
        assert found.calm[0] - found.end[0] >= DAY_S * 1e6
