"""What an alarm can see of a bad release: closed forms, before anything is simulated."""

from stratsim.power.design import alarm_power
from stratsim.power.result import AlarmPower, Point
from stratsim.power.setting import PowerSetting

__all__ = ["AlarmPower", "Point", "PowerSetting", "alarm_power"]
