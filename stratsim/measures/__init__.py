"""Measures: pure functions from tallies to one value per run."""

from stratsim.measures import cost, damage, deployment, timing  # noqa: F401  they register
from stratsim.measures._registry import MEASURES, Measure, measure
from stratsim.measures.events import events
from stratsim.measures.sample import PROBABILITIES, Sample

__all__ = ["MEASURES", "PROBABILITIES", "Measure", "Sample", "events", "measure"]
