"""Alarms replayed over a measured series: when they would have fired."""

from stratsim.backtest.datapoints import Datapoints, Window
from stratsim.backtest.replaying import backtest
from stratsim.backtest.result import AlarmReplay, Backtest, Change

__all__ = ["AlarmReplay", "Backtest", "Change", "Datapoints", "Window", "backtest"]
