"""Rare outcomes with runs of their own: unbiased, narrower, the same on any workers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import stratsim
from stratsim.comparison import Comparison, Key
from stratsim.errors import InputError
from stratsim.study.cases import allocate

RARE = """
name: rare
platform: ecs
traffic: {rate: 100, retries: {share: 0, limit: 0}}
service: {instances: 4, capacity: 100, error_rate: 0.0, startup: 60s, drain: 0s}
release:
  outcomes:
    - {name: healthy, probability: 0.999}
    - {name: defect, probability: 0.001, faults: [{kind: errors, rate: 0.2}]}
control: {reroute: 0s}
on_call: {notice: 10m, respond: 5m}
strategies: [CodeDeployDefault.ECSAllAtOnce, CodeDeployDefault.ECSCanary10Percent5Minutes]
replications: 400
"""


def compare(**settings: object) -> Comparison:
    return stratsim.compare(stratsim.load(RARE), stratify=True, **settings)


class TestAllocation:
    def test_half_by_chance_and_half_alike(self) -> None:
        """Of 1,000 runs four are given first; 996 x (0.999 / 2 + 1 / 4) = 746.5 and 249.5."""
        assert allocate([0.999, 0.001], 1000) == [749, 251]

    @pytest.mark.parametrize("runs", [6, 7, 100, 12_345])
    def test_every_run_is_given_away_and_nobody_goes_without(self, runs: int) -> None:
        found = allocate([0.9, 0.0999, 0.0001], runs)

        assert sum(found) == runs
        assert min(found) >= 2

    def test_fewer_than_two_runs_each_are_refused(self) -> None:
        with pytest.raises(InputError, match="must be at least 4 where 2 outcomes are stratified"):
            compare(replications=3)


def test_weights_give_back_the_probabilities() -> None:
    sample = compare().samples[0]

    share = np.bincount(sample.outcome, sample.weight)
    assert share == pytest.approx([0.999, 0.001])


def test_the_mean_is_that_of_the_paper_and_its_interval_is_narrow() -> None:
    """A defect is served at 100 requests/s until people deploy the old revision again.

    They notice after ten minutes, and its tasks start in one: the mean harm is
    0.001 x 0.2 x 100/s x 660 s = 13.2. Plain sampling of 400 runs would
    meet the defect never in two studies of three, with half a width of about
    1.96 x 13,200 x sqrt(0.001 / 400) = 41.
    """
    sample = compare().sample("CodeDeployDefault.ECSAllAtOnce")

    found = Key("failed_requests").estimate(sample)

    assert found.value == pytest.approx(13.2, abs=4.5 * found.error)
    assert 0 < found.high - found.value < 0.1


def test_a_given_outcome_is_what_it_is_when_drawn() -> None:
    """By outcome, the mean is that of a study in which the defect is certain."""
    certain = stratsim.load(RARE.replace("0.999", "0").replace("0.001", "1"))
    drawn = stratsim.compare(certain).samples[0].measures["failed_requests"]

    given = compare().samples[0]
    values = given.measures["failed_requests"][given.outcome == 1]

    error = np.hypot(
        drawn.std(ddof=1) / np.sqrt(len(drawn)), values.std(ddof=1) / np.sqrt(len(values))
    )
    assert values.mean() == pytest.approx(drawn.mean(), abs=4.5 * error)


def test_runs_of_different_outcomes_are_independent() -> None:
    """Each run has a world of its own: no phase comes twice."""
    from stratsim.study.cases import enumerate_cases

    cases = enumerate_cases(stratsim.load(RARE), 400, stratify=True)

    assert len({run for some in cases for run in some.replications}) == 400


@pytest.mark.parametrize("engine", ["batch", "des"])
def test_workers_change_nothing(engine: str) -> None:
    alone = compare(engine=engine, workers=1, replications=60)
    with ThreadPoolExecutor(2) as pool:
        together = compare(engine=engine, executor=pool, replications=60)

    for one, other in zip(alone.samples, together.samples, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
        for name, values in one.measures.items():
            np.testing.assert_array_equal(values, other.measures[name], err_msg=name)


def test_the_reached_study_can_be_made_again_without_looking() -> None:
    looked = compare(precision="failed_requests:1%", replications=50, max_replications=2000)
    assert looked.precision is not None
    assert len(looked.precision.looks) > 1

    again = compare(replications=looked.replications)

    for one, other in zip(looked.samples, again.samples, strict=True):
        np.testing.assert_array_equal(
            one.measures["failed_requests"], other.measures["failed_requests"]
        )
