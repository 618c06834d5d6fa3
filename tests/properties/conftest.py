"""Random lawful scenarios, as plain mappings in the words of a scenario file.

The work of one run is bounded: rates and waits are small, fleets are rarely large.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from stratsim.strategies import FAMILIES

Mappings = SearchStrategy[dict[str, Any]]

HOOKS = {
    "ec2": ("ApplicationStop", "BeforeInstall", "AfterInstall", "ValidateService", "AllowTraffic"),
    "ecs": ("BeforeInstall", "AfterInstall", "BeforeAllowTraffic", "AfterAllowTraffic"),
    "lambda": ("BeforeAllowTraffic", "AfterAllowTraffic"),
}
CONFIGURATIONS = {
    "ec2": ("OneAtATime", "HalfAtATime", "AllAtOnce"),
    "ecs": ("ECSAllAtOnce", "ECSCanary10Percent5Minutes", "ECSLinear10PercentEvery1Minutes"),
    "lambda": (
        *("LambdaAllAtOnce", "LambdaCanary10Percent5Minutes"),
        "LambdaLinear10PercentEvery1Minute",
    ),
}
ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
OPERATORS = (
    *("GreaterThanThreshold", "GreaterThanOrEqualToThreshold"),
    *("LessThanThreshold", "LessThanOrEqualToThreshold"),
)

share = st.one_of(st.sampled_from([0.0, 0.01, 0.5, 1.0]), st.floats(0, 1))


def seconds(most: int) -> SearchStrategy[Any]:
    """Return a fixed duration of at most `most` seconds, or a text that says it."""
    number = st.one_of(st.sampled_from([0, 1, most]), st.floats(0, most), st.integers(0, most))
    return st.one_of(number, st.integers(0, most).map(lambda s: f"{s}s"))


def random_seconds(most: int) -> SearchStrategy[Any]:
    """Return a duration, fixed or in one of the forms of a distribution."""
    two = st.tuples(st.integers(1, most), st.integers(1, most)).map(sorted)
    return st.one_of(
        seconds(most),
        two.map(lambda x: {"min": x[0], "max": x[1]}),
        two.map(lambda x: {"median": x[0], "p95": x[1]}),
        two.map(lambda x: [{"value": x[0], "weight": 0.75}, {"value": x[1], "weight": 0.25}]),
    )


def number(most: float, least: float = 0.0) -> SearchStrategy[Any]:
    """Return a number, fixed or spread."""
    two = st.tuples(st.floats(least, most), st.floats(least, most)).map(sorted)
    return st.one_of(
        st.sampled_from([least, most]),
        st.floats(least, most),
        two.map(lambda x: {"min": x[0], "max": x[1]}),
    )


def some(**keys: SearchStrategy[Any]) -> Mappings:
    """Return mappings in which every key may be left out."""
    return st.fixed_dictionaries({}, optional=keys)


def flag() -> SearchStrategy[bool]:
    return st.booleans()


# -- traffic and service ------------------------------------------------------------

rate = st.one_of(st.sampled_from([0.0, 0.02, 1.0, 20.0]), st.floats(0, 60))


@st.composite
def steps_profile(draw: DrawFn) -> dict[str, Any]:
    times = draw(st.lists(st.integers(0, 3600), min_size=1, max_size=5, unique=True))
    return {"kind": "steps", "points": [[time, draw(rate)] for time in sorted(times)]}


def profiles(trace: Path) -> Mappings:
    return st.one_of(
        steps_profile(),
        some(
            peak_to_trough=st.floats(1, 50),
            peak_at=st.sampled_from(["00:00", "14:00", "23:59"]),
            start=st.sampled_from(["00:00", "10:30"]),
        ).flatmap(lambda day: rate.map(lambda mean: {"kind": "diurnal", "mean": mean, **day})),
        some(scale=st.floats(0.001, 1), unit=st.sampled_from(["count", "rate"])).map(
            lambda rest: {"kind": "trace", "file": str(trace), **rest}
        ),
    )


def traffics(trace: Path) -> Mappings:
    load = st.one_of(
        rate.map(lambda value: {"rate": value}), profiles(trace).map(lambda p: {"profile": p})
    )
    rest = some(
        dispersion=st.sampled_from([0, 0.5, 1, 3]),
        users=some(active=st.sampled_from([1, 2, 1000, 10**9]), sticky=flag()),
        retries=some(share=share, limit=st.integers(0, 3)),
    )
    return st.builds(lambda a, b: {**a, **b}, load, rest)


latencies = st.tuples(st.floats(0.001, 2), st.floats(1, 30)).map(
    lambda x: {"median": x[0], "p99": x[0] * x[1]}
)

fleets = st.fixed_dictionaries(
    {"instances": st.sampled_from([1, 1, 2, 3, 5, 10, 17, 60, 300])},
    optional={
        "zones": st.integers(1, 4),
        "capacity": st.one_of(st.sampled_from([0.1, 5.0, 1000.0]), st.floats(0.5, 80)),
        "concurrency": st.sampled_from([1, 2, 8, 200]),
        "error_rate": share,
        "error_dispersion": st.sampled_from([1, 3, 500]),
        "latency": latencies,
        "startup": random_seconds(200),
        "drain": seconds(60),
        "health_check": some(
            interval=st.integers(1, 30),
            healthy=st.integers(1, 3),
            unhealthy=st.integers(1, 3),
            grace=seconds(60),
            fail_open=st.sampled_from([0, 0.3, 1]),
        ),
        "slow_start": st.sampled_from([0, 90, "10m"]),
        "autoscaling": st.fixed_dictionaries(
            {"max": st.just(400)},
            optional={
                "target_utilization": st.floats(0.05, 1),
                "warmup": seconds(120),
                "scale_out_periods": st.integers(1, 4),
                "scale_in_periods": st.integers(1, 5),
            },
        ),
    },
)
functions = some(
    runtime=st.sampled_from(["python3.12", "nodejs20.x"]),
    memory=st.sampled_from([128, 1024]),
    provisioned_concurrency=st.sampled_from([0, 5]),
    error_rate=share,
    error_dispersion=st.sampled_from([1, 3, 500]),
    latency=latencies,
)

# -- the release and the environment ----------------------------------------------------


@st.composite
def faults(
    draw: DrawFn, platform: str, service: Mapping[str, Any], *, environment: bool = False
) -> dict[str, Any]:
    kinds = ["errors", "latency"]
    if platform == "lambda":
        kinds += [] if environment else ["cold_start", "hook"]
    else:
        kinds += ["capacity"] if environment else ["capacity", "crash", "startup", "hook"]
        kinds += ["host"] if platform == "ec2" and not environment else []
    kind = draw(st.sampled_from(kinds))
    times = {"after": random_seconds(900), "ramp": random_seconds(900)}
    places = {
        "zones": st.lists(
            st.integers(1, service.get("zones", 3)), min_size=1, max_size=4, unique=True
        ),
        "instances": st.floats(0.01, 1),
        "above_load": st.floats(0, 5),
    }
    if platform == "lambda":
        places = {}
    own, common = _keys_of_fault(kind, platform, service, times, places)
    if environment:
        common = {key: common[key] for key in common if key not in ("after", "above_load")}
        common |= {"at": seconds(900), "for": seconds(900)}
    needed = {"kind": st.just(kind), **own}
    if kind in ("latency", "cold_start"):
        needed = {"kind": st.just(kind), **draw(st.sampled_from(_either(own)))}
    return draw(st.fixed_dictionaries(needed, optional=common))


def _either(own: dict[str, Any]) -> list[dict[str, Any]]:
    return [own, *({key: value} for key, value in own.items())]


def _keys_of_fault(
    kind: str,
    platform: str,
    service: Mapping[str, Any],
    times: dict[str, Any],
    places: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    struck = {key: places[key] for key in ("zones", "instances") if key in places}
    return {
        "errors": ({"rate": number(1)}, {**times, **places}),
        "latency": (
            {"factor": number(20, least=0.001), "add": random_seconds(20)},
            {**times, **places},
        ),
        "crash": ({"per_hour": st.sampled_from([0.1, 5.0, 600.0])}, {**times, **places}),
        "capacity": ({"factor": number(2)}, {**times, **places}),
        "startup": ({"probability": share}, struck),
        "hook": (
            {"event": st.sampled_from(HOOKS[platform]), "probability": share},
            struck if platform == "ec2" else {},
        ),
        "cold_start": ({"latency": random_seconds(20), "share": share}, dict(times)),
        "host": (
            {"index": st.integers(0, service.get("instances", 10) - 1)},
            {"after": times["after"]},
        ),
    }[kind]


@st.composite
def releases(draw: DrawFn, platform: str, service: Mapping[str, Any]) -> dict[str, Any]:
    chances = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any))
    found = st.lists(faults(platform, service), max_size=3)
    outcomes = [
        {"name": f"outcome {at}", "probability": chance / sum(chances), "faults": draw(found)}
        for at, chance in enumerate(chances)
    ]
    return {"outcomes": outcomes}


# -- alarms -----------------------------------------------------------------------------


def metrics_of(platform: str) -> tuple[str, str, tuple[str, ...], str, str, str]:
    """Return namespace, dimension, counts, latency, requests and errors of a platform."""
    if platform == "lambda":
        counts: tuple[str, ...] = ("Errors", "Invocations", "Throttles")
        return "AWS/Lambda", "ExecutedVersion", counts, "Duration", "Invocations", "Errors"
    counts = ("HTTPCode_Target_5XX_Count", "RequestCount", "HTTPCode_ELB_5XX_Count")
    counts += ("HealthyHostCount", "UnHealthyHostCount", "NoSuchMetric")
    alb = "AWS/ApplicationELB"
    return alb, "TargetGroup", counts, "TargetResponseTime", "RequestCount", counts[0]


@st.composite
def dimensions(draw: DrawFn, name: str) -> dict[str, Any]:
    side = draw(st.sampled_from([None, "new", "old"]))
    return {} if side is None else {"Dimensions": [{"Name": name, "Value": side}]}


PLAIN = tuple({"Statistic": text} for text in ("Average", "Maximum", "SampleCount"))
EXTENDED = tuple(
    {"ExtendedStatistic": text}
    for text in ("p50", "p99", "p99.9", "p100", "tm99", "tc95", "IQM", "WM(10%:90%)", "TS(:0.5)")
)


def levels_of(platform: str) -> list[tuple[str, str]]:
    """Return metrics that are sampled once a minute, or per target."""
    if platform == "lambda":
        return [("AWS/Lambda", "ConcurrentExecutions")]
    alb = "AWS/ApplicationELB"
    own = ("AWS/EC2", "CPUUtilization") if platform == "ec2" else ("AWS/ECS", "CPUUtilization")
    return [own, (alb, "RequestCountPerTarget"), (alb, "HealthyHostCount")]


def banded(namespace: str, name: str, period: int, side: dict[str, Any]) -> dict[str, Any]:
    """Return what makes an alarm one of an anomaly band."""
    stat = {
        "Metric": {"Namespace": namespace, "MetricName": name, **side},
        "Period": period,
        "Stat": "Sum",
    }
    return {
        "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
        "ThresholdMetricId": "band",
        "Metrics": [
            {"Id": "m", "MetricStat": stat},
            {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"},
        ],
    }


@st.composite
def metric_alarms(draw: DrawFn, platform: str, name: str) -> dict[str, Any]:
    namespace, dimension, counts, latency, requests, errors = metrics_of(platform)
    periods = draw(st.integers(1, 4))
    alarm = {
        "AlarmName": name,
        "EvaluationPeriods": periods,
        "Threshold": draw(st.sampled_from([-1.0, 0.0, 0.05, 1.0, 50.0])),
        "ComparisonOperator": draw(st.sampled_from(OPERATORS)),
    }
    alarm |= draw(
        some(
            DatapointsToAlarm=st.integers(1, periods), TreatMissingData=st.sampled_from(TREATMENTS)
        )
    )
    period, side = draw(st.sampled_from([60, 120, 300, 10, 30])), draw(dimensions(dimension))
    kind = draw(st.sampled_from([*("count", "latency", "level", "ratio", "guard") * 2, "band"]))
    if kind == "band":
        del alarm["Threshold"]
        return alarm | banded(namespace, draw(st.sampled_from(counts)), max(period, 60), side)
    if kind == "count":
        statistic = draw(st.sampled_from(["Sum", "Average", "Minimum", "Maximum", "SampleCount"]))
        metric = {"MetricName": draw(st.sampled_from(counts)), "Statistic": statistic}
    elif kind == "level":
        namespace, name = draw(st.sampled_from(levels_of(platform)))
        metric = {"MetricName": name, **draw(st.sampled_from([*PLAIN, *EXTENDED]))}
    elif kind == "latency":
        metric = {"MetricName": latency, **draw(st.sampled_from([*PLAIN, *EXTENDED]))}
        metric |= draw(some(EvaluateLowSampleCountPercentile=st.just("ignore")))
        if not metric.get("ExtendedStatistic", "").startswith("p"):
            metric.pop("EvaluateLowSampleCountPercentile", None)
    else:
        expression = "100 * e / r" if kind == "ratio" else "IF(r > 10, 100 * e / r, 0)"
        series = [
            {
                "Id": key,
                "ReturnData": False,
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": metric_name, **side},
                    "Period": period,
                    "Stat": "Sum",
                },
            }
            for key, metric_name in (("e", errors), ("r", requests))
        ]
        return {**alarm, "Metrics": [*series, {"Id": "x", "Expression": expression}]}
    return {**alarm, "Namespace": namespace, "Period": period, **metric, **side}


@st.composite
def alarm_lists(draw: DrawFn, platform: str) -> list[dict[str, Any]]:
    count = draw(st.integers(0, 4))
    alarms = [draw(metric_alarms(platform, f"alarm-{at}")) for at in range(count)]
    if count >= 2 and draw(flag()):
        rules = (
            "ALARM(alarm-0) AND NOT ALARM(alarm-1)",
            "OK(alarm-0) OR INSUFFICIENT_DATA(alarm-1)",
        )
        suppressed = some(
            ActionsSuppressor=st.just("alarm-1"),
            ActionsSuppressorWaitPeriod=st.sampled_from([0, 60, 200]),
            ActionsSuppressorExtensionPeriod=st.sampled_from([0, 60, 200]),
        ).filter(lambda keys: len(keys) in (0, 3))
        alarms.append(
            {"AlarmName": "both", "AlarmRule": draw(st.sampled_from(rules)), **draw(suppressed)}
        )
    return alarms


# -- group and strategies ---------------------------------------------------------------


@st.composite
def groups(draw: DrawFn, platform: str, alarms: list[dict[str, Any]]) -> dict[str, Any]:
    group: dict[str, Any] = {}
    names = [alarm["AlarmName"] for alarm in alarms]
    if names and draw(st.sampled_from([True, True, False])):
        watched = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        group["alarmConfiguration"] = {
            "enabled": draw(st.sampled_from([True, True, False])),
            "alarms": [{"name": name} for name in watched],
        }
    events = st.lists(st.sampled_from(ROLLBACK_EVENTS), min_size=1, unique=True)
    group |= draw(
        some(
            autoRollbackConfiguration=st.one_of(
                st.just({"enabled": False}),
                events.map(lambda found: {"enabled": True, "events": found}),
            )
        )
    )
    if platform != "lambda":
        group |= draw(some(blueGreenDeploymentConfiguration=blue_green))
    return group


blue_green = some(
    terminateBlueInstancesOnDeploymentSuccess=st.one_of(
        st.just({"action": "KEEP_ALIVE"}),
        st.integers(0, 8).map(
            lambda minutes: {"action": "TERMINATE", "terminationWaitTimeInMinutes": minutes}
        ),
    ),
    deploymentReadyOption=st.sampled_from(
        [
            {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
            {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 3},
        ]
    ),
)

routings = st.one_of(
    st.just({"type": "AllAtOnce"}),
    st.tuples(st.integers(1, 99), st.integers(1, 10)).map(
        lambda x: {
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": x[0], "canaryInterval": x[1]},
        }
    ),
    st.tuples(st.integers(10, 60), st.integers(1, 3)).map(
        lambda x: {
            "type": "TimeBasedLinear",
            "timeBasedLinear": {"linearPercentage": x[0], "linearInterval": x[1]},
        }
    ),
)
weight_steps = st.lists(
    st.fixed_dictionaries({"weight": st.integers(0, 100)}, optional={"pause": seconds(400)}),
    min_size=1,
    max_size=4,
)
rollings = some(
    minimumHealthyPercent=st.sampled_from([0, 50, 100]),
    maximumPercent=st.sampled_from([100, 150, 200]),
    deploymentCircuitBreaker=st.fixed_dictionaries({"enable": flag(), "rollback": flag()}),
    bakeTimeInMinutes=st.integers(0, 5),
)
host_rules = st.one_of(
    st.integers(0, 5).map(lambda n: {"type": "HOST_COUNT", "value": n}),
    st.integers(0, 99).map(lambda n: {"type": "FLEET_PERCENT", "value": n}),
)


NEED_A_FLEET = ("cloudformation_rolling",)
"""Their examples name numbers of instances, which have to be fewer than there are."""


def _examples(platform: str) -> list[dict[str, Any]]:
    """Return the examples of the families that fit a fleet of any size."""
    families = [family for _, family in FAMILIES.items() if platform in family.platforms]
    return [
        dict(example)
        for family in families
        if family.name not in NEED_A_FLEET
        for example in family.examples
    ]


@st.composite
def strategy_entries(draw: DrawFn, platform: str, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name}
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(_examples(platform))) | entry
    named = st.sampled_from(CONFIGURATIONS[platform]).map(
        lambda text: {"deploymentConfigName": f"CodeDeployDefault.{text}"}
    )
    steps = weight_steps.map(lambda found: {"steps": found})
    if platform == "ec2":
        zonal = some(
            firstZoneMonitorDurationInSeconds=st.integers(0, 300),
            monitorDurationInSeconds=st.integers(0, 120),
            minimumHealthyHostsPerZone=host_rules,
        )
        hosts = host_rules.map(lambda rule: {"minimumHealthyHosts": rule})
        style = draw(st.sampled_from(["IN_PLACE", "BLUE_GREEN"]))
        found = draw(st.one_of(named, hosts, steps))
        if "steps" not in found:
            found = {**found, "deploymentStyle": style}
        if style == "IN_PLACE" and "minimumHealthyHosts" in found and draw(flag()):
            found = {**found, "zonalConfig": draw(zonal)}
        return entry | found
    own = [named, routings.map(lambda routing: {"trafficRoutingConfig": routing}), steps]
    if platform == "ecs":
        own.append(rollings.map(lambda rolling: {"ecs": rolling}))
    entry |= draw(st.one_of(own))
    if platform == "ecs" and "ecs" not in entry:
        entry |= draw(some(blueGreenDeploymentConfiguration=blue_green))
    return entry


# -- the whole --------------------------------------------------------------------------

controls = st.fixed_dictionaries(
    {"follow_up": seconds(1800), "steady_state_timeout": seconds(900)},
    optional={
        "alarm_poll": seconds(60),
        "reroute": seconds(60),
        "agent_poll": random_seconds(20),
        "watch_termination_wait": flag(),
        "rollback_hosts": st.sampled_from(["touched_only", "whole_group"]),
        "batches": st.sampled_from(["sliding_window", "barrier"]),
        "stop_in_flight": st.sampled_from(["at_once", "after_event"]),
        "linear_tail_wait": flag(),
        "linear_remainder": st.sampled_from(["own_shift", "last_shift"]),
        "zone_order": st.sampled_from(["in_order", "random"]),
        "zone_tail_wait": flag(),
        "unhealthy_hosts": st.sampled_from(["at_once", "throttled"]),
        "lone_host": st.sampled_from(["refused", "deployed"]),
        "continue_after": seconds(300),
        "rolling_bake": flag(),
        "alarm_poll_failure": st.sampled_from([0, 0.01, 1]),
    },
)
in_minute = st.one_of(st.just("random"), st.just(0), st.floats(0, 59.9))


@st.composite
def scenarios(draw: DrawFn, trace: Path, platforms: tuple[str, ...]) -> dict[str, Any]:
    """Return one lawful scenario."""
    platform = draw(st.sampled_from(platforms))
    service = draw(functions if platform == "lambda" else fleets)
    alarms = draw(alarm_lists(platform))
    event = st.fixed_dictionaries(
        {"duration": random_seconds(90)}, optional={"failure": share, "timeout": seconds(120)}
    )
    found: dict[str, Any] = {
        "name": "random",
        "platform": platform,
        "traffic": draw(traffics(trace)),
        "service": service,
        "release": draw(releases(platform, service)),
        "environment": draw(st.lists(faults(platform, service, environment=True), max_size=2)),
        "lifecycle": draw(st.dictionaries(st.sampled_from(HOOKS[platform]), event, max_size=2)),
        "alarms": alarms,
        "deployment_group": draw(groups(platform, alarms)),
        "strategies": [
            draw(strategy_entries(platform, f"strategy {at}"))
            for at in range(draw(st.integers(1, 3)))
        ],
        "control": draw(controls),
        "noise": draw(st.sampled_from(["sampled", "expected"])),
        "seed": draw(st.integers(0, 2**31)),
    }
    if platform == "ec2":
        indices = st.integers(0, service["instances"] - 1)
        rest = {
            "healthy": flag(),
            "revision": st.sampled_from(["unknown", "old", "current"]),
            "group": st.sampled_from(["", "asg-1"]),
        }
        hosts = st.fixed_dictionaries({"index": indices}, optional=rest)
        found["hosts"] = draw(st.lists(hosts, max_size=3, unique_by=lambda host: host["index"]))
    return found | draw(
        some(
            metrics=some(
                delay=random_seconds(200),
                evaluation_range_extra=st.integers(0, 5),
                phase=in_minute,
                evaluation_offset=in_minute,
                target_5xx_when_zero=st.sampled_from(["absent", "zero"]),
            ),
            on_call=some(respond=seconds(1200), notice=seconds(2400)),
            slo=some(availability=st.sampled_from([0.5, 0.999]), latency=st.floats(0.01, 5)),
            cost=some(failed_request=st.floats(0, 1), attended=share),
        )
    )


@pytest.fixture(scope="session")
def lawful(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Mappings]:
    """Return a strategy of lawful scenarios: ``lawful()``, ``lawful("ecs")``."""
    trace = tmp_path_factory.mktemp("traces") / "requests.csv"
    rows = ["timestamp,value"]
    for at in range(4 * 288):
        if at % 50 not in (17, 18):  # gaps of two periods
            day, rest = divmod(at * 5, 1440)
            stamp = f"2024-01-{1 + day:02d}T{rest // 60:02d}:{rest % 60:02d}:00Z"
            rows.append(f"{stamp},{(at * 37) % 1000}")
    trace.write_text("\n".join(rows) + "\n", encoding="utf-8")

    def of(*platforms: str) -> Mappings:
        return scenarios(trace, platforms or ("ec2", "ecs", "lambda"))

    return of
