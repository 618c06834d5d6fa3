"""Sweeps, tornados and Sobol indices against formulas, counts by hand, and each other.

A Lambda function without alarms: a defect of probability p fails the share r of all
requests until people act, so that the mean of `failed_requests` is p r x rate x
notice exactly where noise is off. With the canary of 10 %, a tenth of that for five
minutes and all of it after.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import stratsim
from stratsim.errors import InputError, UnsupportedError
from stratsim.model.scenario import Scenario
from stratsim.sensitivity import Ranking, Sweep, Tornado
from stratsim.sensitivity.indices import Range, _Design

SCENARIO = """
name: paper
platform: lambda
traffic: {rate: 100, retries: {share: 0, limit: 0}}
service: {error_rate: 0, runtime: python3.12}
release:
  outcomes:
    - {name: healthy, probability: 0.9}
    - {name: defect, probability: 0.1, faults: [{kind: errors, rate: 0.2}]}
control: {reroute: 0s}
on_call: {respond: 10m, notice: 20m}
strategies:
  - CodeDeployDefault.LambdaAllAtOnce
  - name: canary
    trafficRoutingConfig:
      {type: TimeBasedCanary, timeBasedCanary: {canaryPercentage: 10, canaryInterval: 5}}
noise: expected
"""
ALL, CANARY = "CodeDeployDefault.LambdaAllAtOnce", "canary"
PERCENT = "strategies.canary.trafficRoutingConfig.timeBasedCanary.canaryPercentage"
DEFECT = "release.outcomes.defect"


@pytest.fixture(scope="module")
def paper() -> Scenario:
    return stratsim.load(SCENARIO)


def value(frame: pd.DataFrame, **where: Any) -> float:
    for column, wanted in where.items():
        frame = frame[frame[column] == wanted]
    (found,) = frame["value"]
    return float(found)


@pytest.fixture(scope="module")
def swept(paper: Scenario) -> Sweep:
    return stratsim.sweep(
        paper, {"traffic.rate": [50, 100], PERCENT: [10, 50]}, measures="failed_requests"
    )


class TestSweep:
    def test_rows_are_those_of_the_formula(self, swept: Sweep) -> None:
        frame = swept.to_frame()

        assert list(frame.columns) == [
            "traffic.rate", PERCENT, "strategy", "measure", "unit", "value", "ci_low",
            "ci_high", "count", "recommended",
        ]  # fmt: skip
        assert len(frame) == 2 * 2 * 2
        for _, row in frame.iterrows():
            share = row[PERCENT] / 100 if row["strategy"] == CANARY else 1.0
            served = row["traffic.rate"] * (300 * share + 900)
            assert row["value"] == pytest.approx(0.1 * 0.2 * served, rel=1e-9)

    def test_tells_what_is_recommended_where(self, swept: Sweep) -> None:
        assert list(swept.recommendations()["recommended"]) == [CANARY] * 4
        assert "canary: everywhere" in str(swept)

    def test_a_changed_price_changes_the_recommendation(self, paper: Scenario) -> None:
        """Attended for nothing, failures decide; at a high price, the five minutes do."""
        found = stratsim.sweep(
            paper, {"cost.attended": [0, 1]}, measures=["total_cost_usd"], minimize="total_cost_usd"
        )

        assert [c.leader for c in found.combinations] == [CANARY, ALL]
        assert "- canary: cost.attended = 0" in found.explain()
        assert "- LambdaAllAtOnce: cost.attended = 1" in found.explain()

    def test_all_combinations_meet_the_same_worlds(self, paper: Scenario) -> None:
        """An alarm that nobody looks at changes no number at all."""
        noisy = stratsim.load(SCENARIO.replace("noise: expected", "replications: 50"))

        found = stratsim.sweep(noisy, {"on_call.respond": ["5m", "10m"]})

        one, other = (c.estimates for c in found.combinations)
        assert one == other

    def test_the_numbers_are_those_of_a_comparison(self, paper: Scenario) -> None:
        """Also of strategies that were not run again."""
        noisy = stratsim.load(SCENARIO.replace("noise: expected", "replications: 50"))
        found = stratsim.sweep(noisy, {PERCENT: [10, 20, 30]})
        apart = stratsim.compare(noisy.with_values({PERCENT: 30}))

        for (name, key), estimate in found.combinations[2].estimates.items():
            np.testing.assert_equal(estimate, key.estimate(apart.sample(name)))

    def test_nothing_is_run_where_a_combination_cannot_be(self, paper: Scenario) -> None:
        def never(done: int, total: int) -> None:
            raise AssertionError

        with pytest.raises(InputError, match="canaryPercentage: must be an integer"):
            stratsim.sweep(paper, {PERCENT: [10, 200]}, progress=never)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({}, "must be a mapping from paths to lists"),
            ({PERCENT: 10}, "must be a list, but got 10"),
            ({PERCENT: []}, "at least 1 value"),
            ({"seed": range(20_000)}, "must be at most 10,000 combinations, but got 20,000"),
        ],
    )
    def test_parameters_that_cannot_be(
        self, paper: Scenario, parameters: Any, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            stratsim.sweep(paper, parameters)

    def test_numbers_of_runs_that_differ_are_told(self, paper: Scenario) -> None:
        noisy = paper.with_values({"noise": "sampled"})
        found = stratsim.sweep(noisy, {"replications": [2, 30]})

        assert [one["replications"] for one in found.to_dict()["combinations"]] == [2, 30]
        assert "over 2 combinations, 2 to 30 replications each" in found.explain()

    def test_warnings_of_all_combinations_are_told(self, paper: Scenario) -> None:
        """Of the last alone they would depend on the order."""
        quiet, loud = 0, 1e6  # beyond what one period can hold a word is due
        there, back = (
            stratsim.sweep(paper, {"traffic.rate": rates}, replications=5)
            for rates in ([quiet, loud], [loud, quiet])
        )

        assert set(there.warnings) == set(back.warnings) != set()

    def test_progress_counts_combinations(self, paper: Scenario) -> None:
        seen: list[tuple[int, int]] = []

        stratsim.sweep(
            paper,
            {"traffic.rate": [50, 100]},
            progress=lambda done, total: seen.append((done, total)),
        )

        assert seen == [(1, 2), (2, 2)]


@pytest.fixture(scope="module")
def swings(paper: Scenario) -> Tornado:
    parameters = {
        "traffic.rate": [50, 150],
        f"{DEFECT}.probability": [0.05, 0.5],
        "on_call.respond": ["5m", "15m"],
        "cost.attended": [0, 1],
    }
    return stratsim.tornado(paper, parameters, strategy=ALL, minimize="total_cost_usd")


class TestTornado:
    def test_bars_are_those_of_the_formula_widest_first(self, swings: Tornado) -> None:
        """0.1 x 0.2 x 100 x 1,200 = 2,400 as it is."""
        frame = swings.to_frame()

        assert swings.base.value == pytest.approx(2400)
        assert value(frame, parameter="traffic.rate", setting=50) == pytest.approx(1200)
        assert value(frame, parameter=f"{DEFECT}.probability", setting=0.5) == pytest.approx(12_000)
        assert list(dict.fromkeys(frame["parameter"]))[:2] == [
            f"{DEFECT}.probability", "traffic.rate",
        ]  # fmt: skip

    def test_tells_what_would_change_the_recommendation(self, swings: Tornado) -> None:
        """The canary saves 0.2 x 100 x 300 x 0.9 = 5,400 failures at $0.002 where the
        defect is, $10.8 p, and costs five minutes at $95 an hour, attended by a quarter:
        $1.98. So it wins where p is above 0.18, or attention is free."""
        changing = {(swing.path, swing.value) for swing in swings.changing()}

        assert changing == {(f"{DEFECT}.probability", 0.5), ("cost.attended", 0)}
        assert "changes with:\n- " in swings.explain()

    def test_differences_are_paired(self) -> None:
        """Ten more requests in a hundred: the difference knows no luck of the outcomes."""
        noisy = stratsim.load(SCENARIO.replace("noise: expected", "replications: 400"))

        found = stratsim.tornado(noisy, {"traffic.rate": [110]}, strategy=ALL).swings[0]

        assert found.difference is not None
        assert found.difference.value == pytest.approx(240, rel=0.35)
        # unpaired, the difference's standard error would be 1.4 times that of one mean
        assert found.difference.error < 0.2 * found.estimate.error


class TestSobol:
    def test_indices_of_a_product_are_those_of_the_formula(self, paper: Scenario) -> None:
        """Y = c X1 X2, rate on [50, 150] and notice on [300, 1,500] s, both uniform.

        With m and v for mean and variance: S1 = v1 m2^2 / V, S2 = m1^2 v2 / V,
        V = v1 m2^2 + m1^2 v2 + v1 v2; what is left is in both totals.
        """
        (m1, v1), (m2, v2) = (100, 100**2 / 12), (900, 1200**2 / 12)
        whole = v1 * m2**2 + m1**2 * v2 + v1 * v2

        found = stratsim.sobol(
            paper, {"traffic.rate": [50.0, 150.0], "on_call.notice": ["5m", "25m"]},
            strategy=ALL, strategies=[ALL], samples=64,
        )  # fmt: skip

        rate, notice = found.indices
        assert rate.first == pytest.approx(v1 * m2**2 / whole, abs=0.1)
        assert notice.first == pytest.approx(m1**2 * v2 / whole, abs=0.1)
        assert rate.total == pytest.approx(1 - m1**2 * v2 / whole, abs=0.1)
        assert notice.total == pytest.approx(1 - v1 * m2**2 / whole, abs=0.1)
        assert found.studies == 64 * 4
        assert found.leaders == {ALL: 1.0}

    def test_a_field_that_decides_the_recommendation_is_found(self, paper: Scenario) -> None:
        """Attention at any price against failures: only the price of it decides."""
        found = stratsim.sobol(
            paper, {"cost.attended": [0.0, 1.0], "slo.window": ["7d", "30d"]},
            minimize="total_cost_usd", measure="total_cost_usd", samples=16,
        )  # fmt: skip

        attended, window = found.deciding
        assert attended.total > 0.5
        assert window.total == pytest.approx(0, abs=1e-12)
        assert set(found.leaders) == {ALL, CANARY}
        assert "- cost.attended decides that" in str(found)

    def test_the_same_seed_gives_the_same_indices(self, paper: Scenario) -> None:
        one, other = (
            stratsim.sobol(paper, {"traffic.rate": [50, 150], PERCENT: [5, 50]}, samples=4)
            for _ in range(2)
        )

        pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())

    def test_ranges_are_uniform_whole_or_choices(self) -> None:
        whole, span, choices = (
            Range.of("a", (1, 3)),
            Range.of("b", ("1m", "5m")),
            Range.of("c", ("missing", "breaching", "notBreaching")),
        )

        assert [whole.value(x) for x in (0.5, 1.4, 2.6, 3.5)] == [1, 1, 3, 3]
        assert (span.low, span.high, span.value(90.0)) == (60.0, 300.0, 90.0)
        assert [choices.value(x) for x in (0.0, 1.5, 3.0)] == [
            "missing", "breaching", "notBreaching",
        ]  # fmt: skip

    def test_nothing_that_varies_has_no_index(self) -> None:
        design = _Design([Range.of("a", (1.0, 2.0))], 4, 1)

        assert np.isnan(design.indices(np.ones(12))[0].total)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"samples": 12}, "must be a power of two"),
            ({"measure": "failed"}, "measure: must be one of"),
            ({"parameters": {"traffic.rate": [5]}}, "at least 2 values"),
            ({"parameters": {"traffic.rate": [5, 5]}}, "must be two different ends"),
            ({"strategy": "canari"}, "Did you mean 'canary'"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, paper: Scenario, settings: dict[str, Any], message: str
    ) -> None:
        asked = {"parameters": {"traffic.rate": [50, 150]}, "samples": 2, **settings}

        with pytest.raises(InputError, match=message):
            stratsim.sobol(paper, **asked)

    def test_says_what_to_install_without_salib(
        self, paper: Scenario, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "SALib"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "path", [])
        monkeypatch.setitem(sys.modules, "SALib", None)

        with pytest.raises(UnsupportedError, match=r"pip install 'stratsim\[sensitivity\]'"):
            stratsim.sobol(paper, {"traffic.rate": [50, 150]})


@pytest.fixture(scope="module")
def ranking(paper: Scenario) -> Ranking:
    return stratsim.sobol(
        paper, {"traffic.rate": [50, 150], "on_call.respond": ["5m", "9m"]},
        strategies=[ALL], samples=2,
    )  # fmt: skip


def test_frames_hold_a_row_per_field(ranking: Ranking) -> None:
    assert list(ranking.to_frame()["parameter"]) == ["traffic.rate", "on_call.respond"]
