"""Alarms over real traces with labelled faults; skipped where the traces are not there."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import stratsim
from stratsim.backtest import Datapoints, backtest
from stratsim.cloudwatch.parse import parse_alarm
from stratsim.scenario_io.datapoints import read_datapoints

TRACES = Path(stratsim.__file__).parents[2] / "shared" / "data" / "traces"
pytestmark = pytest.mark.skipif(not TRACES.is_dir(), reason="the traces are not there")

SHAPES = {"2 of 3": (2, 3), "1 of 1": (1, 1), "3 of 3": (3, 3), "3 of 5": (3, 5)}
BELOW, ABOVE = "LessThanThreshold", "GreaterThanThreshold"


def alarms(threshold: float, operator: str, period: int = 60, **keys: Any) -> list[Any]:
    return [
        parse_alarm(
            {
                "AlarmName": name,
                "Namespace": "N",
                "MetricName": "M",
                "Period": period,
                "EvaluationPeriods": n,
                "DatapointsToAlarm": m,
                "Threshold": threshold,
                "ComparisonOperator": operator,
                "TreatMissingData": "notBreaching",
                **(keys or {"Statistic": "Average"}),
            }
        )
        for name, (m, n) in SHAPES.items()
    ]


def table(data: Datapoints, watching: list[Any], column: str) -> dict[str, tuple[int, ...]]:
    """Return fired, caught, missed and false alarms by alarm."""
    document = backtest(watching, data, columns={"": column}).to_dict()
    return {
        row["alarm"]: (
            row["firings"],
            *(row["labels"][key] for key in ("caught", "missed", "false_alarms")),
        )
        for row in document["alarms"]
    }


def read(name: str, label: str | None = None) -> Datapoints:
    return read_datapoints(str(TRACES / name), label)


def test_availability() -> None:
    """Every shape sees the same long dips; most faults do not touch the availability."""
    found = table(read("availability_labelled_1min.csv"), alarms(99, BELOW), "value")

    assert found == dict.fromkeys(SHAPES, (7, 5, 19, 2))


def test_latency() -> None:
    watching = alarms(3, ABOVE, ExtendedStatistic="p99")

    assert table(read("latency_p99_labelled_1min.csv"), watching, "value") == {
        "2 of 3": (7, 7, 17, 1),
        "1 of 1": (9, 6, 18, 2),
        "3 of 3": (6, 5, 19, 1),
        "3 of 5": (6, 6, 18, 1),
    }


def test_latency_of_sparse_traffic() -> None:
    """A front end of a few requests a minute: one slow request makes a p99."""
    data = read("nezha_trainticket_frontend_latency_1min_2023-01-29.csv", "fault")
    watching = alarms(3, ABOVE, ExtendedStatistic="p99")

    assert table(data, watching, "latency_p99_s") == {
        "2 of 3": (25, 2, 26, 23),
        "1 of 1": (93, 8, 20, 84),
        "3 of 3": (0, 0, 28, 0),
        "3 of 5": (4, 1, 27, 3),
    }


def test_requests_of_a_load_balancer() -> None:
    data = read("nab_elb_request_count_5min.csv", "anomaly_window")

    assert table(data, alarms(250, ABOVE, 300, Statistic="Sum"), "value") == {
        "2 of 3": (4, 2, 0, 2),
        "1 of 1": (36, 2, 0, 28),
        "3 of 3": (1, 0, 2, 1),
        "3 of 5": (2, 1, 1, 1),
    }


def test_a_healthy_day_of_sparse_traffic() -> None:
    """588 windows without a fault: the start-up and one storm of retries are all there is."""
    data = read("petshop_low_traffic_healthy_5min.csv")
    found = backtest(alarms(99, BELOW, 300), data, columns={"": "availability_pct"})

    assert {r.name: len(r.firings) for r in found.replays} == {
        "2 of 3": 1,
        "1 of 1": 13,
        "3 of 3": 1,
        "3 of 5": 1,
    }


def petshop(folder: Path) -> Datapoints:
    """The 34 faults of PetShop, five windows each, labelled like ``latency: test/issue_0``.

    The file has no column of labels. It tells when the fault broke the target of its
    data set (``alarm_ts``), and on which metric: the windows that end after that are taken
    as the fault's, the ones before it in the same five as healthy. What lay between two
    faults was not published, so a false alarm can be seen in the windows before each only.
    """
    with (TRACES / "petshop_fault_windows_5min.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        ends = datetime.fromisoformat(row["timestamp"]) + timedelta(minutes=5)
        begun = ends > datetime.fromisoformat(row["alarm_ts"])
        row["label"] = f"{row['target_metric']}: {row['issue']}" if begun else ""
    path = folder / "petshop.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return read_datapoints(str(path))


def scored(data: Datapoints, watching: list[Any], column: str) -> dict[str, tuple[int, ...]]:
    """Return fired; caught of availability, of latency, by old ALARM; missed; false.

    An alarm that is still in ALARM from the fault before counts as having caught the
    next one: the third count of the caught tells how often.
    """
    document = backtest(watching, data, columns={"": column}).to_dict()
    found = {}
    for row in document["alarms"]:
        labels = row["labels"]
        caught = [window for window in labels["windows"] if window["caught"]]
        kinds = [window["label"].partition(":")[0] for window in caught]
        found[row["alarm"]] = (
            row["firings"],
            kinds.count("availability"),
            kinds.count("latency"),
            sum(window["delay_s"] == 0 for window in caught),
            labels["missed"],
            labels["false_alarms"],
        )
    return found


def highest_of_the_healthy_day(column: str) -> float:
    """Return the highest value after the start-up, the first nine windows."""
    values = read("petshop_low_traffic_healthy_5min.csv").columns[column][9:]
    return max(value for value in values if value is not None)


def test_labelled_faults_of_a_shop(tmp_path: Path) -> None:
    labels = [window.label for window in petshop(tmp_path).windows()]

    assert sum(label.startswith("availability: ") for label in labels) == 16
    assert sum(label.startswith("latency: ") for label in labels) == 18
    assert len(set(labels)) == 34


def test_availability_of_a_shop(tmp_path: Path) -> None:
    """Two of the 16 faults never take the availability below 99 % for a window.

    The faults show for two to four windows of five minutes: three in a row come late.
    """
    assert scored(petshop(tmp_path), alarms(99, BELOW, 300), "availability_pct") == {
        "2 of 3": (11, 12, 0, 1, 22, 0),
        "1 of 1": (14, 14, 0, 0, 20, 0),
        "3 of 3": (7, 7, 0, 0, 27, 0),
        "3 of 5": (5, 11, 0, 6, 23, 0),
    }


def test_latency_of_a_shop(tmp_path: Path) -> None:
    """Above all that the healthy day had, the mean tells more faults than p99 does."""
    data = petshop(tmp_path)
    p99, mean = (highest_of_the_healthy_day(f"latency_{name}_s") for name in ("p99", "avg"))

    assert scored(data, alarms(p99, ABOVE, 300, ExtendedStatistic="p99"), "latency_p99_s") == {
        "2 of 3": (7, 0, 7, 0, 27, 0),
        "1 of 1": (9, 1, 8, 0, 25, 0),
        "3 of 3": (5, 0, 5, 0, 29, 0),
        "3 of 5": (5, 0, 5, 0, 29, 0),
    }
    assert scored(data, alarms(mean, ABOVE, 300), "latency_avg_s") == {
        "2 of 3": (11, 0, 11, 0, 23, 0),
        "1 of 1": (14, 0, 14, 0, 20, 0),
        "3 of 3": (5, 0, 5, 0, 29, 0),
        "3 of 5": (5, 1, 5, 1, 28, 0),
    }
