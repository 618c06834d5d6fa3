"""What an alarm can see, as plain data with thin methods."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Point:
    """One true rate of bad requests on the new revision.

    ``seen`` is the share of bad requests among those that the alarm watches;
    ``breach`` and ``missing`` are chances of one full period; ``detected`` is the
    chance of ALARM within the bake. The quantiles of the time to detect, from the
    shift to ALARM, are None where it takes longer than was looked at.
    """

    rate: float
    seen: float
    breach: float
    missing: float
    detected: float
    time_p50_s: float | None
    time_p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPower:
    """An alarm's operating characteristic for one canary.

    ``times_s`` and ``distributions`` hold the distribution of the time to detect
    of each point: P(ALARM by then).
    """

    alarm: str
    what: str
    method: str
    rate_rps: float
    weight: float
    bake_s: float
    background: float
    requests_per_period: float
    share_of_new: float
    false_alarm: float
    smallest_80: float | None
    smallest_95: float | None
    points: tuple[Point, ...]
    times_s: tuple[float, ...]
    distributions: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        document = {
            name: getattr(self, name)
            for name in (
                "alarm", "what", "method", "rate_rps", "weight", "bake_s", "background",
                "requests_per_period", "share_of_new", "false_alarm", "smallest_80",
                "smallest_95",
            )
        }  # fmt: skip
        document["curve"] = [asdict(point) for point in self.points]
        document["time_to_detect"] = {
            "times_s": list(self.times_s),
            "by_rate": [
                {"rate": point.rate, "probability": list(row)}
                for point, row in zip(self.points, self.distributions, strict=True)
            ],
        }
        return {"schema_version": SCHEMA_VERSION, **document, "notes": list(self.notes)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point."""
        import pandas as pd

        return pd.DataFrame([asdict(point) for point in self.points])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the operating characteristic."""
        from stratsim.plot import plot_power

        return plot_power(self, ax=ax)
