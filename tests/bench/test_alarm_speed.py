"""How long alarms take; prints, asserts nothing about time."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import pytest

from stratsim.cloudwatch.evaluation import judge, judge_over_time
from stratsim.cloudwatch.metric_math import compile_expression
from stratsim.cloudwatch.thresholds import breaches
from stratsim.model.alarm import MetricAlarm

pytestmark = pytest.mark.bench


def best_s(work: Callable[[], object], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("treatment", ["missing", "ignore", "breaching", "notBreaching"])
def test_ten_thousand_replications_of_an_hour(treatment: str) -> None:
    """One alarm, 60 periods, a tenth of the datapoints missing; target 50 ms."""
    rng = np.random.default_rng(1)
    values = rng.poisson(5.0, (10_000, 60)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.nan
    alarm = MetricAlarm(
        AlarmName="a",
        EvaluationPeriods=5,
        DatapointsToAlarm=3,
        Threshold=8.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData=treatment,
    )

    def work() -> np.ndarray:
        return judge_over_time(breaches(alarm, values), 3, 5, treatment, 7, 2)

    states = work()
    print(f"\n{treatment:>12}: {best_s(work) * 1e3:6.1f} ms for 10,000 x 60")
    assert states.shape == (10_000, 60)


def test_one_evaluation() -> None:
    cells = (0, 1, -1, 0, 1)

    def work() -> None:
        for _ in range(10_000):
            judge(cells, 2, 3, "missing", 0)

    print(f"\n       judge: {best_s(work) * 100:6.2f} us each")
    assert judge(cells, 2, 3, "missing", 0) == 1


@pytest.mark.parametrize("text", ["100*e/r", "IF(r >= 20, 100*e/r, 0)"])
def test_an_expression_over_one_evaluation_range(text: str) -> None:
    """Five datapoints, as the one-by-one engine asks for them; target 10 us."""
    expression = compile_expression(text)
    series = {"e": np.arange(5.0), "r": np.arange(5.0) + 18}

    def work() -> None:
        for _ in range(1_000):
            expression.evaluate(series, 60.0, ("e", "r"))

    print(f"\n{text}: {best_s(work) * 1e3:6.1f} us each")
    assert expression.evaluate(series).shape == (5,)
