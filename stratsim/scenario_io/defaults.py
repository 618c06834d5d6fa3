"""Defaults that depend on the platform, from the package's own data.

`stratsim/data/parameters.json` says for every key of a scenario what its default
is, how far to trust it and where it was read; `stratsim/data/prices.json` is the
price book.
"""

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from stratsim.model.quantities import MAX_COUNT, Distribution, LogNormal, Mixture
from stratsim.model.service import Platform
from stratsim.model.traffic import Profile, Steps, Trace

ECS_VCPU, ECS_GB = 1, 2
"""The Fargate task that an ECS instance-hour is priced as."""

SIZED_UTILIZATION = 0.6
"""How busy the fleet is at the traffic's peak where its size is not given."""
FEWEST_INSTANCES = 2

INIT_FACTOR = 3.0
"""A real function starts this much slower than an empty one (measured: 2 to 6)."""

# One EC2 launch in twelve takes about 80 s to boot instead of 27 s; user data (10 s)
# and the agent's installation (30 s) follow. The sigmas are those of the sums.
EC2_STARTUP = Mixture((0.92, 0.08), (LogNormal(67.0, 0.11), LogNormal(120.0, 0.11)))
# A base of 18 s and 0.095 s per MB of a 400 MB image.
ECS_STARTUP = LogNormal(56.0, 0.08)

FLEET_KEYS = (
    *("instances", "zones", "capacity", "concurrency", "error_rate", "error_dispersion"),
    *("latency", "startup", "drain", "health_check", "autoscaling"),
    *("slow_start", "warm_up"),
)
LAMBDA_KEYS = (
    *("runtime", "memory", "provisioned_concurrency", "error_rate", "error_dispersion"),
    *("latency", "startup", "cold_starts"),
)


@cache
def data(name: str) -> Any:
    """Return the package's data file ``name.json``."""
    return json.loads(files("stratsim").joinpath("data", f"{name}.json").read_text("utf-8"))


def price(name: str) -> float:
    """Return one price of the book [USD]."""
    return float(data("prices")["prices"][name]["usd"])


def service_keys(platform: Platform) -> tuple[str, ...]:
    """Return the keys of ``service:`` that `platform` has."""
    return LAMBDA_KEYS if platform == "lambda" else FLEET_KEYS


def lambda_runtimes() -> dict[str, list[float]]:
    """Return mean and standard deviation of ln(ms) of the init time by runtime."""
    found: dict[str, list[float]] = data("parameters")["lambda_init"]["ln_ms"]
    return found


def nearest_runtime(runtime: str) -> str | None:
    """Return the measured runtime that stands for `runtime`: itself or its language's."""
    known = lambda_runtimes()
    if runtime in known:
        return runtime
    language = runtime.rstrip("0123456789.x") or runtime
    if language.startswith("provided"):
        language = "rust"
    return next((name for name in known if name.startswith(language)), None)


def peak_rps(profile: Profile) -> float:
    """Return the highest rate of `profile` [requests/s]."""
    if isinstance(profile, Steps):
        return max(rate for _, rate in profile.points)
    if isinstance(profile, Trace):
        return float(profile.counts.max() / profile.period_s)
    # a day long, one sample a minute: constant and sinusoidal rates
    edges = np.arange(0.0, 86_401.0, 60.0)
    return float(np.diff(profile.arrivals(edges)).max() / 60)


def fleet_size(profile: Profile, capacity_rps: float) -> int:
    """Return how many instances serve `profile` where nobody says."""
    wanted = math.ceil(peak_rps(profile) / (SIZED_UTILIZATION * capacity_rps) - 1e-9)
    return min(max(wanted, FEWEST_INSTANCES), MAX_COUNT)


def startup(platform: Platform, runtime: str | None = None) -> Distribution:
    """Return how long an instance (Lambda: an execution environment) takes to start."""
    if platform == "ec2":
        return EC2_STARTUP
    if platform == "ecs":
        return ECS_STARTUP
    mean, deviation = lambda_runtimes()[runtime or "python3.12"]
    return LogNormal(round(INIT_FACTOR * math.exp(mean) / 1000, 4), deviation)


def instance_hour(platform: Platform) -> float:
    """Return the price of an instance-hour [USD]; Lambda has none."""
    if platform == "ec2":
        return price("ec2_m5_large_hour")
    if platform == "ecs":
        vcpu, gb = price("fargate_linux_x86_vcpu_hour"), price("fargate_linux_x86_gb_hour")
        return round(ECS_VCPU * vcpu + ECS_GB * gb, 6)
    return 0.0
