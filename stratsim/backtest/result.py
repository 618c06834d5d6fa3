"""What a replay found, as plain data with thin methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stratsim.backtest.datapoints import Datapoints, Window

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from stratsim.model.scenario import Alarm

SCHEMA_VERSION = 1
ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state by the evaluation at the end of `minute`."""

    minute: int
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReplay:
    """One alarm over the series.

    ``values`` are what it compared with its threshold, per minute, for a drawing;
    ``grace`` is how many minutes after a window's end it may still fire for it.
    """

    alarm: Alarm
    initial: str
    changes: tuple[Change, ...]
    minutes: int
    grace: int
    windows: tuple[Window, ...] | None
    values: tuple[float | None, ...] = ()

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.alarm.AlarmName

    @property
    def firings(self) -> tuple[Change, ...]:
        """The changes to ALARM."""
        return tuple(change for change in self.changes if change.after == ALARM)

    def spans(self) -> tuple[tuple[int, int, str], ...]:
        """Return stretches of one state: first evaluation, the one after the last, state."""
        marks = [(0, self.initial), *((c.minute, c.after) for c in self.changes)]
        ends = [minute for minute, _ in marks[1:]] + [self.minutes]
        return tuple(
            (begin, end, state)
            for (begin, state), end in zip(marks, ends, strict=True)
            if end > begin
        )

    def minutes_in(self) -> dict[str, int]:
        """Return the minutes spent in each state."""
        found = {"OK": 0, ALARM: 0, "INSUFFICIENT_DATA": 0}
        for begin, end, state in self.spans():
            found[state] += end - begin
        return found

    def caught(self, window: Window) -> bool:
        """Whether the alarm was in ALARM within the window or shortly after it."""
        last = window.end + self.grace
        return any(
            state == ALARM and begin < last and end > window.begin
            for begin, end, state in self.spans()
        )

    def delay_minutes(self, window: Window) -> int | None:
        """Return the minutes from a window's begin to ALARM; 0 if it was so before."""
        last = window.end + self.grace
        for begin, end, state in self.spans():
            if state == ALARM and begin < last and end > window.begin:
                return max(begin + 1 - window.begin, 0)
        return None

    def false_alarms(self) -> tuple[Change, ...]:
        """Return the firings that no labelled window explains."""
        return tuple(
            firing
            for firing in self.firings
            if not any(w.begin <= firing.minute < w.end + self.grace for w in self.windows or ())
        )


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Alarms over one file of measured data."""

    data: Datapoints
    replays: tuple[AlarmReplay, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        data = self.data
        return {
            "schema_version": SCHEMA_VERSION,
            "data": {
                "file": data.name,
                "rows": len(data.stamps),
                "from": _iso(data, 0),
                "to": _iso(data, data.minutes),
                "step_s": data.step_s,
            },
            "alarms": [self._alarm(replay) for replay in self.replays],
            "notes": list(self.notes),
        }

    def _alarm(self, replay: AlarmReplay) -> dict[str, Any]:
        return {
            "alarm": replay.name,
            "firings": len(replay.firings),
            "minutes_in": replay.minutes_in(),
            "transitions": list(self._changes(replay)),
            "labels": self._labels(replay),
        }

    def _changes(self, replay: AlarmReplay) -> list[dict[str, Any]]:
        return [
            {
                "time": _iso(self.data, change.minute + 1),
                "from": change.before,
                "to": change.after,
                "reason": change.reason,
            }
            for change in replay.changes
        ]

    def _labels(self, replay: AlarmReplay) -> Mapping[str, Any] | None:
        if replay.windows is None:
            return None
        windows = [
            {
                "from": _iso(self.data, window.begin),
                "to": _iso(self.data, window.end),
                "label": window.label,
                "caught": replay.caught(window),
                "delay_s": None if (late := replay.delay_minutes(window)) is None else 60 * late,
            }
            for window in replay.windows
        ]
        caught = sum(bool(window["caught"]) for window in windows)
        return {
            "caught": caught,
            "missed": len(windows) - caught,
            "false_alarms": len(replay.false_alarms()),
            "grace_s": 60 * replay.grace,
            "windows": windows,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per change of state: ``time``, ``alarm``, ``from``, ``to``, ``reason``."""
        import pandas as pd

        rows = [
            {"time": row["time"], "alarm": replay.name} | row
            for replay in self.replays
            for row in self._changes(replay)
        ]
        return pd.DataFrame(rows, columns=["time", "alarm", "from", "to", "reason"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the series, the threshold and the states."""
        from stratsim.plot import plot_backtest

        return plot_backtest(self, ax=ax)


def _iso(data: Datapoints, minute: int) -> str:
    return data.at(minute).isoformat().replace("+00:00", "Z")
