"""The SimPy engine: one readable deployment at a time."""

from stratsim.engine.deployment import Deployment
from stratsim.engine.setup import Setup
from stratsim.engine.trace import Result
from stratsim.world import World


def simulate_one(setup: Setup, world: World) -> Result:
    """Return the result of one run."""
    return Deployment(setup, world).run()


def trace_one(setup: Setup, world: World) -> tuple[Result, Deployment]:
    """Return the result of one run and the finished deployment with its record."""
    deployment = Deployment(setup, world, traced=True)
    return deployment.run(), deployment
