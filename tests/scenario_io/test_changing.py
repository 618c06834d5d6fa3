"""Scenarios with other values: paths, names, shares, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

import stratsim
from stratsim.errors import InputError
from stratsim.model.scenario import Scenario
from stratsim.model.service import Service

CAREFUL = "strategies.careful.trafficRoutingConfig.timeBasedCanary.canaryPercentage"


@pytest.fixture(scope="module")
def checkout() -> Scenario:
    return stratsim.load("checkout-ecs")


@pytest.mark.parametrize("path", ["alarms.0.Threshold", "alarms.checkout-5xx.Threshold"])
def test_an_entry_of_a_list_has_a_place_and_a_name(checkout: Scenario, path: str) -> None:
    changed = checkout.with_values({path: 99})

    assert changed.alarms[0].Threshold == 99.0
    assert checkout.alarms[0].Threshold == 50.0


def test_the_rest_is_as_it_was(checkout: Scenario) -> None:
    changed = checkout.with_values({CAREFUL: 20})

    assert changed.strategy("careful").config != checkout.strategy("careful").config
    assert changed.with_values({CAREFUL: 5}) == checkout


def test_a_key_that_had_its_default_can_be_set(checkout: Scenario) -> None:
    assert checkout.with_values({"on_call.respond": "20m"}).on_call.respond == 1200.0


def test_a_name_with_dots_and_a_predefined_configuration(checkout: Scenario) -> None:
    name = "CodeDeployDefault.ECSAllAtOnce"
    wait = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 1}
    path = f"strategies.{name}.blueGreenDeploymentConfiguration"

    changed = checkout.with_values({f"{path}.terminateBlueInstancesOnDeploymentSuccess": wait})

    assert changed.strategy(name).group.termination_wait_s == 60.0
    assert changed.strategy(name).family == checkout.strategy(name).family


def test_other_outcomes_share_what_a_set_probability_leaves(checkout: Scenario) -> None:
    """0.96 was theirs, 0.8 is left: each keeps 0.8 / 0.96 of its own."""
    changed = checkout.with_values({"release.outcomes.error spike.probability": 0.2})

    found = {outcome.name: outcome.probability for outcome in changed.release.outcomes}
    assert found["error spike"] == 0.2
    assert found["healthy"] == pytest.approx(0.90 * 0.8 / 0.96)
    assert sum(found.values()) == pytest.approx(1.0)


def test_a_trace_is_found_beside_the_scenario_s_file(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-01T00:{minute:02d}:00Z,{600}\n" for minute in range(0, 60, 5))
    rows += "".join(
        f"2024-01-01T{hour:02d}:{minute:02d}:00Z,600\n"
        for hour in range(1, 24) for minute in range(0, 60, 5)
    )  # fmt: skip
    (tmp_path / "elb.csv").write_text("timestamp,value\n" + rows)
    (tmp_path / "traced.yaml").write_text(
        "name: traced\nplatform: lambda\ntraffic: {profile: {kind: trace, file: elb.csv, "
        "period: 5m, unit: count, start: 2024-01-01T00:00:00Z}}\n"
    )

    changed = stratsim.load(tmp_path / "traced.yaml").with_values({"on_call.respond": "20m"})

    assert changed.on_call.respond == 1200.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("service.zone", 3, "service.zone: must be a known key.* Did you mean 'zones'"),
        ("alarm.0.Threshold", 3, "Did you mean 'alarms'"),
        ("alarms.checkout5xx.Threshold", 3, "Did you mean 'checkout-5xx'"),
        ("alarms.7.Threshold", 3, "alarms: must be one of checkout-5xx, checkout-error-share"),
        ("strategies.carefull.x", 3, "Did you mean 'careful'"),
        (CAREFUL.removesuffix("age"), 5, "Did you mean 'canaryPercentage'"),
        (CAREFUL, 400, r"must be an integer in \[1, 99\], but got 400"),
        ("seed.x", 1, "must be a path to a value: seed holds no keys"),
        ("", 1, "path: must be one of name, description"),
        ("release.outcomes.healthy.probability", 1.5, r"must be a number in \[0, 1\]"),
        ("release.outcomes", {"healthy": 1}, "release.outcomes: must be"),
        ("alarms.0.Threshold", object(), "alarms.0.Threshold: must be"),
    ],
)
def test_what_cannot_be_is_refused_with_the_nearest_key(
    checkout: Scenario, path: str, value: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        checkout.with_values({path: value})


def test_a_scenario_without_a_source_cannot_be_read_anew() -> None:
    made = Scenario(name="made", platform="ecs", service=Service())

    with pytest.raises(InputError, match=r"must be a scenario that stratsim\.load has made"):
        made.with_values({"service.zones": 2})
