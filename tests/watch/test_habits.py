"""When alarms are evaluated in a run, on what, and whom they tell."""

from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.cloudwatch import State, replay_alarm
from stratsim.engine.deployment import Deployment
from stratsim.engine.fleet import NEVER
from stratsim.engine.setup import prepare
from stratsim.errors import UnsupportedError
from stratsim.signals import ERRORS, HEALTHY, OLD, REQUESTS, WIDTH, Telemetry, empty_row
from stratsim.strategies import build_plan
from stratsim.watch import MINUTE_US, AlarmBank, MetricProgram, MetricWatch, compile_alarms
from stratsim.world import Block

ALB = "AWS/ApplicationELB"


def scenario(*alarms: dict[str, Any], **keys: Any) -> Any:
    return stratsim.load(
        {
            "name": "s",
            "platform": "ecs",
            "traffic": {"rate": 10},
            "service": {"instances": 2, "capacity": 50, "error_rate": 0},
            "release": {
                "outcomes": [
                    {"name": "bad", "probability": 1, "faults": [{"kind": "errors", "rate": 0.5}]}
                ]
            },
            "alarms": list(alarms),
            "metrics": {"delay": "0s", "phase": "0s"},
            "noise": "expected",
            "strategies": ["CodeDeployDefault.ECSAllAtOnce"],
            **keys,
        }
    )


def errors(name: str = "a", **keys: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": ALB,
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **keys,
    }


def program(alarm: dict[str, Any], **keys: Any) -> MetricProgram:
    found = compile_alarms(scenario(alarm, **keys), one_target_group=False)[0]
    assert isinstance(found, MetricProgram)
    return found


def telemetry(counts: list[float], late_s: int = 0, first: int = 0) -> Telemetry:
    found = Telemetry(None, None, -first)
    for at, count in enumerate(counts):
        row = empty_row()
        row[OLD * WIDTH + ERRORS], row[OLD * WIDTH + HEALTHY] = count, 2.0
        row[OLD * WIDTH + REQUESTS] = 600.0
        found.close(row, [], (first + at + 1) * MINUTE_US + late_s * 1_000_000)
    return found


def run(loaded: Any) -> Deployment:
    setup = prepare(loaded, build_plan(loaded, loaded.strategies[0]))
    found = Deployment(setup, Block(loaded, 7, 0).row(0), traced=True)
    found.run()
    return found


def times_s(found: Deployment, name: str, state: str = "ALARM") -> list[float]:
    return [
        at / 1e6 for at, alarm, _, after in found.record.alarms if (alarm, after) == (name, state)
    ]


class TestPhase:
    def test_each_alarm_keeps_its_second_of_the_minute(self) -> None:
        found = run(
            scenario(errors(), metrics={"delay": "0s", "phase": "0s", "evaluation_offset": "40s"})
        )

        (fired,) = times_s(found, "a")
        assert fired % 60 == pytest.approx(40)

    def test_a_datapoint_that_comes_before_that_second_is_seen(self) -> None:
        late = {"delay": "30s", "phase": "0s"}
        sooner = run(scenario(errors(), metrics={**late, "evaluation_offset": "40s"}))
        later = run(scenario(errors(), metrics={**late, "evaluation_offset": "20s"}))

        assert times_s(later, "a")[0] - times_s(sooner, "a")[0] == pytest.approx(40)

    def test_random_offsets_differ_between_alarms(self) -> None:
        metrics = {"delay": "0s", "phase": "0s", "evaluation_offset": "random"}
        loaded = scenario(errors("a"), errors("b"), metrics=metrics, noise="sampled")
        found = run(loaded)

        assert times_s(found, "a")[0] % 60 != times_s(found, "b")[0] % 60


class TestShortPeriods:
    def test_are_evaluated_every_ten_seconds(self) -> None:
        watch = MetricWatch(program(errors(Period=10)), 43_000_000)

        assert [offset / 1e6 for offset in watch.offsets_us] == [3, 13, 23, 33, 43, 53]

    def test_a_metric_of_one_datapoint_a_minute_is_long_past(self) -> None:
        """Stamped with its minute's begin, seen after its end: out of a range of 50 s."""
        watch = MetricWatch(program(errors(Period=10, EvaluationPeriods=3)), 0)
        seen = telemetry([99.0] * 5)

        states = {
            watch.evaluate(seen, minute, minute * MINUTE_US + late, late)
            for minute in range(1, 5)
            for late in watch.offsets_us
        }

        assert states == {State.OK}

    def test_a_long_range_reaches_it(self) -> None:
        """Ten periods of 10 s reach back 100 s and more: the datapoint of 60 to 70 s ago."""
        alarm = errors(Period=10, EvaluationPeriods=10, DatapointsToAlarm=1)
        watch = MetricWatch(program(alarm), 0)

        assert watch.evaluate(telemetry([99.0]), 1, MINUTE_US, 0) is State.ALARM


class TestLongWindows:
    ALARM = errors(Period=3600, EvaluationPeriods=25, DatapointsToAlarm=1, Threshold=50)

    def test_are_judged_on_the_hour(self) -> None:
        watch = MetricWatch(program(self.ALARM), 0)
        seen = telemetry([0.0] * 70 + [99.0] + [0.0] * 60)

        states = [watch.evaluate(seen, m, m * MINUTE_US) for m in range(1, 131)]

        fired = states.index(State.ALARM) + 1
        assert fired == 120  # the error of minute 70 belongs to the hour that ends then

    def test_a_day_is_judged_every_minute(self) -> None:
        assert not program({**self.ALARM, "EvaluationPeriods": 24}).hourly
        assert program(self.ALARM).hourly

    def test_in_a_run_they_see_the_days_before(self) -> None:
        loaded = scenario(
            errors(
                Period=3600, EvaluationPeriods=25, DatapointsToAlarm=25, MetricName="RequestCount"
            ),
        )

        assert run(loaded).record.alarms[0][3] == "ALARM"


class TestLowSamples:
    def p99(self, **keys: Any) -> dict[str, Any]:
        found = errors(
            ExtendedStatistic="p99", MetricName="TargetResponseTime", Threshold=0.001, **keys
        )
        del found["Statistic"]
        return found

    def test_a_percentile_of_few_keeps_its_state(self) -> None:
        """p99 wants 1,000 samples; there are 600 a minute."""
        kept = run(scenario(self.p99(EvaluateLowSampleCountPercentile="ignore")))
        judged = run(scenario(self.p99()))

        assert kept.record.alarms[0][3] == "INSUFFICIENT_DATA"
        assert judged.record.alarms[0][3] == "ALARM"

    def test_two_minutes_have_enough(self) -> None:
        alarm = self.p99(EvaluateLowSampleCountPercentile="ignore") | {"Period": 120}

        assert run(scenario(alarm)).record.alarms[0][3] == "ALARM"


class TestBands:
    def band(self, side: str = "", **keys: Any) -> dict[str, Any]:
        metric = {"Namespace": ALB, "MetricName": "RequestCount"}
        dimensions = {"Dimensions": [{"Name": "TargetGroup", "Value": side}]} if side else {}
        return {
            "AlarmName": "a",
            "EvaluationPeriods": 2,
            "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
            "ThresholdMetricId": "b",
            "TreatMissingData": "missing",
            "Metrics": [
                {
                    "Id": "m",
                    "MetricStat": {"Metric": {**metric, **dimensions}, "Period": 60, "Stat": "Sum"},
                },
                {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m, 4)"},
            ],
            **keys,
        }

    def test_the_usual_traffic_lies_inside(self) -> None:
        found = run(scenario(self.band(), noise="sampled"))

        assert found.record.alarms[0][3] == "OK"
        assert times_s(found, "a") == []

    def test_a_day_and_night_is_learnt(self) -> None:
        """Ten times less at night is no anomaly at night."""
        day = {
            "kind": "diurnal",
            "mean": 50,
            "peak_to_trough": 10,
            "peak_at": "14:00",
            "start": "02:00",
        }
        found = program(self.band(), traffic={"profile": day})
        assert found.band is not None
        assert found.band.model is not None

        night, noon = found.band.model.expected(np.array([0.0, 12 * 3600.0]))

        assert noon / night == pytest.approx(10, rel=0.35)

    def test_a_surge_is_an_anomaly(self) -> None:
        steps = {"kind": "steps", "points": [["0s", 10], ["2m", 20]]}
        found = run(scenario(self.band(), traffic={"profile": steps}))

        assert times_s(found, "a")[0] == pytest.approx(240)  # two minutes of it

    def test_what_is_new_has_no_band(self) -> None:
        found = run(scenario(self.band("new"), noise="sampled"))

        assert {after for *_, after in found.record.alarms} == {"INSUFFICIENT_DATA"}


RULE = {"AlarmName": "c", "AlarmRule": "ALARM(a)"}
MUTE = errors("mute", MetricName="RequestCount", Threshold=1)


class TestActions:
    def paged_s(self, *alarms: dict[str, Any]) -> float:
        loaded = scenario(*alarms, on_call={"respond": "10h", "notice": "10h"})
        return run(loaded).watching.paged_us / 1e6

    def test_an_alarm_without_actions_pages_nobody(self) -> None:
        assert 0 < self.paged_s(errors()) < 3600
        assert self.paged_s(errors(ActionsEnabled=False)) < 0  # never

    def test_suppressed_actions_page_nobody(self) -> None:
        """The suppressor is in ALARM all the time; the composite's state changes all the same."""
        held = {
            **RULE,
            "ActionsSuppressor": "mute",
            "ActionsSuppressorWaitPeriod": 60,
            "ActionsSuppressorExtensionPeriod": 60,
        }
        quiet = [errors(ActionsEnabled=False), {**MUTE, "ActionsEnabled": False}]
        found = run(scenario(*quiet, held, on_call={"respond": "10h", "notice": "10h"}))

        assert times_s(found, "c") == times_s(found, "a") != []
        assert found.watching.paged_us == NEVER

    def test_without_a_suppressor_in_alarm_they_wait(self) -> None:
        held = {
            **RULE,
            "ActionsSuppressor": "never",
            "ActionsSuppressorWaitPeriod": 120,
            "ActionsSuppressorExtensionPeriod": 60,
        }
        never = errors("never", Threshold=1e9)
        quiet = errors(ActionsEnabled=False)

        assert self.paged_s(quiet, never, held) - self.paged_s(quiet, RULE) == 120

    def test_codedeploy_polls_the_state(self) -> None:
        held = {
            **RULE,
            "ActionsEnabled": False,
            "ActionsSuppressor": "mute",
            "ActionsSuppressorWaitPeriod": 60,
            "ActionsSuppressorExtensionPeriod": 60,
        }
        group = {
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "c"}]},
            "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
        }
        found = run(scenario(errors(), MUTE, held, deployment_group=group))

        assert found.status == "Stopped"


def test_a_reading_with_noise_is_made_once() -> None:
    """A window's percentile does not change from one evaluation to the next."""
    alarm = errors(
        ExtendedStatistic="p90", MetricName="TargetResponseTime", Period=120, Threshold=0.1
    )
    del alarm["Statistic"]
    found = run(scenario(alarm, noise="sampled"))
    (watch,) = found.watching.bank.metric

    assert len(watch._known) > 3
    assert len({(key[1], key[2]) for key in watch._known}) == len(watch._known)


def test_the_same_counts_make_the_same_states_as_a_replay() -> None:
    counts = [0.0, 9, 0, 0, 9, 9, 0, 0, 0]
    watch = MetricWatch(program(errors(EvaluationPeriods=2)), 0)
    seen = telemetry(counts, late_s=60)
    watch.read(seen)

    states = [watch.evaluate(seen, m, m * MINUTE_US).name for m in range(1, 10)]

    values = [None if count == 0 else count for count in counts]
    assert states == replay_alarm(watch.program.alarm, values, 1)


def test_the_bank_knows_all_its_moments() -> None:
    programs = compile_alarms(scenario(errors("a"), errors("b", Period=30)), one_target_group=False)

    bank = AlarmBank(programs, [20_000_000, 5_000_000])

    assert [offset // 1_000_000 for offset in bank.offsets_us] == [5, 15, 20, 25, 35, 45, 55]


def math_alarm(expression: str) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": ALB, "MetricName": "RequestCount"}, "Period": 60, "Stat": "Sum"}
    return {
        "AlarmName": "a",
        "Metrics": [
            {"Id": "e", "Expression": expression},
            {"Id": "m", "MetricStat": stat, "ReturnData": False},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def test_a_run_has_no_date() -> None:
    with pytest.raises(UnsupportedError, match=r"alarms\.a: functions of the clock are not"):
        program(math_alarm("IF(HOUR(m) < 8, m)"))


@pytest.mark.parametrize("engine", ["des", "batch"])
def test_an_alarm_on_the_highest_of_an_array_fires(engine: str) -> None:
    """600 requests a minute; they were there before, so the deployment stops at once."""
    deployed = scenario(
        math_alarm("FIRST(SORT(METRICS(), SUM, DESC))"),
        deployment_group={"alarmConfiguration": {"enabled": True, "alarms": [{"name": "a"}]}},
    )

    found = stratsim.compare(deployed, engine=engine).table()["deployment_duration_s"]

    assert found.tolist() == [0]
