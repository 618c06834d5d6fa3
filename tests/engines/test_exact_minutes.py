"""What a minute shows to alarms: against sums over all counts, written out."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import stratsim
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, Part
from stratsim.engine.exact.nodes import enough, gamma_nodes
from stratsim.engine.exact.seen import seen
from stratsim.engine.exact.support import judges
from stratsim.engine.setup import prepare
from stratsim.signals import NEW, OLD
from stratsim.strategies import build_plan

GOOD, BREACHING = 1, 2


def series(name: str, metric: str, side: str | None) -> dict[str, Any]:
    where = [{"Name": "TargetGroup", "Value": side}] if side else []
    one = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": where}
    return {
        "Id": name,
        "MetricStat": {"Metric": one, "Period": 60, "Stat": "Sum"},
        "ReturnData": False,
    }


def ratio(name: str, above: float, side: str | None) -> dict[str, Any]:
    return alarm(name, above) | {
        "Metrics": [
            series("e", "HTTPCode_Target_5XX_Count", side),
            series("r", "RequestCount", side),
            {"Id": "x", "Expression": "FILL(e, 0) / r"},
        ]
    }


def count(name: str, above: float, side: str | None) -> dict[str, Any]:
    metric = series("e", "HTTPCode_Target_5XX_Count", side)["MetricStat"]["Metric"]
    return alarm(name, above) | metric | {"Statistic": "Sum", "Period": 60}


def alarm(name: str, above: float) -> dict[str, Any]:
    return {
        "AlarmName": name, "EvaluationPeriods": 1, "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    }  # fmt: skip


def judges_of(*alarms: dict[str, Any]) -> list[Judge]:
    scenario = stratsim.load({"name": "x", "platform": "ecs", "alarms": list(alarms)})
    return judges(prepare(scenario, build_plan(scenario, "CodeDeployDefault.ECSAllAtOnce")))


def part(side: int, *numbers: float) -> Part:
    """Requests, failed, met, and the share outside, of one minute."""
    requests, failed, met, outside = (np.array([number]) for number in numbers)
    return Part(side, requests, failed, met, outside)


def counts_of(parts: list[Part], shape: float = np.inf, count: int = 1, **more: Any) -> Counts:
    nodes, weights = gamma_nodes(shape, count)
    values: dict[str, Any] = {"base": 0.05, "dispersion": 1.0, "hosts": (True, True)}
    return Counts(parts, nodes=nodes[None], weights=weights[None], **(values | more))


def shown(alarms: list[Judge], counts: Counts) -> tuple[Any, Any]:
    """What one minute shows: probabilities (symbols,) and moments (measures, symbols)."""
    [(p, x)] = seen([alarms], [counts])
    return p[0, 0], x[0, 0]


OLD_RATE, NEW_RATE, FAULT = 5.0, 4.0, 0.2


def table(found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The chances of the codes of two alarms, (second, first)."""
    return found.reshape(3, 3)


@pytest.fixture(scope="module")
def grid() -> dict[str, np.ndarray[Any, Any]]:
    """All counts of both revisions up to 29, as four Poisson streams."""
    k = np.arange(30)
    new_errors = NEW_RATE * (FAULT + (1 - FAULT) * 0.05)
    means = (OLD_RATE * 0.05, OLD_RATE * 0.95, new_errors, NEW_RATE - new_errors)
    one = [stats.poisson.pmf(k, mean) for mean in means]
    p = np.einsum("a,b,c,d->abcd", *one)
    e_old, s_old, e_new, s_new = np.meshgrid(k, k, k, k, indexing="ij", sparse=True)
    failed = e_new * NEW_RATE * FAULT / new_errors
    return {"p": p, "eo": e_old, "so": s_old, "en": e_new, "sn": s_new, "failed": failed}


def breach(e: Any, s: Any, above: float) -> Any:
    return e > above * (e + s)


PARTS = [
    part(OLD, OLD_RATE, 0.0, 0.0, 0.0),
    part(NEW, NEW_RATE, NEW_RATE * FAULT, NEW_RATE * FAULT, 0.0),
]


@pytest.mark.parametrize("own", ["ratio", "count"])
@pytest.mark.parametrize("wide", ["ratio", "count"])
@pytest.mark.parametrize("side", ["new", "old"])
def test_alarms_on_one_revision_and_on_both(grid: Any, own: str, wide: str, side: str) -> None:
    makers = {"ratio": (ratio, 0.2), "count": (count, 2.0)}
    (make_own, a), (make_wide, b) = makers[own], makers[wide]
    alarms = judges_of(make_own("own", a, side), make_wide("wide", b, None))
    e, s = (grid["en"], grid["sn"]) if side == "new" else (grid["eo"], grid["so"])
    e_all, s_all = grid["eo"] + grid["en"], grid["so"] + grid["sn"]
    first = breach(e, s, a) if own == "ratio" else e > a
    second = breach(e_all, s_all, b) if wide == "ratio" else e_all > b

    p, x = shown(alarms, counts_of(PARTS))

    both = first & second
    assert table(p)[BREACHING, BREACHING] == pytest.approx(
        float((grid["p"] * both).sum()), abs=1e-9
    )
    assert table(p)[BREACHING].sum() == pytest.approx(float((grid["p"] * second).sum()), abs=1e-9)
    assert table(p)[:, BREACHING].sum() == pytest.approx(float((grid["p"] * first).sum()), abs=1e-9)
    expected = float((grid["p"] * grid["failed"] * both).sum())
    assert table(x[0])[BREACHING, BREACHING] == pytest.approx(expected, abs=1e-9)
    assert p.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("own", ["ratio", "count"])
@pytest.mark.parametrize("wide", ["ratio", "count"])
@pytest.mark.parametrize("side", ["new", "old"])
@pytest.mark.parametrize("varies", ["own", "wide", "both"])
def test_many_thresholds_at_once(grid: Any, own: str, wide: str, side: str, varies: str) -> None:
    makers = {"ratio": (ratio, (0.1, 0.2, 0.4)), "count": (count, (0.0, 1.0, 2.0))}
    (make_own, some), (make_wide, others) = makers[own], makers[wide]
    each = [
        (some[at] if varies != "wide" else some[1], others[at] if varies != "own" else others[1])
        for at in range(3)
    ]
    variants = [judges_of(make_own("own", a, side), make_wide("wide", b, None)) for a, b in each]
    e, s = (grid["en"], grid["sn"]) if side == "new" else (grid["eo"], grid["so"])
    e_all, s_all = grid["eo"] + grid["en"], grid["so"] + grid["sn"]

    [(p, x)] = seen(variants, [counts_of(PARTS)])

    for at, (a, b) in enumerate(each):
        both = (breach(e, s, a) if own == "ratio" else e > a) & (
            breach(e_all, s_all, b) if wide == "ratio" else e_all > b
        )
        chance = float((grid["p"] * both).sum())
        failed = float((grid["p"] * grid["failed"] * both).sum())
        assert table(p[0, at])[BREACHING, BREACHING] == pytest.approx(chance, abs=1e-9)
        assert table(x[0, at, 0])[BREACHING, BREACHING] == pytest.approx(failed, abs=1e-9)
        assert p[0, at].sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("requests", [12.0, 90.0, 900.0])
@pytest.mark.parametrize("make", [ratio, count])
@pytest.mark.parametrize("fixed", [False, True])
def test_thresholds_do_not_disturb_each_other(requests: float, make: Any, fixed: bool) -> None:
    """Alarms on one revision, with clumps unless counts are fixed: together as alone."""
    parts = [part(OLD, requests, 0.0, 0.0, 0.0), part(NEW, requests, 3.0, 4.0, 0.0)]
    law = {"fixed": True} if fixed else {"dispersion": 3.0, "shape": requests, "count": 6}
    above = np.arange(12) / 40 if make is ratio else np.arange(12) * (requests // 100 + 1)
    variants = [judges_of(make("it", float(one), "new")) for one in above]

    [(p, x)] = seen(variants, [counts_of(parts, **law)])

    for at, alarms in enumerate(variants):
        alone = shown(alarms, counts_of(parts, **law))
        assert p[0, at] == pytest.approx(alone[0], abs=1e-12)
        assert x[0, at] == pytest.approx(alone[1], abs=1e-11)
    breaching = p[0, :, BREACHING]
    assert (np.diff(breaching) <= 1e-12).all()
    assert breaching.max() - breaching.min() > 0.3


@pytest.mark.parametrize("side", ["new", "old"])
def test_an_alarm_on_errors_beside_a_ratio_of_both(side: str) -> None:
    """So many requests that none is no chance: given errors, the ratio is a Poisson tail."""
    old, new, fault, most, above = 400.0, 100.0, 0.04, 7, 0.062
    parts = [part(OLD, old, 0.0, 0.0, 0.0), part(NEW, new, new * fault, new * fault, 0.0)]
    errors = {"old": old * 0.05, "new": new * (fault + (1 - fault) * 0.05)}
    rest = old + new - sum(errors.values())
    least = most if side == "new" else 20
    total, failed = 0.0, 0.0
    for own in range(least + 1, 90):
        other = np.arange(90)
        p = stats.poisson.pmf(own, errors[side])
        p = p * stats.poisson.pmf(other, errors["old" if side == "new" else "new"])
        every = own + other
        # it breaches where successes are few beside the errors
        p = p * stats.poisson.cdf(np.ceil(every / above - every) - 1, rest)
        total += p.sum()
        failed += (p * (own if side == "new" else other)).sum() * new * fault / errors["new"]

    alarms = judges_of(count("own", least, side), ratio("wide", above, None))
    p, x = shown(alarms, counts_of(parts))

    assert table(p)[BREACHING, BREACHING] == pytest.approx(total, abs=1e-9)
    assert table(x[0])[BREACHING, BREACHING] == pytest.approx(failed, abs=1e-8)
    assert p.sum() == pytest.approx(1, abs=1e-9)


def test_errors_in_clumps_leave_fewer_successes() -> None:
    """Beta-binomial errors among a Poisson number, with scipy's distributions."""
    mean, share, dispersion, least = 40.0, 0.02, 3.0, 0.1
    n = np.arange(2, 140)
    scale = (1 - (rho := np.minimum((dispersion - 1) / (n - 1), 0.999))) / rho
    total = 0.0
    for number, size in zip(n, scale, strict=True):
        k = np.arange(number + 1)
        among = stats.betabinom.pmf(k, number, share * size, (1 - share) * size)
        total += stats.poisson.pmf(number, mean) * among[k > least * number].sum()

    counts = counts_of([part(NEW, mean, 0.0, 0.0, 0.0)], base=share, dispersion=dispersion)
    p, _ = shown(judges_of(ratio("it", least, "new")), counts)

    assert p[BREACHING] == pytest.approx(total, rel=1e-7)


def test_many_requests_in_clumps() -> None:
    """From 300 requests a minute on, the law of the successes is tilted, not summed."""
    mean, share, dispersion, least = 480.0, 0.005, 3.0, 0.02
    n = np.arange(250, 720)
    rho = (dispersion - 1) / (n - 1)
    scale = (1 - rho) / rho
    total = 0.0
    for number, size in zip(n, scale, strict=True):
        k = np.arange(80)
        among = stats.betabinom.pmf(k, number, share * size, (1 - share) * size)
        total += stats.poisson.pmf(number, mean) * among[k > least * number].sum()

    counts = counts_of([part(NEW, mean, 0.0, 0.0, 0.0)], base=share, dispersion=dispersion)
    p, _ = shown(judges_of(ratio("it", least, "new")), counts)

    assert p[BREACHING] == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize(
    ("dispersion", "share"), [(2, 0.01), (4, 0.1), (5, 0.3), (2, 1.0), (10, 0.5)]
)
def test_noisier_traffic_is_negative_binomial(dispersion: float, share: float) -> None:
    """Errors of a share of requests whose variance/mean is `dispersion`, 3,000 a minute."""
    mean = 3000.0
    shape = mean / (dispersion - 1)
    law = stats.nbinom(shape, shape / (shape + share * mean))
    nodes = enough(float(np.sqrt((dispersion - 1) * share)))
    counts = counts_of([part(NEW, mean, 0.0, 0.0, 0.0)], shape, nodes, base=share)
    for quantile in (0.01, 0.5, 0.9, 0.999):
        least = float(law.ppf(quantile))

        p, _ = shown(judges_of(count("it", least, "new")), counts)

        assert p[BREACHING] == pytest.approx(float(law.sf(least)), abs=1e-7)


def test_a_revision_of_which_all_fails_for_rounding_somewhat_more() -> None:
    """Expected numbers are rounded one by one: more fail than there are."""
    for number in (100.0, 400.0):
        parts = [part(NEW, number, number + 1e-7, number + 1e-7, 0.0)]
        counts = counts_of(parts, base=0.001, dispersion=10.0)

        p, x = shown(judges_of(ratio("it", 0.5, "new")), counts)

        assert p[BREACHING] == pytest.approx(1, abs=1e-9)
        assert x[0, BREACHING] == pytest.approx(number, rel=1e-8)


@pytest.mark.parametrize("fixed", [False, True])
def test_what_faults_do_is_counted_though_no_alarm_watches_it(fixed: bool) -> None:
    parts = [part(OLD, 60.0, 0.0, 0.0, 0.0), part(NEW, 50.0, 20.0, 30.0, 0.0)]

    p, x = shown(judges_of(count("it", 3, "old")), counts_of(parts, fixed=fixed))

    assert 0.1 < p[BREACHING] < 0.9
    assert x == pytest.approx(np.outer([20.0, 30.0], p))


def test_few_requests_in_clumps_of_several_stretches() -> None:
    """Each stretch has clumps of its own; errors of both, and the number of all, decide."""
    share, dispersion, least, stretches = 0.05, 4.0, 0.2, (12.0, 7.0)
    fault = (0.0, 0.3)  # requests that meet a fault and pass, by stretch
    k, laws = np.arange(60), []
    for mean in stretches:
        law = np.zeros((60, 60))  # (n, k)
        law[0, 0] = stats.poisson.pmf(0, mean)
        law[1, :2] = stats.poisson.pmf(1, mean) * np.array([1 - share, share])
        for n in range(2, 60):
            scale = (1 - (rho := min((dispersion - 1) / (n - 1), 0.999))) / rho
            among = stats.betabinom.pmf(k[: n + 1], n, share * scale, (1 - share) * scale)
            law[n, : n + 1] = stats.poisson.pmf(n, mean) * among
        laws.append(law)
    total = met = 0.0
    for n, m in np.ndindex(60, 60):
        pairs = np.outer(laws[0][n], laws[1][m])
        breaching = k[:, None] + k > least * (n + m)
        total += pairs[breaching].sum()
        errors = fault[1] * (pairs * k)[breaching].sum()
        passed = (n + m - k[:, None] - k) * pairs
        met += errors + passed[breaching].sum() * fault[1] * stretches[1] / sum(stretches)

    parts = [
        part(NEW, mean, 0.0, mean * meets, 0.0)
        for mean, meets in zip(stretches, fault, strict=True)
    ]
    counts = counts_of(parts, base=share, dispersion=dispersion)
    p, x = shown(judges_of(ratio("it", least, "new")), counts)

    assert p[BREACHING] == pytest.approx(total, rel=1e-6)
    assert x[1, BREACHING] == pytest.approx(met, rel=1e-6)
    assert x[0, BREACHING] == 0
    assert p.sum() == pytest.approx(1, abs=1e-9)


def test_clumps_in_traffic_that_varies_much() -> None:
    """Minutes of 60 requests on average, from a few to hundreds: sums over their number."""
    mean, share, dispersion, over, least = 60.0, 0.05, 3.0, 8.0, 9
    law, n = stats.nbinom(mean / over, 1 / (1 + over)), np.arange(2, 600)
    scale = (1 - (rho := np.minimum((dispersion - 1) / (n - 1), 0.999))) / rho
    tail = stats.betabinom.sf(least, n, share * scale, (1 - share) * scale)

    nodes = enough(float(np.sqrt(over * share)))
    counts = counts_of(
        [part(NEW, mean, 0.0, 0.0, 0.0)], mean / over, nodes, base=share, dispersion=dispersion
    )
    p, _ = shown(judges_of(count("it", least, "new")), counts)

    assert p[BREACHING] == pytest.approx(float((law.pmf(n) * tail).sum()), abs=1e-6)
    assert p.sum() == pytest.approx(1, abs=1e-9)
