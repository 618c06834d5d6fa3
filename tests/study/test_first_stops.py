"""When each alarm could first stop a deployment: counted on paper, and against runs.

Minutes of the metrics begin with the deployment, a minute is published 30 s after its
end, alarms are evaluated on the minute and polled every 10 s. The new revision serves
from the first moment on.
"""

from pathlib import Path
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.strategies import FirstStop

CANARY = "CodeDeployDefault.ECSCanary10Percent5Minutes"
LAMBDA = "CodeDeployDefault.LambdaCanary10Percent5Minutes"


def alarm(name: str = "errors", **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name, "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "TargetGroup", "Value": "new"}], "EvaluationPeriods": 1,
        "Threshold": 300, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    } | more  # fmt: skip


def scenario(
    *alarms: dict[str, Any], strategy: Any = CANARY, platform: str = "ecs", **more: Any
) -> Scenario:
    """A hundred requests a second; a tenth of them are 600 a minute."""
    service: dict[str, Any] = {"startup": "0s"}
    if platform != "lambda":
        service |= {"instances": 10, "zones": 1, "capacity": 100, "drain": "0s"}
    base: dict[str, Any] = {
        "name": "shop",
        "platform": platform,
        "traffic": {"rate": 100},
        "service": service,
        "metrics": {"phase": "0s", "delay": "30s", "evaluation_offset": "0s"},
        "control": {"reroute": "0s", "agent_poll": "0s"},
        "alarms": list(alarms),
        "deployment_group": {
            "alarmConfiguration": {
                "enabled": bool(alarms),
                "alarms": [{"name": a["AlarmName"]} for a in alarms],
            },
        },
        "noise": "expected",
        "strategies": [strategy],
    }  # fmt: skip
    for key, value in more.items():
        base[key] = base[key] | value if isinstance(base.get(key), dict) else value
    base["traffic"] = {key: value for key, value in base["traffic"].items() if value is not None}
    return stratsim.load(base)


def stops(found: Scenario) -> tuple[FirstStop, ...]:
    result = stratsim.plan(found, found.strategies[0].name)
    assert result.stops is not None
    return result.stops


@pytest.mark.parametrize(
    ("of", "m", "seconds"),
    [(1, 1, 120), (2, 2, 180), (3, 2, 180), (3, 3, 240), (5, 5, 360)],
)
def test_m_bad_minutes_have_to_be_published(of: int, m: int, seconds: float) -> None:
    """Minute 0 is known at 1:30 and judged at 2:00; each further one takes a minute more."""
    (stop,) = stops(scenario(alarm(EvaluationPeriods=of, DatapointsToAlarm=m)))

    assert (stop.time_s, stop.note) == (seconds, "")
    # the second shift, at five minutes, comes before the last of them
    assert stop.new_share == (1.0 if seconds > 300 else 0.1)


@pytest.mark.parametrize(("poll", "seconds"), [("0s", 120), ("50s", 150), ("7m", 420)])
def test_codedeploy_has_to_look(poll: str, seconds: float) -> None:
    (stop,) = stops(scenario(alarm(), control={"alarm_poll": poll}))

    assert stop.time_s == seconds


def test_each_alarm_has_its_own_moment() -> None:
    slow = alarm(
        "slow", MetricName="TargetResponseTime", Statistic="Average", Threshold=2.0,
        EvaluationPeriods=2,
    )  # fmt: skip
    found = stops(scenario(alarm(), slow))

    assert [(stop.alarm, stop.time_s) for stop in found] == [("errors", 120), ("slow", 180)]


def test_an_alarm_on_everything_waits_for_the_second_shift() -> None:
    """A tenth of all fails until 5:00, a half is asked for: minute 5, judged at 7:00."""
    whole = alarm(Dimensions=[], Threshold=3000)
    (stop,) = stops(scenario(whole))

    assert (stop.time_s, stop.new_share) == (420, 1.0)


def test_too_late_for_a_short_deployment() -> None:
    """Ten bad minutes are known at 10:30, judged at 11:00; the deployment ends at 5:00."""
    late = alarm(EvaluationPeriods=10) | {
        "Namespace": "AWS/Lambda", "MetricName": "Errors",
        "Dimensions": [{"Name": "ExecutedVersion", "Value": "new"}],
    }  # fmt: skip
    (stop,) = stops(scenario(late, strategy=LAMBDA, platform="lambda"))

    assert (stop.time_s, stop.new_share) == (None, None)
    assert stop.note == "too late: not before 11m00s, when nobody looks"


def test_nobody_looks_in_the_termination_wait_where_told() -> None:
    control = {"watch_termination_wait": False}
    found = stops(scenario(alarm(), alarm("late", EvaluationPeriods=6), control=control))

    assert [stop.time_s for stop in found] == [120, None]
    assert [stop.until_s for stop in found] == [300, 300]


def test_an_alarm_that_sees_nothing() -> None:
    (stop,) = stops(scenario(alarm(Threshold=1e6)))

    assert (stop.time_s, stop.note) == (None, "not even if every request to the new revision fails")


def test_the_trace_of_the_traffic_may_end_first(tmp_path: Path) -> None:
    """Seven minutes of it: three bad ones are judged at 4:00, fifteen never."""
    stamps = [f"2024-01-01T00:{minute:02d}:00Z,6000" for minute in range(7)]
    file = tmp_path / "elb.csv"
    file.write_text("\n".join(["timestamp,value", *stamps]), encoding="utf-8")
    profile = {"kind": "trace", "file": str(file)}
    alarms = (alarm(EvaluationPeriods=3), alarm("late", EvaluationPeriods=15))
    found = stops(scenario(*alarms, traffic={"rate": None, "profile": profile}))

    assert [stop.time_s for stop in found] == [240, None]
    assert found[1].note == "not before the trace of the traffic ends"


def test_in_alarm_at_creation() -> None:
    """CodeDeploy ends at once; ECS passes over all its alarms."""
    usual = alarm("usual", Dimensions=[], Threshold=5)
    background = {"error_rate": 0.01}
    (stop,) = stops(scenario(usual, service=background))
    assert (stop.time_s, stop.note) == (0, "in ALARM at creation: ALARM_ACTIVE at once")

    rolling = {
        "name": "rolling",
        "ecs": {"alarms": {"alarmNames": ["usual", "errors"], "enable": True, "rollback": True}},
    }
    found = stops(scenario(usual, alarm(), service=background, strategy=rolling))
    assert [stop.time_s for stop in found] == [None, None]
    assert {stop.note for stop in found} == {"passed over: usual is in ALARM at the start"}


def test_what_never_becomes_healthy_may_be_seen_sooner() -> None:
    """Nothing can fail before a hook of half an hour is over; unhealthy targets are seen at once."""
    ill = alarm("ill", MetricName="UnHealthyHostCount", Statistic="Maximum", Threshold=0)
    hook = {"BeforeAllowTraffic": {"duration": "30m"}}
    found = stops(scenario(alarm(), ill, lifecycle=hook, service={"startup": "40s"}))

    # at 30:40, so that minute 30 has 200 errors and minute 31 the first 300: judged at 33:00
    assert [stop.time_s for stop in found] == [33 * 60, 120]
    assert [stop.new_share for stop in found] == [0.1, 0]


def test_no_alarm_no_stop() -> None:
    assert stops(scenario()) == ()
    gateway = {"name": "gateway", "canarySettings": {"percentTraffic": 10}}
    assert stops(scenario(alarm(), strategy=gateway)) == ()


ENTRIES: dict[str, tuple[str, Any]] = {
    "canary": ("ecs", CANARY),
    "linear": ("ecs", "CodeDeployDefault.ECSLinear10PercentEvery3Minutes"),
    "rolling": (
        "ecs",
        {"ecs": {"alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}}},
    ),
    "in place": ("ec2", "CodeDeployDefault.OneAtATime"),
    "blue/green": (
        "ec2",
        {"deploymentConfigName": "CodeDeployDefault.HalfAtATime", "deploymentStyle": "BLUE_GREEN"},
    ),
    "refresh": ("ec2", {"instanceRefresh": {"InstanceWarmup": 60, "AutoRollback": True}}),
    "appConfig": ("ecs", {"appConfig": "AppConfig.Linear20PercentEvery6Minutes"}),
}


@pytest.mark.parametrize(("platform", "entry"), ENTRIES.values(), ids=ENTRIES)
def test_a_run_in_which_everything_fails_is_stopped_then(platform: str, entry: Any) -> None:
    strategy = entry if isinstance(entry, str) else {"name": "it", **entry}
    found = scenario(
        alarm(), strategy=strategy, platform=platform, metrics={"delay": "45s"},
        control={"reroute": "5s"}, service={"startup": "40s", "drain": "20s"},
        release={"outcomes": [
            {"name": "all", "probability": 1, "faults": [{"kind": "errors", "rate": 1}]},
        ]},
    )  # fmt: skip
    (stop,) = stops(found)
    run = stratsim.simulate(found, found.strategies[0].name)

    assert run.document["error_code"] == "ALARM_ACTIVE"
    assert stop.time_s == run.outcome["deployment_duration_s"]


def test_the_plan_tells_of_it_in_words_and_as_data() -> None:
    result = stratsim.plan(scenario(alarm(), alarm("blind", Threshold=1e6)), CANARY)

    *_, head, first, second = str(result).splitlines()
    assert head.split() == ["alarm", "could", "first", "stop", "it", "new"]
    assert first.split() == ["errors", "2m00s", "10%"]
    assert second.split()[:2] == ["blind", "-"]
    assert result.to_dict()["alarms"] == [
        {"alarm": "errors", "time_s": 120.0, "new_share": 0.1, "until_s": 600.0, "note": ""},
        {
            "alarm": "blind", "time_s": None, "new_share": None, "until_s": 600.0,
            "note": "not even if every request to the new revision fails",
        },
    ]  # fmt: skip
    assert "could first stop it" in result._repr_html_()
