"""The picture of an operating characteristic: its numbers exactly, then that it draws."""

import math

import pytest
from matplotlib.figure import Figure

from stratsim.intervals import Estimate
from stratsim.plot import plot_characteristic
from stratsim.plot.numbers_risk import PANELS, characteristic_numbers
from stratsim.risk import Curve, OperatingCharacteristic, SizedPoint
from stratsim.risk.result import KEYS

NAN = float("nan")


def curve(name: str, *points: tuple[float, float]) -> Curve:
    """Sizes with their chance; 1,000 failed requests per unit of size; detected where > 0."""
    made = []
    for size, chance in points:
        estimates = dict.fromkeys(map(str, KEYS), Estimate())
        estimates["rollback"] = Estimate(chance, chance / 2, (1 + chance) / 2, 0.1, 50)
        estimates["failed_requests"] = Estimate(1000 * size, NAN, NAN, NAN, 1)
        if chance:
            estimates["time_to_detect_s"] = Estimate(60.0, 50.0, 70.0, 5.0, 50)
        made.append(SizedPoint(size, 50, estimates))
    return Curve(name, tuple(made))


def characteristic(*curves: Curve, kind: str = "errors") -> OperatingCharacteristic:
    return OperatingCharacteristic(
        scenario="checkout", kind=kind, what="share that fails", outcome=None, curves=curves,
        seed=7, replications=50, engine="batch",
    )  # fmt: skip


TWO = characteristic(
    curve("CodeDeployDefault.ECSAllAtOnce", (0.0, 0.0), (0.01, 0.6), (0.1, 1.0)),
    curve("blind", (0.0, 0.0), (0.01, 0.0), (0.1, 0.0)),
)


def test_lines_hold_the_estimates_with_their_ends() -> None:
    found = characteristic_numbers(TWO)

    assert tuple(found.lines) == PANELS
    line = found.lines["rollback"]["ECSAllAtOnce"]
    assert line.x == (0.005, 0.01, 0.1)
    assert (line.value, line.low, line.high) == (
        (0.0, 0.6, 1.0),
        (0.0, 0.3, 0.5),
        (0.5, 0.8, 1.0),
    )


def test_what_is_not_known_is_left_out_and_ends_fall_back_to_the_value() -> None:
    found = characteristic_numbers(TWO)

    assert found.lines["time_to_detect_s"]["blind"].x == ()
    assert found.lines["time_to_detect_s"]["ECSAllAtOnce"].x == (0.01, 0.1)
    assert found.lines["failed_requests"]["blind"].low == (0.0, 10.0, 100.0)


def test_marks_where_a_curve_reaches_what_is_wanted_and_only_there() -> None:
    """0.6 at 1 % and 1.0 at 10 %: 0.8 at 10^-1.5."""
    (eighty, ninety_five) = characteristic_numbers(TWO).smallest

    assert eighty[:2] == ("ECSAllAtOnce", 0.80)
    assert eighty[2] == pytest.approx(10**-1.5)
    assert ninety_five[1] == 0.95


def test_the_healthy_release_stands_left_of_all_sizes() -> None:
    factor = curve("a", (1.0, 0.0), (1.5, 0.2), (3.0, 1.0))

    assert characteristic_numbers(TWO).healthy_x == 0.005
    assert characteristic_numbers(characteristic(factor, kind="latency")).healthy_x == 1.0


@pytest.mark.parametrize("found", [TWO, characteristic(TWO.curves[0])])
def test_draws_into_the_axes_that_it_is_given(found: OperatingCharacteristic) -> None:
    ax = Figure().subplots()

    assert plot_characteristic(found, ax) is ax
    top, middle, bottom = ax.child_axes
    assert [panel.get_ylabel() for panel in (top, middle, bottom)] == [
        "rolled back", "failed requests", "time to detect",
    ]  # fmt: skip
    assert bottom.get_xlabel() == "share that fails"
    drawn = [line for line in top.lines if line.get_linestyle() == "-"]
    assert len(drawn) == len(found.curves)
    assert math.isclose(drawn[0].get_xdata()[0], 0.005)
