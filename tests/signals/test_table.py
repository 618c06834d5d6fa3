"""The table of metrics, and how each kind is read."""

import math

import pytest

from stratsim.model.alarm import Dimension, MetricStat
from stratsim.model.settings import MetricSettings
from stratsim.signals import (
    CPU,
    ERRORS,
    HEALTHY,
    METRICS,
    NEW,
    OLD,
    REJECTED,
    REQUESTS,
    WIDTH,
    Row,
    Series,
    empty_row,
    series,
)
from stratsim.signals.table import NAMESPACES, metrics_of

ALB = "AWS/ApplicationELB"


class Minutes:
    """Telemetry without response times."""

    def __init__(self, *rows: Row) -> None:
        self.rows = rows


def row(old: dict[int, float], new: dict[int, float] | None = None) -> Row:
    found = empty_row()
    for side, fields in ((OLD, old), (NEW, new or {})):
        for field, value in fields.items():
            found[side * WIDTH + field] = float(value)
    return found


def reader(
    name: str, statistic: str, namespace: str = ALB, side: str = "", zero: str = "absent"
) -> Series:
    dimensions = (Dimension("TargetGroup", side),) if side else ()
    stat = MetricStat(
        Namespace=namespace, MetricName=name, Dimensions=dimensions, Period=60, Stat=statistic
    )
    settings = MetricSettings(target_5xx_when_zero=zero)
    found = series(stat, one_target_group=False, settings=settings)
    assert found is not None
    return found


def value(found: Series, *rows: Row) -> float:
    return found.value(Minutes(*rows), range(len(rows)))


BUSY = row({REQUESTS: 90, ERRORS: 3, REJECTED: 7, HEALTHY: 4, CPU: 0.5})


@pytest.mark.parametrize(
    ("name", "statistic", "expected"),
    [
        ("RequestCount", "Sum", 90),
        ("HTTPCode_Target_5XX_Count", "Sum", 3),
        ("HTTPCode_Target_2XX_Count", "Sum", 80),
        ("HTTPCode_ELB_5XX_Count", "Sum", 7),
        ("HTTPCode_ELB_503_Count", "Average", 1),
        ("RequestCountPerTarget", "Sum", 22.5),
        ("HealthyHostCount", "Minimum", 4),
        ("UnHealthyHostCount", "Maximum", 0),
        ("HTTPCode_Target_4XX_Count", "Sum", math.nan),
        ("TargetConnectionErrorCount", "Sum", math.nan),
    ],
)
def test_one_minute(name: str, statistic: str, expected: float) -> None:
    assert value(reader(name, statistic), BUSY) == pytest.approx(expected, nan_ok=True)


def test_utilisation_is_averaged_over_the_hosts_of_both_revisions() -> None:
    both = row({HEALTHY: 3, CPU: 0.6}, {HEALTHY: 1, CPU: 0.2})

    assert value(reader("CPUUtilization", "Average", "AWS/ECS"), both) == pytest.approx(50)


@pytest.mark.parametrize(("zero", "expected"), [("absent", math.nan), ("zero", 0.0)])
def test_a_count_of_zero_is_a_setting(zero: str, expected: float) -> None:
    calm = row({REQUESTS: 50, HEALTHY: 2})
    found = reader("HTTPCode_Target_5XX_Count", "Sum", zero=zero)

    assert value(found, calm) == pytest.approx(expected, nan_ok=True)
    assert math.isnan(value(found, row({})))  # nobody is registered


def test_the_load_balancers_own_errors_are_never_zero() -> None:
    found = reader("HTTPCode_ELB_5XX_Count", "Sum", zero="zero")

    assert math.isnan(value(found, row({REQUESTS: 50, HEALTHY: 2})))


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("Average", 0.03), ("Sum", 3), ("p97", 0), ("p98", 1), ("tm97", 0), ("TC(0.5:1)", 3)],
)
def test_an_indicator_has_samples_of_zero_and_one(statistic: str, expected: float) -> None:
    hundred = row({REQUESTS: 100, ERRORS: 3})

    assert value(reader("Errors", statistic, "AWS/Lambda"), hundred) == pytest.approx(expected)


def test_a_level_has_one_sample_a_minute() -> None:
    found = [row({HEALTHY: hosts}) for hosts in (4, 2, 3)]

    assert value(reader("HealthyHostCount", "Minimum"), *found) == 2
    assert value(reader("HealthyHostCount", "p50"), *found) == 3
    assert value(reader("HealthyHostCount", "SampleCount"), *found) == 3


def test_no_four_hundreds_where_there_is_traffic() -> None:
    assert value(reader("4XXError", "Average", "AWS/ApiGateway"), BUSY) == 0
    assert math.isnan(value(reader("4XXError", "Average", "AWS/ApiGateway"), row({})))


@pytest.mark.parametrize("platform", NAMESPACES)
def test_every_metric_says_what_it_is(platform: str) -> None:
    for metric in metrics_of(platform):
        assert METRICS[metric.namespace, metric.name] is metric
        assert metric.dimensions
        assert metric.statistics
        assert metric.absent
        assert metric.page
        silent = metric.source.kind == "silent"
        assert silent <= metric.absent.startswith("always")
