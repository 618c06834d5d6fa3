"""What a strategy with its alarms does about a regression, by how large that is."""

from stratsim.risk.curves import operating_characteristic
from stratsim.risk.result import Curve, OperatingCharacteristic, SizedPoint

__all__ = ["Curve", "OperatingCharacteristic", "SizedPoint", "operating_characteristic"]
