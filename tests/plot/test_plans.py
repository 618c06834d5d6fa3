"""Every kind of plan can be drawn, with a lane for each event and each alarm."""

from typing import Any

import matplotlib.pyplot as plt
import pytest

import stratsim

ALARM = {
    "AlarmName": "late", "MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "Sum",
    "Period": 60, "EvaluationPeriods": 30, "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
PLANS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "without a fleet": ("lambda", "CodeDeployDefault.LambdaAllAtOnce", {}),
    "without an end": (
        "ecs",
        {"name": "it", "ecs": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
        {},
    ),
    "failed at once": ("ec2", "CodeDeployDefault.HalfAtATime", {"service": {"instances": 1}}),
    "of many rows": ("ec2", "CodeDeployDefault.OneAtATime", {"service": {"instances": 200}}),
    "with an alarm that is late": (
        "lambda",
        "CodeDeployDefault.LambdaCanary10Percent5Minutes",
        {
            "alarms": [ALARM],
            "deployment_group": {
                "alarmConfiguration": {"enabled": True, "alarms": [{"name": "late"}]}
            },
        },
    ),
}


@pytest.mark.parametrize(("platform", "entry", "more"), PLANS.values(), ids=PLANS)
def test_a_plan_is_drawn(platform: str, entry: Any, more: dict[str, Any]) -> None:
    scenario = stratsim.load({"name": "shop", "platform": platform, "strategies": [entry], **more})
    result = stratsim.plan(scenario, scenario.strategies[0].name)
    ax = result.plot()
    ax.figure.canvas.draw()
    lanes = [label.get_text() for label in ax.child_axes[1].get_yticklabels()]
    ticks = [label.get_text() for label in ax.child_axes[1].get_xticklabels()]
    plt.close("all")

    alarms = [stop.alarm for stop in result.stops or ()]
    assert lanes == [*dict.fromkeys(row.event for row in result.rows), *alarms]
    # moments are round, such as 1m15s, and not 4518.83
    assert all(len(tick.lstrip("-")) <= 5 for tick in ticks)
