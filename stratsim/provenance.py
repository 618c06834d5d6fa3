"""Where a result comes from: what it takes to make the same numbers again."""

import json
import platform
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from stratsim.model.scenario import Scenario
from stratsim.model.traffic import Trace


def scenario_hash(scenario: Scenario) -> str:
    """Return a hash of the scenario as it was written, the same in every process.

    A series that the scenario names is part of it, wherever its file lies.
    """
    text = json.dumps(scenario.source, sort_keys=True, default=str, separators=(",", ":"))
    digest = sha256(text.encode())
    if isinstance(scenario.traffic.profile, Trace):
        digest.update(scenario.traffic.profile.counts.astype("<f8").tobytes())
    return digest.hexdigest()


def provenance(
    scenario: Scenario,
    *,
    command: str,
    engine: str | None = None,
    replications: int | None = None,
    seed: int | None = None,
) -> dict[str, object]:
    """Return the provenance that every result and export carries."""
    return {
        "scenario_hash": scenario_hash(scenario),
        "seed": scenario.seed if seed is None else seed,
        "engine": engine,
        "replications": replications,
        "versions": versions(),
        "command": command,
    }


def versions() -> dict[str, str | None]:
    """Return the versions of what makes the numbers."""
    return {
        "stratsim": _version("stratsim"),
        "numpy": _version("numpy"),
        "simpy": _version("simpy"),
        "python": platform.python_version(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
