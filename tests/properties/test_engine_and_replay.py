"""Alarms inside the engine and over the finished series go through the same states."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import stratsim
from stratsim.cloudwatch import evaluate_alarm, replay_alarm
from stratsim.engine.deployment import Deployment
from stratsim.engine.setup import prepare
from stratsim.signals import Telemetry
from stratsim.strategies import build_plan
from stratsim.watch import MetricProgram
from stratsim.world import Block

ALB = "AWS/ApplicationELB"
OPERATORS = ("GreaterThanThreshold", "LessThanOrEqualToThreshold")
COUNTS = ("HTTPCode_Target_5XX_Count", "RequestCount", "HTTPCode_Target_2XX_Count")


def rule(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 4))
    return {
        "EvaluationPeriods": n,
        "DatapointsToAlarm": draw(st.integers(1, n)),
        "ComparisonOperator": draw(st.sampled_from(OPERATORS)),
        "TreatMissingData": draw(
            st.sampled_from(("missing", "ignore", "breaching", "notBreaching"))
        ),
    }


def side(draw: st.DrawFn) -> list[dict[str, str]]:
    value = draw(st.sampled_from(("new", "old", "")))
    return [{"Name": "TargetGroup", "Value": value}] if value else []


@st.composite
def counted(draw: st.DrawFn) -> dict[str, Any]:
    return rule(draw) | {
        "Namespace": ALB,
        "MetricName": draw(st.sampled_from(COUNTS)),
        "Dimensions": side(draw),
        "Statistic": "Sum",
        "Period": draw(st.sampled_from((60, 120, 300))),
        "Threshold": draw(st.sampled_from((0, 3, 30, 200))),
    }


@st.composite
def divided(draw: st.DrawFn) -> dict[str, Any]:
    dimensions = side(draw)
    series = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": ALB, "MetricName": metric, "Dimensions": dimensions},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for name, metric in (("e", COUNTS[0]), ("r", COUNTS[1]))
    ]
    text = draw(st.sampled_from(("100*e/r", "IF(r>20, 100*e/r, 0)", "100*FILL(e,0)/r", "DIFF(r)")))
    expression = {"Id": "x", "Expression": text}
    return rule(draw) | {
        "Metrics": [*series, expression],
        "Threshold": draw(st.sampled_from((0, 2))),
    }


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    alarms = draw(st.lists(st.one_of(counted(), divided()), min_size=1, max_size=3))
    return {
        "name": "any",
        "platform": "ecs",
        "traffic": {"rate": draw(st.sampled_from((0.5, 5, 60))), "dispersion": 1},
        "service": {"instances": 3, "capacity": 40, "error_rate": 0.01},
        "release": {
            "outcomes": [
                {"name": "bad", "probability": 1, "faults": [{"kind": "errors", "rate": 0.1}]}
            ]
        },
        "alarms": [{"AlarmName": f"a{i}", **alarm} for i, alarm in enumerate(alarms)],
        "metrics": {
            "delay": draw(st.sampled_from(("0s", "45s", "150s", {"min": 30, "max": 200}))),
            "evaluation_range_extra": draw(st.integers(0, 3)),
            "target_5xx_when_zero": draw(st.sampled_from(("absent", "zero"))),
        },
        "strategies": ["CodeDeployDefault.ECSCanary10Percent5Minutes"],
        "seed": draw(st.integers(0, 99)),
    }


def finished(document: dict[str, Any]) -> Deployment:
    scenario = stratsim.load(document)
    setup = prepare(scenario, build_plan(scenario, scenario.strategies[0]))
    run = Deployment(setup, Block(scenario, scenario.seed, 0).row(0), traced=True)
    run.run()
    return run


def engine_states(run: Deployment, name: str, minutes: int) -> list[str]:
    """The state after the evaluation at the end of each minute, creation first."""
    changes = [(at, after) for at, alarm, _, after in run.record.alarms if alarm == name]
    ends = [(minute + 1) * 60_000_000 - run.phase_us for minute in range(minutes)]
    return [[after for at, after in changes if at <= end][-1] for end in ends]


def series_of(program: MetricProgram, telemetry: Telemetry) -> list[list[float | None]]:
    found = []
    for _, reader in program.readers:
        assert reader is not None
        values = [reader.value(telemetry, (at,)) for at in range(len(telemetry.rows))]
        found.append([None if np.isnan(value) else float(value) for value in values])
    return found


def delays(run: Deployment) -> list[int]:
    telemetry = run.telemetry
    ends = [
        (telemetry.first + at + 1) * 60_000_000 - run.phase_us for at in range(len(telemetry.rows))
    ]
    late = zip(telemetry.published_us, ends, strict=True)
    return [-(-(published - end) // 60_000_000) for published, end in late]


def replayed(run: Deployment, program: MetricProgram, state: str) -> list[str]:
    series = series_of(program, run.telemetry)
    names = [name for name, _ in program.readers]
    values: Any = dict(zip(names, series, strict=True)) if program.alarm.Metrics else series[0]
    return replay_alarm(program.alarm, values, delays(run), program.size, initial_state=state)


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_one_period_at_a_time_and_all_at_once(document: dict[str, Any]) -> None:
    run = finished(document)
    history, minutes = -run.telemetry.first, run.telemetry.next_minute
    for program in run.setup.programs:
        assert isinstance(program, MetricProgram)
        inside = engine_states(run, program.name, minutes)
        outside = {
            state: replayed(run, program, state)[history:]
            for state in ("OK", "ALARM", "INSUFFICIENT_DATA")
        }
        # Where a state is kept, what was long before the deployment decides: from the
        # first evaluation on that does not depend on it, both must agree.
        settled = False
        for minute, state in enumerate(inside):
            found = {states[minute] for states in outside.values()}
            settled = settled or len(found) == 1
            if settled:
                assert found == {state}, (program.alarm, minute)


def test_the_evaluator_of_one_range_is_the_same() -> None:
    alarm = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": OPERATORS[0]}
    assert evaluate_alarm(alarm, [None, 2.0]) == replay_alarm(alarm, [None, 2.0])[-1] == "ALARM"
