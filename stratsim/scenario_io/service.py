"""``service:`` with the defaults and the keys of its platform."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stratsim.model.markers import RuleError, parse_duration
from stratsim.model.service import Latency, Platform, Service
from stratsim.model.traffic import Traffic
from stratsim.scenario_io import defaults
from stratsim.scenario_io.checking import keys_of, shown
from stratsim.scenario_io.reading import Reading

_OF_STARTS = {"runtime", "startup", "provisioned_concurrency"}
"""Keys of a Lambda service that say how a version starts."""


def read_service(reading: Reading, platform: Platform, traffic: Traffic | None) -> Service | None:
    """Return ``service:`` with the platform's defaults; ``None`` where its problems were noted."""
    value = reading.data.get("service")
    value = {} if value is None else value
    keys = defaults.service_keys(platform)
    if not isinstance(value, Mapping):
        reading.problems.add(
            "service", f"a mapping with keys among {', '.join(keys)}", shown(value)
        )
        return None
    for key in value:
        if key not in keys and key in keys_of(Service):
            rule = f"absent on platform {platform} (it has {', '.join(keys)})"
            reading.problems.add(f"service.{key}", rule, shown(value[key]))
        elif key not in keys:
            reading.problems.unknown(f"service.{key}", key, keys)
    known = {key: inner for key, inner in value.items() if key in keys}
    if platform == "lambda" and "startup" not in known:
        known["startup"] = _lambda_startup(reading, known)
    if platform == "lambda" and value.keys() & _OF_STARTS:
        # who tells how a version starts wants to see it start
        known.setdefault("cold_starts", True)
    known.setdefault("startup", defaults.startup(platform))
    if "latency" in known:
        known["latency"] = _whole_latency(known["latency"])
    service = reading.problems.check("service", Service, known)
    unsized = platform != "lambda" and "instances" not in known
    if service is not None and unsized and traffic is not None:
        service = _sized(service, traffic)
    return None if service is None else _check_scaling(reading, service, value)


def _sized(service: Service, traffic: Traffic) -> Service:
    """Give a fleet without a size the one that its traffic asks for."""
    size = defaults.fleet_size(traffic.profile, service.capacity)
    if service.autoscaling is not None:
        size = min(max(size, service.autoscaling.min), service.autoscaling.max)
    return replace(service, instances=size)


def _whole_latency(value: Any) -> Any:
    """Complete a median or a 99th percentile alone by the default's shape."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ((key, given),) = value.items()
    try:
        seconds = parse_duration(given)
    except RuleError:
        return value
    ratio = Latency().p99 / Latency().median
    if seconds > 0 and key == "median":
        return {**value, "p99": seconds * ratio}
    if seconds > 0 and key == "p99":
        return {**value, "median": seconds / ratio}
    return value


def _lambda_startup(reading: Reading, known: Mapping[str, Any]) -> Any:
    runtime = known.get("runtime", Service().runtime)
    if not isinstance(runtime, str):
        return defaults.startup("lambda")
    stands = defaults.nearest_runtime(runtime)
    if stands is None:
        names = defaults.lambda_runtimes()
        rule = f"a runtime whose start is known ({', '.join(names)}) unless startup is given"
        reading.problems.choice("service.runtime", runtime, names, rule)
    elif stands != runtime:
        reading.warnings.append(
            f"service.startup: no measurement for {runtime}; the start of {stands} is used."
        )
    return defaults.startup("lambda", stands)


def _check_scaling(reading: Reading, service: Service, value: Mapping[str, Any]) -> Service | None:
    scaling = service.autoscaling
    if scaling is None:
        return service
    if scaling.min > scaling.max:
        rule = f"at most autoscaling.max ({scaling.max})"
        reading.problems.add("service.autoscaling.min", rule, scaling.min)
        return None
    if not scaling.min <= service.instances <= scaling.max:
        rule = f"in [{scaling.min}, {scaling.max}], the bounds of service.autoscaling"
        got = shown(value.get("instances")) if "instances" in value else service.instances
        reading.problems.add("service.instances", rule, got)
        return None
    return service
