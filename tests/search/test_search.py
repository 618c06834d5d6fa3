"""Searches over small spaces, whose winners are run again."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import stratsim
from stratsim.errors import InputError, UnsupportedError
from stratsim.measures import Sample
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault, Outcome, Release
from stratsim.model.scenario import Scenario
from stratsim.search import race
from stratsim.search.finals import Finals
from stratsim.search.result import SearchedDesign
from stratsim.search.searching import search_designs
from stratsim.search.space import Space
from stratsim.wording import with_unit

Few = Callable[..., Space]
LIMITS = {"missed": 0.05, "deployment_duration_s": 1200}


@pytest.fixture(scope="module")
def found(small: Scenario, few: Few) -> SearchedDesign:
    return search(small, few(small))


def search(scenario: Scenario, space: Space, **limits: float) -> SearchedDesign:
    return search_designs(scenario, "failed_requests", limits or LIMITS, None, None, 1, None, space)


class TestWinner:
    def test_meets_its_limits_in_other_worlds(self, found: SearchedDesign) -> None:
        """Three requirements at three standard errors: 1 in 250 fails by chance at the limit."""
        assert found.verdict == "recommended"
        assert found.scenario is not None
        again = stratsim.compare(found.scenario, replications=20_000, seed=99).samples[0]
        for requirement in found.choice.requirements:
            estimate = requirement.key.estimate(again)
            assert estimate.value <= requirement.limit + 3 * estimate.error

    def test_beats_every_other_design_that_meets_them(
        self, small: Scenario, few: Few, found: SearchedDesign
    ) -> None:
        """Against each shape under the winner's alarm, and its shape under other alarms."""
        space = few(small)
        shape, alarm = found.entries[str(found.strategy)]
        others = [(s, alarm) for s in range(len(space.shapes))]
        others += [(shape, a) for a in range(0, space.alarms + 1, 9)]
        limits = found.choice.requirements
        finals = Finals(small, space, 21)

        def mean(sample: Sample, measure: str) -> float:
            return float((sample.measures[measure] * sample.weight).sum())

        best = mean(finals.compare([(shape, alarm)], 4000).samples[0], "failed_requests")
        for entry in others:
            sample = finals.compare([entry], 4000).samples[0]
            refused = mean(sample, "deployment_duration_s") < 60  # in ALARM before it begins
            if not refused and all(limit.judge(sample).met for limit in limits):
                assert mean(sample, "failed_requests") >= 0.95 * best, entry

    def test_tells_what_was_tried(self, found: SearchedDesign, few: Few, small: Scenario) -> None:
        text = found.explain()
        laps = found.laps

        assert found.space.size == few(small).size
        assert f"Searched {found.space.size:,} designs" in text
        assert laps[0].designs == found.space.size
        for lap, following in pairwise(laps):
            assert following.designs == lap.designs - lap.failed - lap.beaten - lap.left_out

    def test_tells_one_number_of_each_design(self, found: SearchedDesign) -> None:
        """The front rests on the runs of the answer's head, where a design has these."""
        document = found.to_dict()
        front = {row["strategy"]: row for row in document["front"]}

        assert list(front) == list(found.pareto)
        for standing in found.choice.standings:
            if standing.strategy in front:
                row = front[standing.strategy]["measures"]["failed_requests"]
                assert row["mean"] == standing.objective.value
                assert (row["ci_low"], row["ci_high"]) == (
                    standing.objective.low,
                    standing.objective.high,
                )
        few = {sample.strategy: sample.runs for sample in found.finalists.samples}
        for name, row in front.items():
            more = name in found.comparison.strategies
            assert row["replications"] == (found.comparison.replications if more else few[name])
        assert "strateg" not in found.explain()  # these are designs

    def test_no_design_of_the_front_beats_another_by_what_is_told(
        self, found: SearchedDesign
    ) -> None:
        """Finalists have more runs: by these the one must not beat the other, either."""
        points = {
            row["strategy"]: [one["mean"] for one in row["measures"].values()]
            for row in found.to_dict()["front"]
        }
        for name, point in points.items():
            others = [other for key, other in points.items() if key not in (name, found.strategy)]
            worse = [all(a <= b for a, b in zip(point, other, strict=True)) for other in others]
            assert not any(worse)

    def test_is_written_as_aws_has_it(self, found: SearchedDesign, tmp_path: Path) -> None:
        files = found.export(tmp_path)
        alarm = json.loads(next(f for f in files if f.name.startswith("alarm-")).read_text())

        assert alarm["AlarmName"] == found.alarms[0].AlarmName
        assert alarm["Threshold"] == found.alarms[0].Threshold
        document = found.to_dict(files)
        assert document["design"]["alarms"][0]["AlarmName"] == alarm["AlarmName"]
        assert document["strategy"] == found.strategy
        json.dumps(document, allow_nan=False)

    def test_numbers_do_not_depend_on_threads(
        self, small: Scenario, few: Few, found: SearchedDesign
    ) -> None:
        again = search_designs(small, "failed_requests", LIMITS, None, None, 2, None, few(small))

        assert again.explain() == found.explain()


def test_what_was_left_out_is_told_with_what_it_promised(
    small: Scenario, few: Few, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    monkeypatch.setattr(race, "KEPT", 1)
    space = few(small, shapes=12, rules=13, probes=1)
    found = search(small, space, **LIMITS, false_rollback=0.3)
    promises = [lap.promise for lap in found.laps if lap.promise == lap.promise]

    assert promises
    left_out = sum(lap.left_out for lap in found.laps)
    assert f"{left_out:,} promised less" in found.explain()
    told = with_unit(min(promises), "requests")
    assert f"best of them that kept every limit had {told}." in found.reasons[-1]
    rounds = found.to_dict()["rounds"]
    assert [row["promise"] for row in rounds if row["promise"] is not None] == promises


def test_every_design_is_accounted_for(found: SearchedDesign) -> None:
    """Out in a round, left out, or in the race to its end: told in one sentence."""
    (sentence,) = (one for one in found.reasons if one.startswith("Searched"))
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", sentence)]
    designs, failed, beaten, left_out, stayed, run = (numbers[0], *numbers[4:])

    assert designs == found.space.size == failed + beaten + left_out + stayed
    assert run == len(found.finalists.strategies) < stayed
    assert found.choice.kind == "finalist" or found.comparison is found.finalists
    assert ("finalist" in found.reasons[0]) == (found.choice.kind == "finalist")


def test_the_nearest_may_have_failed_in_the_first_round(small: Scenario, few: Few) -> None:
    """What takes a certain five seconds surely misses one second before longer ways do."""
    found = search(small, few(small), deployment_duration_s=1)

    assert found.verdict == "none meets"
    assert "None of these designs meets deployment_duration_s <= 1s: the nearest, AllAtOnce" in str(
        found
    )
    durations = {
        sample.strategy: float(sample.measures["deployment_duration_s"] @ sample.weight)
        for sample in found.finalists.samples
    }
    assert min(durations, key=durations.__getitem__).startswith("AllAtOnce")


def test_where_none_is_given_false_rollbacks_have_a_limit(found: SearchedDesign) -> None:
    limits = {str(r.key): r.limit for r in found.choice.requirements}

    assert limits["false_rollback"] == 0.01
    assert any("No limit on false_rollback" in reason for reason in found.reasons)


def test_what_no_alarm_can_see_is_said(small: Scenario, few: Few) -> None:
    """0.1 % from 0.5 %: about 1,600 requests; half a request per second gives 600 in 20 min."""
    leak = Outcome(name="leak", probability=0.2, faults=(Fault(kind="errors", rate=Fixed(0.004)),))
    good = Outcome(name="healthy", probability=0.8)
    quiet = replace(
        small,
        release=Release(outcomes=(good, leak)),
        traffic=replace(small.traffic, profile=replace(small.traffic.profile, rate=0.5)),
    )
    found = search(quiet, few(quiet), missed=0.002, deployment_duration_s=1200)

    assert found.strategy is None
    assert found.scenario is None
    assert found.to_dict()["design"] is None
    assert any("no alarm can tell 0.1 % from 0.5 % (leak)" in reason for reason in found.reasons)


def test_an_interrupt_gives_the_best_so_far(small: Scenario, few: Few) -> None:
    def impatient(done: int, total: int) -> None:
        if 0.6 * total < done < total:
            raise KeyboardInterrupt

    found = search_designs(small, "failed_requests", LIMITS, None, None, 1, impatient, few(small))

    assert found.interrupted
    assert "run to the end" not in found.explain()
    assert found.explain().startswith("Interrupted; the best so far: ")
    assert 1 <= len(found.laps) < 3


def test_an_interrupt_before_anything_is_known_goes_on(small: Scenario, few: Few) -> None:
    def at_once(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_designs(small, "failed_requests", LIMITS, None, None, 1, at_once, few(small))


def test_without_traffic_the_quickest_wins(small: Scenario, few: Few) -> None:
    still = replace(
        small, traffic=replace(small.traffic, profile=replace(small.traffic.profile, rate=0.0))
    )
    found = search(still, few(still))

    assert found.strategy == "AllAtOnce, no alarm"


def test_wrong_words_are_refused_before_the_work(small: Scenario) -> None:
    with pytest.raises(InputError, match="mised"):
        stratsim.recommend(small, require=["mised<=1"], search=True)
    with pytest.raises(InputError, match="engine"):
        stratsim.recommend(small, engine="des", search=True)
    crashing = replace(small, metrics=replace(small.metrics, evaluation_offset=30.0))
    with pytest.raises(UnsupportedError, match="within the minute"):
        stratsim.recommend(crashing, search=True)
