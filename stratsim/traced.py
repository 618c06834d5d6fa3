"""One traced deployment, as plain data with thin methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.engine.clock import US
from stratsim.engine.tally import tally
from stratsim.measures import MEASURES
from stratsim.model.alarm import Dimension, MetricStat
from stratsim.provenance import provenance
from stratsim.signals import SOURCES, Telemetry, series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from stratsim.engine.deployment import Deployment
    from stratsim.engine.setup import Setup
    from stratsim.engine.trace import Result

SCHEMA_VERSION = 1

_SHOWN = {
    "ec2": (
        ("AWS/ApplicationELB", "RequestCount", "Sum"),
        ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum"),
        ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum"),
        ("AWS/ApplicationELB", "TargetResponseTime", "Average"),
        ("AWS/ApplicationELB", "TargetResponseTime", "p99"),
        ("AWS/ApplicationELB", "HealthyHostCount", "Minimum"),
    ),
    "lambda": (
        ("AWS/Lambda", "Invocations", "Sum"),
        ("AWS/Lambda", "Errors", "Sum"),
        ("AWS/Lambda", "Duration", "Average"),
        ("AWS/Lambda", "Duration", "p99"),
    ),
}
_SHOWN["ecs"] = _SHOWN["ec2"]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One deployment from creation to end.

    ``outcome`` holds the measures by name, None where one does not apply;
    the frames are tidy, with times in seconds since creation.
    """

    scenario: str
    strategy: str
    seed: int
    replication: int
    outcome_name: str
    status: str
    code: str
    outcome: Mapping[str, float | None]
    document: Mapping[str, Any]
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls, setup: Setup, result: Result, deployment: Deployment, seed: int, replication: int
    ) -> Run:
        """Return the run of a finished deployment."""
        scenario = setup.scenario
        columns = tally(setup.plan, [result])
        values = {name: m.compute(columns, scenario)[0] for name, m in MEASURES.items()}
        outcome = {name: _number(value) for name, value in values.items()}
        name = scenario.release.outcomes[result.outcome].name
        document = {
            "schema_version": SCHEMA_VERSION,
            "scenario": scenario.name,
            "strategy": setup.plan.strategy,
            "seed": seed,
            "replication": replication,
            "outcome_name": name,
            "status": result.status,
            "error_code": result.code or None,
            "end_s": result.end_s,
            "outcome": outcome,
            "events": _events(deployment),
            "weights": _weights(deployment),
            "alarms": _alarms(deployment),
            "metrics": list(_metrics(deployment)),
            "provenance": provenance(
                scenario, engine="des", replications=1, seed=seed, command="run"
            ),
        }
        return cls(
            scenario.name,
            setup.plan.strategy,
            seed,
            replication,
            name,
            result.status,
            result.code,
            outcome,
            document,
            setup.warnings,
        )

    @property
    def events(self) -> pd.DataFrame:
        """What happened: ``time_s``, ``kind``, ``detail``."""
        return self._frame("events", ["time_s", "kind", "detail"])

    @property
    def weights(self) -> pd.DataFrame:
        """Share of the traffic on the new revision from each time on."""
        return self._frame("weights", ["time_s", "new_share"])

    @property
    def alarms(self) -> pd.DataFrame:
        """Changes of alarm states; ``from`` is empty at creation."""
        return self._frame("alarms", ["time_s", "alarm", "from", "to"])

    @property
    def metrics(self) -> pd.DataFrame:
        """Datapoints by minute, stamped with the minute's start."""
        columns = ["time_s", "namespace", "metric", "dimensions", "statistic", "value"]
        return self._frame("metrics", columns)

    def _frame(self, key: str, columns: list[str]) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(self.document[key], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document of the run."""
        return dict(self.document)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the run: weights, errors and alarm states over time."""
        from stratsim.plot import plot_run

        return plot_run(self, ax=ax)

    def __str__(self) -> str:
        from stratsim.wording import format_value

        lines = [f"{self.scenario}: {self.strategy}, outcome {self.outcome_name!r}: {self.status}"]
        lines += [
            f"  {name:26s} {format_value(value, MEASURES.get(name).unit)}"
            for name, value in self.outcome.items()
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _events(run: Deployment) -> list[dict[str, Any]]:
    return [{"time_s": t / US, "kind": k, "detail": d} for t, k, d in run.record.events]


def _weights(run: Deployment) -> list[dict[str, Any]]:
    return [{"time_s": t / US, "new_share": w} for t, w in run.record.weights]


def _alarms(run: Deployment) -> list[dict[str, Any]]:
    return [
        {"time_s": t / US, "alarm": name, "from": before, "to": after}
        for t, name, before, after in run.record.alarms
    ]


def _metrics(run: Deployment) -> Iterator[dict[str, Any]]:
    """Yield each minute's datapoints, per revision where metrics tell them apart."""
    telemetry: Telemetry = run.telemetry
    telemetry.noise = None  # shown as expected: drawing again would not repeat the alarms' draw
    one = run.plan.one_target_group
    name = "ExecutedVersion" if run.scenario.platform == "lambda" else "TargetGroup"
    for namespace, metric, statistic in _SHOWN[run.scenario.platform]:
        assert (namespace, metric) in SOURCES
        for side in ("",) if one else ("old", "new"):
            dimensions = (Dimension(name, side),) if side else ()
            stat = MetricStat(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=dimensions,
                Period=60,
                Stat=statistic,
            )
            reader = series(stat, one_target_group=one)
            assert reader is not None
            for at in range(len(telemetry.rows)):
                value = reader.value(telemetry, (at,))
                if not np.isnan(value):
                    start = (telemetry.first + at) * 60 - run.phase_us / US
                    yield {
                        "time_s": start,
                        "namespace": namespace,
                        "metric": metric,
                        "dimensions": {name: side} if side else {},
                        "statistic": statistic,
                        "value": float(value),
                    }
