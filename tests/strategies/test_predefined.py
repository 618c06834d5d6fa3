"""The configurations that AWS ships, name by name, with their documented numbers."""

import pytest

from stratsim.strategies.families import predefined
from stratsim.strategies.predefined import TRAFFIC_ROUTING

# name, weights in percent, minutes between them: reference tables 1.2 and 1.3
TRAFFIC = [
    ("ECSAllAtOnce", [100], 0),
    ("ECSCanary10Percent5Minutes", [10, 100], 5),
    ("ECSCanary10Percent15Minutes", [10, 100], 15),
    ("ECSLinear10PercentEvery1Minutes", list(range(10, 101, 10)), 1),
    ("ECSLinear10PercentEvery3Minutes", list(range(10, 101, 10)), 3),
    ("LambdaAllAtOnce", [100], 0),
    ("LambdaCanary10Percent5Minutes", [10, 100], 5),
    ("LambdaCanary10Percent10Minutes", [10, 100], 10),
    ("LambdaCanary10Percent15Minutes", [10, 100], 15),
    ("LambdaCanary10Percent30Minutes", [10, 100], 30),
    ("LambdaLinear10PercentEvery1Minute", list(range(10, 101, 10)), 1),
    ("LambdaLinear10PercentEvery2Minutes", list(range(10, 101, 10)), 2),
    ("LambdaLinear10PercentEvery3Minutes", list(range(10, 101, 10)), 3),
    ("LambdaLinear10PercentEvery10Minutes", list(range(10, 101, 10)), 10),
]


@pytest.mark.parametrize(("name", "percents", "minutes"), TRAFFIC)
def test_weights_of_every_traffic_configuration(
    name: str, percents: list[int], minutes: int
) -> None:
    routing = TRAFFIC_ROUTING[f"CodeDeployDefault.{name}"]

    assert routing.weights == tuple(percent / 100 for percent in percents)
    assert routing.interval_min == minutes


def test_each_platform_has_the_documented_names_and_no_others() -> None:
    shifts = [f"CodeDeployDefault.{name}" for name, _, _ in TRAFFIC]

    assert predefined("ecs") == tuple(name for name in shifts if ".ECS" in name)
    assert predefined("lambda") == tuple(name for name in shifts if ".Lambda" in name)
    assert set(predefined("ec2")) == {
        "CodeDeployDefault.AllAtOnce",
        "CodeDeployDefault.HalfAtATime",
        "CodeDeployDefault.OneAtATime",
    }


def test_names_of_own_configurations_follow_the_predefined_ones() -> None:
    """Each predefined name can be told from its numbers, but for AWS's own slip."""
    for name, routing in TRAFFIC_ROUTING.items():
        short = name.removeprefix("CodeDeployDefault.").removeprefix("ECS").removeprefix("Lambda")
        # ECS spells "1Minutes" where Lambda spells "1Minute".
        assert routing.config_name in (short, short.replace("1Minutes", "1Minute"))
