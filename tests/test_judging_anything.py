"""Whatever the runs hold, a judgement is JSON, in order, and in sentences."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratsim.comparison import Comparison
from stratsim.recommendation import recommend_from

ComparisonOf = Callable[..., Comparison]

NUMBERS = st.one_of(
    st.just(float("nan")),
    st.just(0.0),
    st.floats(0, 1e12),
    st.sampled_from([float("inf"), 1e-300, 1e100, 0.1 + 0.2]),
)
LIMITS = st.sampled_from(
    ["missed<=0.1", "failed_requests<=5", "failed_requests.p95<=5", "failed_requests.max<=5",
     "failed_requests.cvar95<=5", "min_capacity>=0.5", "time_to_detect_s<=60"]
)  # fmt: skip
OBJECTIVES = st.sampled_from(
    [
        "failed_requests",
        "failed_requests.p95",
        "failed_requests.cvar95",
        "missed",
        "time_to_detect_s",
    ]
)


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    """Runs of up to three strategies: drawn, or exact with one run per outcome."""
    exact = draw(st.booleans())
    runs = draw(st.integers(1, 4 if exact else 40))
    shares = np.array(draw(st.lists(st.integers(0, 9), min_size=runs, max_size=runs)), float)
    shares = shares / shares.sum() if shares.sum() else np.full(runs, 1 / runs)
    outcomes = {f"o{k}": float(share) for k, share in enumerate(shares)} if exact else {"o": 1.0}
    values = st.lists(NUMBERS, min_size=runs, max_size=runs)
    strategy = st.fixed_dictionaries(
        {
            "failed_requests": values,
            "time_to_detect_s": values,
            "min_capacity": st.lists(st.floats(0, 1), min_size=runs, max_size=runs),
            "missed": st.lists(st.booleans(), min_size=runs, max_size=runs),
        }
    )
    names = draw(st.integers(1, 3))
    return {"outcomes": outcomes, "exact": exact} | {f"s{k}": draw(strategy) for k in range(names)}


ANYTHING = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
class TestAnything:
    @ANYTHING
    @given(study=studies())
    def test_a_comparison_is_json_and_in_order(
        self, comparison_of: ComparisonOf, study: dict[str, Any]
    ) -> None:
        comparison = comparison_of(**study)
        document = comparison.to_dict()
        json.dumps(document, allow_nan=False)

        assert str(comparison)
        assert document["pareto"]
        for entry in document["strategies"]:
            for found in [*entry["measures"].values(), *entry["probabilities"].values()]:
                ends = [found[end] for end in ("ci_low", "mean", "ci_high")]
                known = [end for end in ends if end is not None]
                assert known == sorted(known)

    @ANYTHING
    @given(study=studies(), limits=st.lists(LIMITS, max_size=3), minimize=OBJECTIVES)
    def test_advice_names_only_what_meets_every_limit(
        self, comparison_of: ComparisonOf, study: dict[str, Any], limits: list[str], minimize: str
    ) -> None:
        advice = recommend_from(comparison_of(**study), minimize=minimize, require=limits)
        document = advice.to_dict()
        json.dumps(document, allow_nan=False)

        assert document["reasons"]
        assert "nan" not in advice.explain()
        assert (advice.strategy is None) == (advice.verdict != "recommended")
        if advice.strategy is not None:
            assert all(row["met"] for row in document["requirements"])
            assert advice.runner_up != advice.strategy
