"""Alarms over real traces with labelled faults; skipped where the traces are not there."""

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
