"""Services so quiet that a bad release may wait for its first request, in closed form."""

import math
from typing import Any

import pytest

import stratsim

RATE, NOTICE_S, REROUTE_S = 0.02, 600.0, 5.0
"""Requests/s; when people notice the first failure, and the alias is back after it."""


def quiet(fault: dict[str, Any], **traffic: Any) -> Any:
    return stratsim.load(
        {
            "name": "quiet",
            "platform": "lambda",
            "traffic": {"rate": RATE, "dispersion": 1, **traffic},
            "release": {"outcomes": [{"name": "bad", "probability": 1, "faults": [fault]}]},
            "control": {"reroute": REROUTE_S},
            "on_call": {"notice": NOTICE_S},
            "strategies": ["CodeDeployDefault.LambdaAllAtOnce"],
        }
    )


@pytest.mark.parametrize(("engine", "runs"), [("batch", 20_000), ("des", 400)])
def test_a_bad_release_is_followed_to_its_first_request(engine: str, runs: int) -> None:
    """Poisson arrivals: the first failure is waited for, and more come until people act.

    The chance of none within the first minute after the shift is exp(-1.2) = 0.30; a
    run given up then would count a bad release as harmless. False failures: 7e-6 (4.5
    standard errors of a Poisson mean).
    """
    scenario = quiet({"kind": "errors", "rate": 1})

    found = stratsim.compare(scenario, replications=runs, engine=engine)

    (row,) = found.to_dict()["strategies"]
    more = RATE * (NOTICE_S + REROUTE_S)
    assert row["probabilities"]["missed"]["mean"] == pytest.approx(1)
    mean = row["measures"]["failed_requests_fault"]["mean"]
    assert mean == pytest.approx(1 + more, abs=4.5 * math.sqrt(more / runs))


@pytest.mark.parametrize(
    ("above_load", "rate"), [(1, RATE), (0, 0)], ids=["a load that is never reached", "no traffic"]
)
def test_a_fault_that_no_request_will_meet_is_not_waited_for(above_load: int, rate: float) -> None:
    """Were it, the run would go on for the day of `control.follow_up`."""
    faults = [{"kind": "errors", "rate": 1, "above_load": above_load}]
    strategy = "CodeDeployDefault.ECSAllAtOnce"
    scenario = stratsim.load(
        {
            "name": "idle",
            "platform": "ecs",
            "traffic": {"rate": rate},
            "release": {"outcomes": [{"name": "bad", "probability": 1, "faults": faults}]},
            "strategies": [strategy],
        }
    )

    run = stratsim.simulate(scenario, strategy)

    assert run.to_dict()["end_s"] == run.outcome["deployment_duration_s"]
