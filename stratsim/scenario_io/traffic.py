"""``traffic:`` to the model's profiles."""

from pathlib import Path
from typing import Any

from stratsim.errors import shorten
from stratsim.model.quantities import MAX_RATE_RPS
from stratsim.model.traffic import Constant, Diurnal, Profile, Steps, Traffic
from stratsim.scenario_io.checking import Problems, joined
from stratsim.scenario_io.series import read_trace
from stratsim.scenario_io.shapes import (
    PROFILES,
    DiurnalShape,
    StepsShape,
    TraceShape,
    TrafficShape,
)


def read_traffic(
    value: object, folder: Path, problems: Problems
) -> tuple[Traffic | None, list[str]]:
    """Return ``traffic:`` and warnings; ``None`` where its problems were noted."""
    shape = problems.check("traffic", TrafficShape, value)
    warnings: list[str] = []
    if shape is None:
        _check_profile(value, problems)
        return None, warnings
    if shape.rate is not None and shape.profile is not None:
        hint = "A constant rate is traffic.rate alone."
        problems.add("traffic.profile", "absent where rate is given", shorten(shape.profile), hint)
        return None, warnings
    profile: Profile | None
    if shape.profile is not None:
        profile = _profile(shape.profile, folder, problems, warnings)
    else:
        profile = Traffic().profile if shape.rate is None else Constant(rate=shape.rate)
    if profile is None:
        return None, warnings
    traffic = Traffic(
        profile=profile,
        dispersion=shape.dispersion,
        users=shape.users,
        retries=shape.retries,
    )
    return traffic, warnings


def _check_profile(value: object, problems: Problems) -> None:
    """Note the problems of a profile beside those of its neighbours."""
    profile = value.get("profile") if isinstance(value, dict) else None
    if isinstance(profile, dict):
        _shape(profile, problems)


def _shape(
    value: dict[str, Any], problems: Problems
) -> DiurnalShape | StepsShape | TraceShape | None:
    path = "traffic.profile"
    if "kind" not in value:
        problems.choice(joined(path, "kind"), None, PROFILES)
        return None
    kind = value["kind"]
    if not isinstance(kind, str) or kind not in PROFILES:
        problems.choice(joined(path, "kind"), kind, PROFILES)
        return None
    return problems.check(path, PROFILES[kind], value)


def _profile(
    value: dict[str, Any], folder: Path, problems: Problems, warnings: list[str]
) -> Profile | None:
    shape = _shape(value, problems)
    if isinstance(shape, DiurnalShape):
        return _diurnal(shape, problems)
    if isinstance(shape, StepsShape):
        return Steps(points=shape.points)
    if isinstance(shape, TraceShape):
        return read_trace(shape, folder, problems, warnings)
    return None


def _diurnal(shape: DiurnalShape, problems: Problems) -> Diurnal | None:
    peak = shape.mean * 2 * shape.peak_to_trough / (shape.peak_to_trough + 1)
    if peak > MAX_RATE_RPS:
        rule = f"a mean whose peak is at most {MAX_RATE_RPS:g} requests/s"
        problems.add("traffic.profile.mean", rule, f"a peak of {peak:g}")
        return None
    return Diurnal(
        mean=shape.mean,
        peak_to_trough=shape.peak_to_trough,
        peak_at_s=shape.peak_at,
        start_s=shape.start,
    )
