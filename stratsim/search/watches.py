"""The alarms of a search: what a platform's metrics let CodeDeploy watch, on a grid.

Metrics of a deployment come once a minute, so no period below a minute is tried.
What could see none of the release's faults is left out.
"""

import math
from collections.abc import Iterator

from stratsim.model.scenario import Scenario
from stratsim.search.recorder import Rule
from stratsim.search.space import Probe

PERIODS_S = (60, 300)
OFTEN = ((1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (2, 5), (3, 5), (4, 5), (5, 5))
LONGEST_S = 15 * 60
"""No alarm looks back further than this: canaries are short."""

TREATMENTS = ("notBreaching", "missing", "ignore", "breaching")
STEPS = (1.0, 2.0, 3.0, 5.0, 7.0)
"""Thresholds of a decade."""

_SLOW = {"latency", "capacity", "cold_start"}
_FAILING = {"errors", "startup", "crash", "capacity", "host"}


def probes_of(scenario: Scenario) -> tuple[Probe, ...]:
    """Return what alarms may look at in a scenario, the plainest first."""
    kinds = {fault.kind for outcome in scenario.release.outcomes for fault in outcome.faults}
    found: list[Probe] = []
    for period_s in PERIODS_S:
        if kinds & _FAILING or not kinds & _SLOW:
            found += _failures(scenario, period_s)
        if kinds & _SLOW:
            found += _times(scenario, period_s)
    return tuple(found)


def _rules(period_s: int) -> tuple[Rule, ...]:
    return tuple(
        Rule(m, n, treatment)
        for treatment in TREATMENTS
        for m, n in OFTEN
        if n * period_s <= LONGEST_S or n == 1
    )


def _failures(scenario: Scenario, period_s: int) -> Iterator[Probe]:
    """Yield the count of errors and their share among the requests."""
    base, worst = scenario.service.error_rate, _worst_rate(scenario)
    arrivals = scenario.traffic.profile.mean_rps * period_s
    counts = (0.0, *nice(max(1.0, base * arrivals / 20), max(1.0, worst * arrivals), whole=True))
    rules = _rules(period_s)
    if scenario.platform == "lambda":
        shares = tuple(nice(max(base / 2, 1e-4), worst))
        errors = _lambda("Errors")
        yield Probe("Errors", "", {**errors, "Statistic": "Sum"}, period_s, rules, counts)
        yield Probe("ErrorRate", "", {**errors, "Statistic": "Average"}, period_s, rules, shares)
        return
    count = {**_target("HTTPCode_Target_5XX_Count", scenario), "Statistic": "Sum"}
    percents = tuple(nice(max(50 * base, 0.01), 100 * worst))
    yield Probe("5XX", "", count, period_s, rules, counts)
    yield Probe("5XX-share", " %", _share(scenario), period_s, rules, percents)


def _times(scenario: Scenario, period_s: int) -> Iterator[Probe]:
    """Yield the average response time; a percentile costs as much as all other metrics."""
    latency = scenario.service.latency
    usual_s = latency.median * math.exp(latency.sigma**2 / 2)
    rules, limits = _rules(period_s), tuple(nice(1.1 * usual_s, 20 * usual_s))
    if scenario.platform == "lambda":
        metric = {**_lambda("Duration"), "Statistic": "Average"}
        limits = tuple(round(1000 * limit, 6) for limit in limits)
        yield Probe("Duration", " ms", metric, period_s, rules, limits)
        return
    metric = {**_target("TargetResponseTime", scenario), "Statistic": "Average"}
    yield Probe("ResponseTime", " s", metric, period_s, rules, limits)


def _lambda(name: str) -> dict[str, object]:
    version = [{"Name": "ExecutedVersion", "Value": "new"}]
    return {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": version}


def _target(name: str, scenario: Scenario) -> dict[str, object]:
    """Return a load balancer's metric: of the new target group where there are two."""
    metric: dict[str, object] = {"Namespace": "AWS/ApplicationELB", "MetricName": name}
    if scenario.platform == "ecs":
        metric["Dimensions"] = [{"Name": "TargetGroup", "Value": "new"}]
    return metric


def _share(scenario: Scenario) -> dict[str, object]:
    """Return the share of requests that fail, in percent, by metric math."""

    def series(name: str, metric: str) -> dict[str, object]:
        stat = {"Metric": _target(metric, scenario), "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    answer = {"Id": "share", "Expression": "100 * FILL(e, 0) / r", "Label": "errors in percent"}
    queries = [series("e", "HTTPCode_Target_5XX_Count"), series("r", "RequestCount"), answer]
    return {"Metrics": queries}


def _worst_rate(scenario: Scenario) -> float:
    """Return the largest share that a fault of the release fails in the mean."""
    rates = [
        fault.rate.mean if fault.kind == "errors" else 1.0
        for outcome in scenario.release.outcomes
        for fault in outcome.faults
        if fault.kind in _FAILING
    ]
    return min(1.0, scenario.service.error_rate + max(rates, default=0.1))


def nice(low: float, high: float, *, whole: bool = False) -> Iterator[float]:
    """Yield round numbers from `low` to `high`, `STEPS` a decade."""
    decade = math.floor(math.log10(low))
    while 10.0**decade <= high * (1 + 1e-9):
        for step in STEPS:
            value = float(f"{step * 10.0**decade:.12g}")
            if low * (1 - 1e-9) <= value <= high * (1 + 1e-9) and not (whole and value % 1):
                yield value
        decade += 1
