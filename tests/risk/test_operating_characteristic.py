"""Operating characteristics against a chain that is solved on paper.

A Lambda canary of five minutes at a tenth of 100 requests/s, an alarm on more than
T errors of the new version in one minute, no delay anywhere, and minutes that begin
with the deployment: five independent Poisson counts of mean m = 60 x 10 x (p0 + (1 -
p0) r) decide. With q = P(count <= T): rolled back 1 - q^5; failures 600 r (1 + q +
... + q^4) and, where nothing stops it, the whole traffic until people notice.
"""

from math import sqrt
from typing import Any

import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

import stratsim
from stratsim.errors import InputError
from stratsim.intervals import Estimate
from stratsim.risk import OperatingCharacteristic
from stratsim.risk.smallest import smallest_caught

BACKGROUND, THRESHOLD, NOTICE_S = 0.005, 9, 1200.0
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
SCENARIO = f"""
name: paper
platform: lambda
traffic: {{rate: 100, dispersion: 1, retries: {{share: 0, limit: 0}}}}
service: {{error_rate: {BACKGROUND}, error_dispersion: 1}}
release:
  outcomes:
    - {{name: healthy, probability: 0.9}}
    - {{name: late, probability: 0.1, faults: [{{kind: errors, rate: 0.5, after: 1d}}]}}
alarms:
  - AlarmName: errors
    Namespace: AWS/Lambda
    MetricName: Errors
    Dimensions: [{{Name: ExecutedVersion, Value: new}}]
    Statistic: Sum
    Period: 60
    EvaluationPeriods: 1
    Threshold: {THRESHOLD}
    ComparisonOperator: GreaterThanThreshold
    TreatMissingData: notBreaching
metrics: {{delay: 0s, phase: 0s, evaluation_offset: 0s}}
deployment_group:
  autoRollbackConfiguration: {{enabled: true, events: [DEPLOYMENT_STOP_ON_ALARM]}}
  alarmConfiguration: {{enabled: true, alarms: [{{name: errors}}]}}
control: {{alarm_poll: 10s, reroute: 0s}}
on_call: {{respond: 1h, notice: {NOTICE_S:g}}}
strategies: [{CANARY}, CodeDeployDefault.LambdaAllAtOnce]
"""
FIRST_S = 1 / (0.1 * 100)
"""Expected wait for the first exposed request, from which people's notice counts."""
RUNS = 4000
SIZES = (0.002, 0.005, 0.01, 0.02)


def quiet(size: float) -> float:
    """The probability that a minute stays below the threshold."""
    mean = 600 * (BACKGROUND + (1 - BACKGROUND) * size)
    return float(poisson.cdf(THRESHOLD, mean))


def rolled_back(size: float) -> float:
    return 1 - quiet(size) ** 5


@pytest.fixture(scope="module")
def found() -> OperatingCharacteristic:
    return stratsim.operating_characteristic(
        stratsim.load(SCENARIO), CANARY, SIZES, replications=RUNS
    )


@pytest.mark.parametrize("place", range(5))
def test_rollbacks_are_those_of_the_paper(found: OperatingCharacteristic, place: int) -> None:
    """Within 4.5 standard errors: a false failure in 30,000 such tests."""
    size = (0.0, *SIZES)[place]
    truth = rolled_back(size)

    estimate = found.curve().points[place].estimates["rollback"]

    assert found.curve().points[place].size == size
    assert estimate.value == pytest.approx(truth, abs=4.5 * sqrt(truth * (1 - truth) / RUNS))
    assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("place", range(1, 5))
def test_the_blast_radius_is_that_of_the_paper(found: OperatingCharacteristic, place: int) -> None:
    size = SIZES[place - 1]
    q = quiet(size)
    served = 600 * size * sum(q**k for k in range(5))
    unstopped = q**5 * 100 * size * (NOTICE_S + FIRST_S - 300)

    estimate = found.curve().points[place].estimates["failed_requests"]

    assert estimate.value == pytest.approx(served + unstopped, abs=4.5 * estimate.error)


def test_the_exact_engine_computes_the_paper() -> None:
    """Nothing is drawn: chances to 1e-6, failures to 1e-6 of them."""
    curve = stratsim.operating_characteristic(
        stratsim.load(SCENARIO), CANARY, SIZES, engine="exact"
    ).curve()

    assert [point.size for point in curve.points] == [0.0, *SIZES]
    for point in curve.points:
        q = quiet(point.size)
        served = 600 * point.size * sum(q**k for k in range(5))
        unstopped = q**5 * 100 * point.size * (NOTICE_S + FIRST_S - 300)
        assert point.estimates["rollback"].value == pytest.approx(1 - q**5, abs=1e-6)
        found = point.estimates["failed_requests"].value
        assert found == pytest.approx(served + unstopped, rel=1e-6)
    assert "computed by the exact engine" in str(
        stratsim.operating_characteristic(stratsim.load(SCENARIO), CANARY, [0.1], engine="exact")
    )


def test_the_exact_engine_conditions_on_worlds_where_times_are_random() -> None:
    """A phase is drawn: the chances agree with drawn runs within 4.5 standard errors."""
    scenario = stratsim.load(SCENARIO.replace("phase: 0s, ", ""))
    exact, drawn = (
        stratsim.operating_characteristic(scenario, CANARY, SIZES, engine=engine, replications=RUNS)
        for engine in ("exact", "batch")
    )

    worlds = {point["replications"] for point in exact.to_dict()["strategies"][0]["curve"]}
    assert worlds == {exact.replications} == {exact.to_dict()["provenance"]["replications"]}
    assert 1 < exact.replications < RUNS
    for one, other in zip(exact.curve().points, drawn.curve().points, strict=True):
        for key in ("rollback", "failed_requests"):
            found, runs = one.estimates[key], other.estimates[key]
            assert found.low <= found.value <= found.high
            variance = found.error**2 + runs.error**2
            if key == "rollback":  # of what hardly ever fails no run may tell
                variance = found.error**2 + found.value * (1 - found.value) / RUNS
            assert found.value == pytest.approx(runs.value, abs=4.5 * sqrt(variance) + 1e-9)


def test_the_time_to_detect_is_that_of_the_paper(found: OperatingCharacteristic) -> None:
    """At 2 % fewer than one run in 100,000 is not stopped: minutes are geometric."""
    q = quiet(SIZES[-1])
    assert q**5 < 1e-5
    minutes = sum((k + 1) * q**k * (1 - q) for k in range(5)) / (1 - q**5)

    estimate = found.curve().points[-1].estimates["time_to_detect_s"]

    assert estimate.value == pytest.approx(60 * minutes, abs=4.5 * estimate.error + 0.1)


def test_false_rollbacks_are_those_of_the_healthy_release(found: OperatingCharacteristic) -> None:
    assert found.curve().false_rollback == found.curve().points[0].estimates["rollback"]
    assert found.curve().points[0].estimates["failed_requests"].value == 0.0


@pytest.mark.parametrize("wanted", [0.80, 0.95])
def test_the_smallest_regression_caught_solves_the_equation(wanted: float) -> None:
    """Found on the grid and between its sizes; the interval holds the root."""
    root = brentq(lambda size: rolled_back(size) - wanted, 1e-6, 0.5)

    curve = stratsim.operating_characteristic(
        stratsim.load(SCENARIO), CANARY, replications=RUNS
    ).curve()
    smallest = curve.smallest(wanted)

    assert smallest.value == pytest.approx(root, rel=0.06)
    assert smallest.low <= smallest.value <= smallest.high
    assert smallest.low * 0.95 <= root <= smallest.high * 1.05  # the curve between is a guess


class TestSmallest:
    @staticmethod
    def chances(*values: float) -> list[Estimate]:
        return [Estimate(v, max(0.0, v - 0.1), min(1.0, v + 0.1), 0.05, 100) for v in values]

    def test_crosses_between_two_sizes_on_a_logarithmic_axis(self) -> None:
        """From 0.6 at 1 % to 1.0 at 10 %: 0.8 half way, at 10^-1.5; 0.9 upwards at 0.7."""
        found = smallest_caught([0.01, 0.1], self.chances(0.6, 1.0), 0.8)

        assert found.value == pytest.approx(10**-1.5)
        assert found.low == pytest.approx(10 ** (-2 + 0.1 / 0.3))
        assert found.high == pytest.approx(10 ** (-2 + 0.3 / 0.4))

    def test_is_unknown_where_no_size_is_caught(self) -> None:
        found = smallest_caught([0.01, 0.1], self.chances(0.1, 0.75), 0.8)

        assert str(found.value) == "nan"
        assert found.low < 0.1
        assert str(found.high) == "nan"

    def test_a_chance_that_falls_with_the_size_is_noise(self) -> None:
        found = smallest_caught([0.01, 0.02, 0.1], self.chances(0.5, 0.4, 0.9), 0.7)

        assert found.value == pytest.approx(0.02 * 5**0.5)


class TestAsked:
    def test_an_outcome_lends_all_but_its_size(self) -> None:
        """A day passes before it shows, so no size is caught."""
        late = stratsim.operating_characteristic(
            stratsim.load(SCENARIO), CANARY, [0.5, 1.0], outcome="late", replications=50
        )

        assert [p.estimates["failed_requests"].value for p in late.curve().points] == [0, 0, 0]

    def test_several_strategies_meet_the_same_worlds(self) -> None:
        both = stratsim.operating_characteristic(
            stratsim.load(SCENARIO), stratsim.load(SCENARIO).source["strategies"], [0.05],
            replications=50,
        )  # fmt: skip

        frame = both.to_frame()
        assert list(frame["strategy"].unique()) == [CANARY, "CodeDeployDefault.LambdaAllAtOnce"]
        assert len(frame) == 4
        assert both.to_dict()["strategies"][1]["false_rollback"]["value"] == 0.0
        assert "rolled back in 80% or more: from 5% or less on" in str(both)

    def test_a_value_between_sizes_far_apart_is_told_as_a_guess(self) -> None:
        """Nothing was looked at between 0.2 % and 10 %; from grids of their own no such word."""
        far, near = (
            stratsim.operating_characteristic(
                stratsim.load(SCENARIO), CANARY, sizes, engine="exact"
            )
            for sizes in ([0.002, 0.1], None)
        )

        assert "on [" in str(far)
        assert ", a guess between 0.2% and 10%: sizes between them would tell" in str(far)
        assert "on [" in str(near)
        assert "guess" not in str(near)

    def test_the_same_seed_gives_the_same_numbers_on_any_workers(self) -> None:
        made = [
            stratsim.operating_characteristic(
                stratsim.load(SCENARIO), CANARY, [0.01], replications=40, workers=workers
            ).to_dict()
            for workers in (1, 2)
        ]

        assert made[0] == made[1]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"strategy": "LambdaCanary"}, "strategy: must be one of"),
            ({"outcome": "latte"}, "Did you mean 'late'"),
            ({"outcome": "healthy"}, "must be an outcome with a fault among errors, latency"),
            ({"rates": [0.1, 1.5]}, "rates: must be numbers of 0 to 1"),
            ({"rates": []}, "but got none"),
            ({"rates": [0.0]}, "rates: must be at least one above 0, but got 0. The healthy"),
            ({"replications": 1}, "must be a whole number of at least 2"),
        ],
    )
    def test_what_cannot_be_is_refused(self, settings: dict[str, Any], message: str) -> None:
        asked = {"strategy": CANARY, **settings}

        with pytest.raises(InputError, match=message):
            stratsim.operating_characteristic(stratsim.load(SCENARIO), **asked)
