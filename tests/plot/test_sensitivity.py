"""The pictures of sweeps, tornados and rankings: their numbers exactly, then that they draw."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from stratsim.comparison import Key
from stratsim.errors import InputError
from stratsim.intervals import Estimate
from stratsim.plot import plot_ranking, plot_sweep, plot_tornado
from stratsim.plot.numbers_sensitivity import (
    ranking_bars,
    short_path,
    sweep_numbers,
    tornado_bars,
)
from stratsim.sensitivity import Ranking, Sweep, Tornado
from stratsim.sensitivity.ranking import Index
from stratsim.sensitivity.swept import Combination
from stratsim.sensitivity.swings import Swing

FAILED, TIME = Key("failed_requests"), Key("time_to_detect_s")
MADE = {"minimize": "failed_requests", "replications": 50, "seed": 7, "engine": "batch"}


def combination(settings: tuple[object, ...], failed: Mapping[str, float]) -> Combination:
    best = min(failed, key=lambda name: failed[name])
    estimates = {(name, FAILED): Estimate(value) for name, value in failed.items()}
    estimates |= {(name, TIME): Estimate() for name in failed}
    return Combination(settings, estimates, best, None, "cannot tell", 10)


def sweep(parameters: dict[str, tuple[object, ...]], *made: Combination) -> Sweep:
    return Sweep(
        scenario="checkout", parameters=parameters, keys=(FAILED, TIME), combinations=made, **MADE
    )


ONE = sweep(
    {"alarms.0.Threshold": (20, 50)},
    combination((20,), {"CodeDeployDefault.ECSAllAtOnce": 1230.0, "careful": 40.0}),
    combination((50,), {"CodeDeployDefault.ECSAllAtOnce": 30.0, "careful": 50.0}),
)
TWO = sweep(
    {"a": (1, 2), "b": ("5m", "10m", "15m")},
    *(
        combination((a, b), {"x": 10.0 * a + i, "y": 21.0})
        for a in (1, 2)
        for i, b in enumerate(("5m", "10m", "15m"))
    ),
)


class TestHeatmap:
    def test_over_one_path_strategies_are_rows_and_the_best_is_boxed(self) -> None:
        found = sweep_numbers(ONE, None, None)

        assert (found.x, found.y) == (("20", "50"), ("ECSAllAtOnce", "careful"))
        assert found.cells == ((1230.0, 30.0), (40.0, 50.0))
        assert found.texts[0] == ("1,230", "30")
        assert found.best == ((1, 0), (0, 1))

    def test_over_two_paths_the_first_is_across_and_the_best_is_named(self) -> None:
        """At a = 2 and b = 15m, x has 22 and y 21."""
        found = sweep_numbers(TWO, None, None)

        assert (found.x, found.y) == (("1", "2"), ("5m", "10m", "15m"))
        assert found.cells == ((10.0, 20.0), (11.0, 21.0), (12.0, 21.0))
        assert found.texts[2] == ("12\nx", "21\ny")

    def test_one_strategy_is_drawn_alone_where_asked(self) -> None:
        assert sweep_numbers(TWO, "failed_requests", "y").cells == ((21.0, 21.0),) * 3
        assert sweep_numbers(ONE, None, "careful").y == ("careful",)

    def test_an_interval_stands_under_its_number(self) -> None:
        estimates = {("x", FAILED): Estimate(20.0, 15.5, 26.0, 50), ("x", TIME): Estimate()}
        known = Combination((1,), estimates, "x", None, "recommended", 10)
        both = Combination((1, 1), estimates, "x", None, "recommended", 10)

        assert sweep_numbers(sweep({"a": (1,)}, known), None, None).texts == (("20\n[15.5, 26]",),)
        two = sweep({"a": (1,), "b": (1,)}, both)
        assert sweep_numbers(two, None, None).texts == (("20\n[15.5, 26]\nx",),)
        assert sweep_numbers(two, None, "x").texts == (("20\n[15.5, 26]",),)

    def test_what_is_not_known_is_a_dash(self) -> None:
        assert sweep_numbers(ONE, "time_to_detect_s", None).texts[0] == ("-", "-")

    @pytest.mark.parametrize(
        ("measure", "strategy", "message"),
        [("missed", None, "must be one of failed_requests"), (None, "carful", "'careful'")],
    )
    def test_what_is_not_there_is_refused(
        self, measure: str | None, strategy: str | None, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            sweep_numbers(ONE, measure, strategy)

    def test_three_paths_are_too_many(self) -> None:
        three = sweep({"a": (1,), "b": (1,), "c": (1,)}, combination((1, 1, 1), {"x": 1.0}))

        with pytest.raises(InputError, match="must be a sweep over one or two paths"):
            sweep_numbers(three, None, None)

    @pytest.mark.parametrize("made", [ONE, TWO])
    @pytest.mark.parametrize("measure", ["failed_requests", "time_to_detect_s"])
    def test_draws_every_cell_into_the_given_axes(self, made: Sweep, measure: str) -> None:
        ax = Figure().subplots()

        assert plot_sweep(made, measure, ax=ax) is ax
        numbers = sweep_numbers(made, measure, None)
        assert [text.get_text() for text in ax.texts] == [t for row in numbers.texts for t in row]


def swing(path: str, setting: object, value: float, leader: str = "a") -> Swing:
    return Swing(
        path=path, value=setting, estimate=Estimate(value), difference=None, leader=leader,
        verdict="recommended",
    )  # fmt: skip


TORNADO = Tornado(
    scenario="checkout", strategy="a", key=FAILED, base=Estimate(100.0), leader="a",
    verdict="recommended", swings=(
        swing("narrow", "5m", 90.0), swing("narrow", "1h", 110.0),
        swing("wide", 1, 400.0, leader="b"), swing("wide", 9, 80.0),
        swing("nothing", 1, 100.0), swing("nothing", 2, 100.0),
        swing("unknown", 1, math.nan),
    ), **MADE,
)  # fmt: skip


class TestTornado:
    def test_bars_run_from_the_lowest_to_the_highest_the_widest_first(self) -> None:
        wide, narrow, nothing = tornado_bars(TORNADO)

        assert (wide.low, wide.high, wide.at_low, wide.at_high) == (80.0, 400.0, "9", "1")
        assert (narrow.label, narrow.at_low, narrow.at_high) == ("narrow", "5m", "1h")
        assert (nothing.at_low, nothing.at_high) == ("1, 2", "1, 2")

    def test_tells_where_another_strategy_is_the_best(self) -> None:
        assert [bar.changes for bar in tornado_bars(TORNADO)] == [True, False, False]

    def test_an_end_has_the_interval_of_the_paired_difference(self) -> None:
        paired = Swing(
            path="p", value=1, estimate=Estimate(130.0, 60.0, 200.0), leader="a",
            difference=Estimate(30.0, 20.0, 45.0), verdict="recommended",
        )  # fmt: skip
        alone = Swing(
            path="p", value=2, estimate=Estimate(90.0, 50.0, 140.0), leader="a",
            difference=None, verdict="recommended",
        )  # fmt: skip

        (bar,) = tornado_bars(replace(TORNADO, swings=(paired, alone)))

        assert (bar.low_span, bar.high_span) == ((50.0, 140.0), (120.0, 145.0))
        wide = replace(paired, difference=Estimate(30.0, -140.0, 200.0))
        assert tornado_bars(replace(TORNADO, swings=(wide,)))[0].high_span == (0.0, 300.0)
        ax = plot_tornado(replace(TORNADO, swings=(paired, alone)), Figure().subplots())
        low, high = ax.get_xlim()
        assert low < 50
        assert high > 145

    def test_draws_a_bar_per_field(self) -> None:
        ax = Figure().subplots()

        assert plot_tornado(TORNADO, ax) is ax
        assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [
            (80.0, 320.0), (90.0, 20.0), (100.0, 0.0),
        ]  # fmt: skip


def test_a_ranking_draws_the_largest_total_first() -> None:
    indices = (Index("small", 0.1, 0.02, 0.2, 0.03), Index("large", 0.5, 0.1, 0.8, 0.2))
    made = Ranking(
        scenario="checkout", strategy="a", key=FAILED, deciding=indices, leader="a",
        leaders={"a": 1.0}, samples=2, studies=8,
        indices=(*indices, Index("unknown", *[math.nan] * 4)), **MADE,
    )  # fmt: skip

    assert [bar[0] for bar in ranking_bars(made)] == ["large", "small"]
    ax = plot_ranking(made, Figure().subplots())
    assert [bar.get_width() for bar in ax.patches] == [0.8, 0.5, 0.2, 0.1]


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("traffic.rate", "traffic.rate"),
        (
            "strategies.careful.trafficRoutingConfig.timeBasedCanary.canaryPercentage",
            "strategies.careful .. canaryPercentage",
        ),
    ],
)
def test_long_paths_are_shortened_in_the_middle(path: str, short: str) -> None:
    assert short_path(path) == short
