"""Alarms by themselves: replayed over measured data, and what they can see."""
