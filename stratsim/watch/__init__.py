"""The alarms of one run: which points they see, and the states they go through."""

from stratsim.watch.bank import AlarmBank
from stratsim.watch.metric import MINUTE_US, SHORT_US, MetricWatch
from stratsim.watch.programs import CompositeProgram, MetricProgram, Program, compile_alarms

__all__ = [
    "MINUTE_US",
    "SHORT_US",
    "AlarmBank",
    "CompositeProgram",
    "MetricProgram",
    "MetricWatch",
    "Program",
    "compile_alarms",
]
