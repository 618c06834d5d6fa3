"""Scenario files: read, checked and explained. The only room that opens them."""

from stratsim.scenario_io.loading import load

__all__ = ["load"]
