"""The commands alarm test, alarm power and metrics."""

import json
from pathlib import Path
from typing import Any

import pytest

from stratsim.signals.table import NAMESPACES, metrics_of

ALARM = {
    "AlarmName": "a",
    "Namespace": "AWS/ApplicationELB",
    "MetricName": "HTTPCode_Target_5XX_Count",
    "Dimensions": [{"Name": "TargetGroup", "Value": "targetgroup/green/0123"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
MUTED = {
    "AlarmName": "a",
    "Metrics": [
        {"Id": "e", "Expression": "IF(HOUR(m) >= 13, m)"},
        {
            "Id": "m",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"},
                "Period": 60,
                "Stat": "Sum",
            },
        },
    ],
    "EvaluationPeriods": 2,
    "DatapointsToAlarm": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
}
CSV = """\
timestamp,value,other,label
2024-05-01T12:00:00Z,0,7,
2024-05-01T12:01:00Z,9,8,cpu
2024-05-01T12:02:00Z,,9,
2024-05-01T12:03:00Z,0,1,
2024-05-01T12:04:00Z,0,1,
"""


@pytest.fixture
def alarm(tmp_path: Path) -> str:
    path = tmp_path / "alarm.json"
    path.write_text(json.dumps(ALARM))
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.csv"
    path.write_text(CSV)
    return str(path)


class TestAlarmTest:
    def test_tells_an_alarm_that_was_there_before_a_window(
        self, cli: Any, alarm: str, tmp_path: Path
    ) -> None:
        """Bad from 12:00 on, labelled from 12:03 on; a window of which nothing is seen."""
        rows = [
            f"2024-05-01T12:0{m}:00Z,{9 if m < 5 else 0},{'cpu' if m > 2 else ''}" for m in range(6)
        ]
        rows.append("2024-05-01T12:30:00Z,0,disk")
        path = tmp_path / "data.csv"
        path.write_text("\n".join(["timestamp,value,label", *rows]))

        ended = cli("alarm", "test", alarm, str(path))

        cpu, disk = (line for line in ended.out.splitlines() if "cpu" in line or "disk" in line)
        assert "in ALARM before" in cpu
        assert "missed" in disk

    def test_tells_of_transitions_and_labels(self, cli: Any, alarm: str, data: str) -> None:
        ended = cli("alarm", "test", alarm, data)

        assert ended.code == 0
        assert "2024-05-01T12:03:00Z" in ended.out
        assert "9.0 (01/05/24" in ended.out
        assert "false alarms" in ended.out

    def test_document(self, cli: Any, alarm: str, data: str) -> None:
        document = cli("alarm", "test", alarm, data, "--json").document

        found = document["alarms"][0]
        assert (found["alarm"], found["firings"]) == ("a", 1)
        assert [row["to"] for row in found["transitions"]] == ["OK", "ALARM", "OK"]
        assert (found["labels"]["caught"], found["labels"]["false_alarms"]) == (1, 0)
        assert document["provenance"]["command"].startswith("stratsim alarm test ")

    def test_another_column(self, cli: Any, alarm: str, data: str) -> None:
        document = cli("alarm", "test", alarm, data, "--column", "other", "--json").document

        assert document["alarms"][0]["minutes_in"]["ALARM"] == 3

    def test_knows_the_time_of_day(self, cli: Any, alarm: str, data: str) -> None:
        """The data are of noon; the alarm is mute before one o'clock.

        One of two: the newest minute is not published yet and counts as 0 beside a clock.
        """
        Path(alarm).write_text(json.dumps(MUTED))
        muted = cli("alarm", "test", alarm, data, "--column", "m=value", "--json").document
        Path(alarm).write_text(json.dumps(MUTED).replace(">= 13", ">= 12"))
        awake = cli("alarm", "test", alarm, data, "--column", "m=value", "--json").document

        assert [one["alarms"][0]["firings"] for one in (muted, awake)] == [0, 1]

    def test_names_what_is_not_evaluated(self, cli: Any, alarm: str, data: str) -> None:
        asked = {
            "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}},
            "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5},
        }
        Path(alarm).write_text(json.dumps(ALARM | asked))

        told = cli("alarm", "test", alarm, data).err

        assert "a: EvaluationWindow: WallClockWindow is not simulated; the windows slide." in told
        assert "a: WarmUpConfiguration is not simulated" in told

    def test_draws(self, cli: Any, alarm: str, data: str, tmp_path: Path) -> None:
        picture = tmp_path / "out.png"

        assert cli("alarm", "test", alarm, data, "--plot", str(picture)).code == 0
        assert picture.stat().st_size > 1000

    def test_takes_a_scenario_and_get_metric_data(
        self, cli: Any, scenario: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "data.json"
        stamps = [f"2024-05-01T12:0{minute}:00+00:00" for minute in (4, 3, 2, 1, 0)]
        results = [{"Id": "m1", "Timestamps": stamps, "Values": [0, 0, 0, 99, 0]}]
        path.write_text(json.dumps({"MetricDataResults": results, "Messages": []}))

        document = cli("alarm", "test", scenario, str(path), "--json").document

        assert document["alarms"][0]["firings"] == 1
        assert document["data"]["from"] == "2024-05-01T12:00:00Z"

    def test_takes_describe_alarms(self, cli: Any, data: str, tmp_path: Path) -> None:
        path = tmp_path / "alarms.json"
        described = {**ALARM, "StateValue": "OK", "AlarmArn": "arn:aws:cloudwatch:x:1:alarm:a"}
        rule = {"AlarmName": "c", "AlarmRule": "ALARM(a)"}
        path.write_text(json.dumps({"MetricAlarms": [described], "CompositeAlarms": [rule]}))

        document = cli("alarm", "test", str(path), data, "--json").document

        assert [row["firings"] for row in document["alarms"]] == [1, 1]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "data.csv:1: header: must be one that names timestamp"),
            ("timestamp,value\n", "data.csv: must be a file with at least one datapoint"),
            ("timestamp,value\nnow,1\n", "data.csv:2: timestamp: must be an ISO 8601"),
            (
                "timestamp,value\n2024-05-01T12:00Z,1\n2024-05-01T12:01Z,x\n",
                "data.csv:3: value: must be a number",
            ),
            (
                "timestamp,value\n2024-05-01T12:00Z,1\n2024-05-01T12:00Z,2\n",
                "data.csv:3: timestamp: must be given once",
            ),
            ('{"MetricDataResults": [{"Id": "m"}]}', "MetricDataResults.0: must be a mapping"),
            ("{", "data.csv:1: must be JSON"),
            ("[1]", "data.csv: must be a mapping with MetricDataResults"),
            ("timestamp,value\n2024-05-01T12:00Z,abc\n", "must be a file with a column of numbers"),
        ],
    )
    def test_bad_data(self, cli: Any, alarm: str, data: str, text: str, message: str) -> None:
        Path(data).write_text(text)

        ended = cli("alarm", "test", alarm, data)

        assert ended.code == 2
        assert message in ended.err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"AlarmName": "a",\n "Period": 45}', "alarm.json:2: Period: must be 10, 20, 30"),
            ('[{"AlarmName": "a",\n"Namespce": "x"}]', "alarm.json:2: alarms.0.Namespce: must be"),
            ("- {AlarmName: a,\n   Period: 45}", "alarm.json:2: alarms.0.Period: must be"),
            ('{"MetricAlarms": []}', "alarm.json: must be a file with at least one alarm"),
            ('{"MetricAlarms": 3}', "MetricAlarms: must be a list of alarms"),
        ],
    )
    def test_bad_alarms(self, cli: Any, alarm: str, data: str, text: str, message: str) -> None:
        Path(alarm).write_text(text)

        ended = cli("alarm", "test", alarm, data)

        assert ended.code == 2
        assert message in ended.err

    def test_slow_data_for_a_fast_alarm(self, cli: Any, alarm: str, data: str) -> None:
        Path(data).write_text(
            "timestamp,value\n2024-05-01T12:00Z,1\n2024-05-01T12:05Z,9\n2024-05-01T12:10Z,1\n"
        )

        refused = cli("alarm", "test", alarm, data)
        told = cli("alarm", "test", alarm, data, "--resample", "--json")

        assert refused.code == 2
        assert "a.Period: must be at least the 300 s between the datapoints" in refused.err
        assert "--resample" in refused.err
        assert told.document["alarms"][0]["firings"] == 1
        assert "that of a Sum is too low" in told.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--alarm", "b"), "--alarm: must be one of a"),
            (("--column", "vale"), "column: must be one of value, other"),
            (("--label", "x"), "--label: must be one of"),
            (("--column", "=x", "--column", "y"), "--column: must be NAME"),
            (("--plot", "x.gif"), "--plot: must be a file that ends in"),
        ],
    )
    def test_bad_options(
        self, cli: Any, alarm: str, data: str, arguments: tuple[str, ...], message: str
    ) -> None:
        ended = cli("alarm", "test", alarm, data, *arguments)

        assert ended.code == 2
        assert message in ended.err


class TestAlarmPower:
    def test_takes_weight_and_bake_from_a_strategy(self, cli: Any, scenario: str) -> None:
        document = cli(
            "alarm", "power", scenario, "--strategy", "careful", "--error-rate", "0.2", "--json"
        ).document

        assert (document["weight"], document["bake_s"]) == (0.05, 900)
        assert document["rate_rps"] == pytest.approx(200)
        assert document["method"] == "exact"
        assert [point["rate"] for point in document["curve"]] == [0.0001, 0.2]
        assert document["smallest_80"] <= document["smallest_95"]

    def test_tells_of_dilution_and_draws(self, cli: Any, alarm: str, tmp_path: Path) -> None:
        document = {key: value for key, value in ALARM.items() if key != "Dimensions"}
        Path(alarm).write_text(json.dumps(document))
        picture = tmp_path / "power.svg"

        ended = cli(
            "alarm", "power", alarm, "--rate", "20", "--bake", "10m", "--error-rate", "0.5",
            "--plot", str(picture),
        )  # fmt: skip

        assert ended.code == 0
        assert "10 times rarer" in ended.err
        assert "ALARM within bake" in ended.out
        assert picture.stat().st_size > 1000

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "--rate: must be given without a scenario"),
            (("--rate", "0"), "--rate: must be a number in (0, "),
            (("--rate", "9", "--weight", "2"), "--weight: must be a number in (0, 1]"),
            (("--rate", "9", "--bake", "soon"), "--bake: must be a duration"),
            (("--rate", "9", "--error-rate", "0"), "--error-rate: must be a number in (0, 1]"),
            (("--rate", "9", "--strategy", "x"), "--strategy: must be absent without a scenario"),
            (("--alarm", "b"), "--alarm: must be one of a"),
        ],
    )
    def test_bad_options(
        self, cli: Any, alarm: str, arguments: tuple[str, ...], message: str
    ) -> None:
        ended = cli("alarm", "power", alarm, *arguments)

        assert ended.code == 2
        assert message in ended.err

    def test_says_what_has_no_closed_form(self, cli: Any, alarm: str) -> None:
        Path(alarm).write_text(json.dumps({**ALARM, "MetricName": "HealthyHostCount"}))

        ended = cli("alarm", "power", alarm, "--rate", "9")

        assert ended.code == 2
        assert "Sum of HealthyHostCount has no closed form" in ended.err

    def test_has_no_clock(self, cli: Any, alarm: str) -> None:
        Path(alarm).write_text(json.dumps(MUTED))

        ended = cli("alarm", "power", alarm, "--rate", "9")

        assert ended.code == 2
        assert "a: functions of the clock have no closed form; `stratsim alarm test`" in ended.err


class TestMetrics:
    @pytest.mark.parametrize("platform", NAMESPACES)
    def test_document_is_the_table(self, cli: Any, platform: str) -> None:
        document = cli("metrics", platform, "--json").document

        assert [row["metric"] for row in document["metrics"]] == [
            metric.name for metric in metrics_of(platform)
        ]

    def test_prints(self, cli: Any) -> None:
        ended = cli("metrics", "lambda")

        assert "Invocations" in ended.out
        assert "metrics.delay" in ended.out

    @pytest.mark.parametrize("platform", NAMESPACES)
    def test_fits_a_narrow_terminal(self, cli: Any, platform: str) -> None:
        printed = cli("metrics", platform).out

        assert max(map(len, printed.splitlines())) <= 100
        for metric in metrics_of(platform):
            assert f"- {metric.name} by " in printed

    def test_another_platform(self, cli: Any) -> None:
        ended = cli("metrics", "eks")

        assert ended.code == 2
        assert "PLATFORM: must be one of ecs, ec2, lambda" in ended.err
