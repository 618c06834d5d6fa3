"""Measures: pure functions from tallies to one value per run."""

# Loaded as they register themselves, not for their names (F401); this order is that of every table.
# isort: off
from stratsim.measures import damage  # noqa: F401
from stratsim.measures import timing  # noqa: F401
from stratsim.measures import deployment  # noqa: F401
from stratsim.measures import cost  # noqa: F401

# isort: on
from stratsim.measures._registry import MEASURES, Measure, measure
from stratsim.measures.events import events, refused
from stratsim.measures.sample import PROBABILITIES, Sample

__all__ = ["MEASURES", "PROBABILITIES", "Measure", "Sample", "events", "measure", "refused"]
