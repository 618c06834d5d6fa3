"""What all tests share: fixed draws, no display, the reference data beside the checkout."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stratsim.comparison import Comparison
    from stratsim.measures.sample import Sample

os.environ.setdefault("MPLBACKEND", "Agg")  # no window, also where a display is there

ROOT = Path(__file__).parents[1]

# `ci` is the default: the same examples on every machine, so that a change alone
# can make a test fail. `dev` searches on: HYPOTHESIS_PROFILE=dev pytest tests/properties
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "dev", max_examples=1000, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; skips where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the reference data in ../shared, which is not part of the project")
    return folder


@pytest.fixture
def comparison_of() -> Callable[..., "Comparison"]:
    """Make a comparison out of arrays: ``comparison_of(a={"failed_requests": [...]})``."""
    return _comparison_of


def _comparison_of(
    *,
    outcomes: dict[str, float] | None = None,
    outcome: Sequence[int] | None = None,
    exact: bool = False,
    **strategies: dict[str, object],
) -> "Comparison":
    """Each strategy maps measures and probabilities to one value per run, or to one for all.

    ``exact`` runs are the outcomes, one run each, with their probabilities.
    """
    from stratsim.comparison import Comparison

    outcomes = outcomes or {"healthy": 1.0}
    runs = max(np.size(value) for values in strategies.values() for value in values.values())
    which = np.array(outcome if outcome is not None else range(runs) if exact else [0] * runs)
    weight = np.array([*outcomes.values()])[which] if exact else np.full(runs, 1 / runs)
    return Comparison(
        scenario="checkout",
        seed=7,
        replications=runs,
        engine="des",
        samples=tuple(
            _sample_of(name, which, weight, values, exact=exact)
            for name, values in strategies.items()
        ),
        outcomes=outcomes,
        provenance={"scenario_hash": "0" * 64},
    )


def _sample_of(
    name: str,
    outcome: NDArray[np.int64],
    weight: NDArray[np.float64],
    values: dict[str, object],
    *,
    exact: bool,
) -> "Sample":
    from stratsim.measures.sample import PROBABILITIES, Sample

    runs = len(outcome)
    filled = {key: np.broadcast_to(np.asarray(value), runs) for key, value in values.items()}
    return Sample(
        strategy=name,
        outcome=outcome,
        weight=weight,
        exact=exact,
        measures={k: v.astype(np.float64) for k, v in filled.items() if k not in PROBABILITIES},
        events={
            key: np.broadcast_to(filled.get(key, False), runs).astype(np.bool_)
            for key in PROBABILITIES
        },
    )


@pytest.fixture
def bits_of() -> Callable[["Comparison"], bytes]:
    """Every bit of every run of a comparison."""
    return _bits_of


def _bits_of(comparison: "Comparison") -> bytes:
    columns = [
        values
        for sample in comparison.samples
        for values in (*sample.measures.values(), *sample.events.values(), sample.outcome)
    ]
    return b"".join(np.ascontiguousarray(values).tobytes() for values in columns)
