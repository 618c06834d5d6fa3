"""Advice on runs whose right answer is plain to see."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import stratsim
from stratsim.comparison import Comparison
from stratsim.errors import InputError
from stratsim.recommendation import Recommendation, recommend_from
from stratsim.recommendation.requirement import read_requirements

ComparisonOf = Callable[..., Comparison]
MEASURES = ("failed_requests", "deployment_duration_s", "min_capacity", "total_cost_usd")


def noisy(mean: float, *, runs: int = 400, spread: float = 10.0, seed: int = 1) -> np.ndarray:
    """Values that scatter about `mean`; the same seed gives the same scatter."""
    return mean + np.random.default_rng(seed).normal(0, spread, runs)


def often(share: float, *, runs: int = 400) -> np.ndarray:
    return np.arange(runs) < share * runs


def _lasting(seconds: float) -> dict[str, np.ndarray]:
    return {"deployment_duration_s": noisy(seconds, seed=3)}


REFUSED = """\
name: refused
platform: ecs
traffic: {rate: 20}
service: {error_rate: 0.02, instances: 4}
release:
  outcomes:
    - {name: healthy, probability: 0.8}
    - {name: error spike, probability: 0.2, faults: [{kind: errors, rate: 0.2}]}
alarms:
  - {AlarmName: any error, Namespace: AWS/ApplicationELB, MetricName: HTTPCode_Target_5XX_Count,
     Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 3,
     ComparisonOperator: GreaterThanThreshold}
deployment_group:
  autoRollbackConfiguration:
    {enabled: true, events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
  alarmConfiguration: {enabled: true, alarms: [{name: any error}]}
strategies:
  - CodeDeployDefault.ECSAllAtOnce
  - {name: unwatched, deploymentConfigName: CodeDeployDefault.ECSAllAtOnce,
     alarmConfiguration: {enabled: false}}
"""


class TestRefused:
    """24 errors a minute before the deployment; the alarm fires above 3 (Poisson: all but 1e-7).

    CodeDeploy stops such a deployment at its creation: no damage, and nothing deployed.
    """

    @pytest.mark.parametrize(("engine", "runs"), [("batch", 400), ("des", 40), ("exact", 1)])
    def test_what_never_begins_is_not_recommended(self, engine: str, runs: int) -> None:
        found = stratsim.recommend(stratsim.load(REFUSED), replications=runs, engine=engine)

        assert found.strategy == "unwatched"
        assert found.runner_up is None
        idle, _ = found.choice.standings
        assert idle.objective.value < 1
        assert idle.refused > 0.95
        assert "the only one of 2 strategies that deploys anything" in found.explain()
        assert "CodeDeployDefault.ECSAllAtOnce deploys nothing: " in found.explain()

    def test_a_limit_that_it_keeps_changes_nothing(self) -> None:
        found = stratsim.recommend(stratsim.load(REFUSED), require="missed<=10%")

        assert found.verdict == "none meets"
        assert found.reasons[1].startswith(
            "No strategy meets missed <= 10%: the nearest, unwatched"
        )

    def test_where_all_are_refused_none_is_recommended(self) -> None:
        scenario = stratsim.load(REFUSED.partition("  - {name: unwatched")[0])
        found = stratsim.recommend(scenario)

        assert found.verdict == "none meets"
        assert found.reasons[0] == "No strategy deploys anything."

    def test_what_never_begins_is_in_no_pareto_set(self) -> None:
        """It fails no request, at once and for nothing, so it would drive out all others."""
        found = stratsim.compare(stratsim.load(REFUSED), replications=400)

        assert found.pareto == ("unwatched",)
        assert list(found.table()["pareto"]) == [False, True]

    def test_the_comparison_says_so(self) -> None:
        idle, unwatched = (
            stratsim.compare(stratsim.load(REFUSED), replications=400).diagnosis(name)
            for name in ("CodeDeployDefault.ECSAllAtOnce", "unwatched")
        )

        assert "over at their creation" in idle[0]
        assert not any("over at their creation" in doubt for doubt in unwatched)


class TestReading:
    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("missed<=0.02", "missed<=0.02"),
            ("missed = 2%", "missed<=0.02"),
            ("deployment_duration_s<=1h", "deployment_duration_s<=3600"),
            ("failed_requests.p95 <= 5000", "failed_requests.p95<=5000"),
            ("min_capacity=0.9", "min_capacity>=0.9"),
            ("min_capacity<=0.9", "min_capacity<=0.9"),
            ("failed_requests>=1e3", "failed_requests>=1000"),
        ],
    )
    def test_forms(self, text: str, written: str) -> None:
        (found,) = read_requirements(text, MEASURES)

        assert str(found) == written

    def test_a_mapping_gives_upper_limits_or_lower_where_higher_is_better(self) -> None:
        found = read_requirements({"missed": 0.02, "min_capacity": 0.5}, MEASURES)

        assert [str(requirement) for requirement in found] == ["missed<=0.02", "min_capacity>=0.5"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("mised<=0.02", "Did you mean 'missed'"),
            ("failed_requests.p96<=1", "one of mean, p50, p95, p99, max, cvar95"),
            ("missed.p95<=1", "a probability has no statistics"),
            ("missed<=2", r"a number in \[0, 1\] or a percentage, but got '2'"),
            ("failed_requests<=many", "a number, but got 'many'"),
            ("failed_requests<=nan", "a number, but got 'nan'"),
            ("deployment_duration_s<=1x", "a duration such as 90s"),
            ("missed", "KEY<=VALUE"),
            ("missed<0.2", "KEY<=VALUE"),
            ("", "KEY<=VALUE"),
        ],
    )
    def test_what_is_no_requirement(self, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_requirements(text, MEASURES)

    @pytest.mark.parametrize("value", [None, True, [1], float("inf"), float("nan")])
    def test_what_is_no_limit(self, value: object) -> None:
        with pytest.raises(InputError, match="require: failed_requests: must be a number"):
            read_requirements({"failed_requests": value}, MEASURES)

    def test_all_problems_at_once(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(a={"failed_requests": [1, 2]})

        with pytest.raises(InputError) as caught:
            recommend_from(comparison, minimize="failed", require=["mised=1", "missed=2"])

        assert len(caught.value.problems) == 3

    @pytest.mark.parametrize(
        ("minimize", "message"),
        [
            ("failed_requests.max", "a statistic with an interval"),
            ("min_capacity", "less is better"),
            ("faild_requests", "Did you mean 'failed_requests'"),
        ],
    )
    def test_what_cannot_be_minimized(
        self, comparison_of: ComparisonOf, minimize: str, message: str
    ) -> None:
        comparison = comparison_of(a={"failed_requests": [1, 2], "min_capacity": [1, 1]})

        with pytest.raises(InputError, match=message):
            recommend_from(comparison, minimize=minimize)


class TestVerdicts:
    def test_the_plain_winner(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            slow={"failed_requests": noisy(500)},
            fast={"failed_requests": noisy(100, seed=2)},
        )
        best = recommend_from(comparison)

        assert (best.verdict, best.strategy, best.runner_up) == ("recommended", "fast", "slow")

    def test_limits_come_before_the_objective(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            best={"failed_requests": noisy(100), "missed": often(0.5)},
            safe={"failed_requests": noisy(500, seed=2), "missed": often(0.01)},
        )
        advice = recommend_from(comparison, require={"missed": 0.1})

        assert (advice.verdict, advice.strategy) == ("recommended", "safe")
        assert "best would have less" in advice.explain()
        assert "With missed <= 54.9%, best would win." in advice.explain()

    def test_a_limit_that_is_open_is_not_called_failed(self, comparison_of: ComparisonOf) -> None:
        # missed: 8 of 400, whose Wilson interval [1.02%, 3.9%] holds the limit of 3 %
        comparison = comparison_of(
            quick={"failed_requests": noisy(500), "missed": often(0.02), **_lasting(100)},
            sure={"failed_requests": noisy(50), "missed": often(0), **_lasting(900)},
        )
        require = {"failed_requests": 200, "missed": 0.03}
        advice = recommend_from(comparison, minimize="deployment_duration_s", require=require)

        (line,) = [text for text in advice.explain().splitlines() if "would have less" in text]
        assert advice.strategy == "sure"
        assert "but fails failed_requests <= 200 (it has 499 [498, 500])" in line
        assert " and may not meet missed <= 3% (it has 2% [1.02%, 3.9%])" in line

    def test_none_meets(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100), "missed": often(0.5)},
            b={"failed_requests": noisy(500), "missed": often(0.3)},
        )
        advice = recommend_from(comparison, require="missed<=0.1")

        assert (advice.verdict, advice.strategy) == ("none meets", None)
        assert "the nearest, b, has 30%" in advice.explain()
        assert "b would qualify" in advice.explain()

    def test_each_limit_is_met_by_some_but_not_together(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100), "deployment_duration_s": noisy(9000)},
            b={"failed_requests": noisy(900), "deployment_duration_s": noisy(300)},
        )
        advice = recommend_from(
            comparison, require={"failed_requests": 500, "deployment_duration_s": 600}
        )

        assert advice.verdict == "none meets"
        assert "no strategy meets them together" in advice.explain()

    def test_cannot_tell_when_the_difference_drowns_in_noise(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100, spread=50)},
            b={"failed_requests": noisy(101, spread=50, seed=2)},
        )
        advice = recommend_from(comparison)

        assert (advice.verdict, advice.strategy) == ("cannot tell", None)
        assert "replications would separate them" in advice.explain()

    def test_pairing_tells_what_intervals_alone_cannot(self, comparison_of: ComparisonOf) -> None:
        """The same luck with 2 requests more: intervals overlap, the difference is sure."""
        luck = noisy(100, spread=50)
        comparison = comparison_of(a={"failed_requests": luck + 2}, b={"failed_requests": luck})

        assert recommend_from(comparison).strategy == "b"

    def test_cannot_tell_when_a_better_one_may_meet_the_limit(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(
            maybe={"failed_requests": noisy(100), "missed": often(0.1)},
            safe={"failed_requests": noisy(500, seed=2), "missed": often(0)},
        )
        advice = recommend_from(comparison, require="missed<=0.11")

        assert advice.verdict == "cannot tell"
        assert "whether it meets missed <= 11% is open" in advice.explain()

    def test_a_worse_one_that_may_meet_the_limit_does_not_matter(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(
            maybe={"failed_requests": noisy(900), "missed": often(0.1)},
            safe={"failed_requests": noisy(500, seed=2), "missed": often(0)},
        )

        assert recommend_from(comparison, require="missed<=0.11").strategy == "safe"

    def test_less_than_one_percent_counts_as_equal(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(10_000, spread=5)},
            b={"failed_requests": noisy(10_000.2, spread=5, seed=2)},
        )
        advice = recommend_from(comparison)

        assert advice.verdict == "recommended"
        assert "which counts as equal" in advice.explain()

    def test_identical_strategies_go_to_the_shorter_one(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100), "deployment_duration_s": 3600},
            b={"failed_requests": noisy(100), "deployment_duration_s": 600},
        )
        advice = recommend_from(comparison)

        assert (advice.strategy, advice.runner_up) == ("b", "a")
        assert "exactly the same" in advice.explain()
        assert "10m00s against 1h00m" in advice.explain()

    def test_then_to_the_first_name(self, comparison_of: ComparisonOf) -> None:
        same = {"failed_requests": noisy(100), "deployment_duration_s": 600}

        advice = recommend_from(comparison_of(b=same, a=same))

        assert advice.strategy == "a"
        assert "the first name decides" in advice.explain()

    def test_exact_runs_decide_without_an_interval(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            exact=True, a={"failed_requests": [100]}, b={"failed_requests": [101]}
        )
        advice = recommend_from(comparison, require="failed_requests<=100")

        assert advice.strategy == "a"
        assert json.loads(json.dumps(advice.to_dict()))["requirements"][0]["ci_high"] is None

    def test_enumerated_probabilities_meet_a_round_limit(self, comparison_of: ComparisonOf) -> None:
        """0.01 + 0.02 is 0.03 to a person, though not to a float."""
        comparison = comparison_of(
            outcomes={"healthy": 0.97, "spike": 0.01, "leak": 0.02},
            exact=True,
            a={"failed_requests": [0, 1, 1], "missed": [False, True, True]},
        )

        assert recommend_from(comparison, require="missed<=0.03").strategy == "a"

    def test_a_single_drawn_run_decides_nothing(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(a={"failed_requests": [100]}, b={"failed_requests": [900]})

        assert recommend_from(comparison).verdict == "cannot tell"

    def test_one_strategy_is_the_only_one(self, comparison_of: ComparisonOf) -> None:
        advice = recommend_from(comparison_of(a={"failed_requests": noisy(100)}))

        assert (advice.strategy, advice.runner_up) == ("a", None)
        assert "a is the only strategy" in advice.explain()

    def test_an_objective_that_never_applies_recommends_nothing(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(a={"time_to_detect_s": [np.nan, np.nan]})
        advice = recommend_from(comparison, minimize="time_to_detect_s")

        assert advice.verdict == "cannot tell"
        assert "applies in no run" in advice.explain()

    def test_a_limit_on_what_never_applies_is_open(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(10), "rollback_latency_s": np.nan},
        )
        advice = recommend_from(comparison, require="rollback_latency_s<=60")

        assert advice.verdict == "cannot tell"
        assert "applies in none of its runs" in advice.explain()

    def test_the_largest_of_a_sample_breaks_limits_but_keeps_none(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(a={"failed_requests": noisy(100)})

        assert recommend_from(comparison, require="failed_requests.max<=1").verdict == "none meets"
        assert (
            recommend_from(comparison, require="failed_requests.max<=1e6").verdict == "cannot tell"
        )

    def test_a_far_quantile_takes_runs(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(a={"failed_requests": noisy(100, runs=100)})
        advice = recommend_from(comparison, require="failed_requests.p99<=1000")

        assert advice.verdict == "cannot tell"
        assert "it takes 368 runs or more" in advice.explain()

    def test_how_often_it_tells_equal_ones_apart(self, comparison_of: ComparisonOf) -> None:
        """Equal strategies: one is named in about 5 % of studies. 400 of them, seed fixed."""
        rng = np.random.default_rng(3)
        verdicts = []
        for _ in range(400):
            values = rng.normal(100, 30, (2, 50))
            comparison = comparison_of(
                a={"failed_requests": values[0]}, b={"failed_requests": values[1]}
            )
            verdicts.append(recommend_from(comparison).verdict)

        assert 0.02 < np.mean([verdict == "recommended" for verdict in verdicts]) < 0.09


class TestExplaining:
    def test_prices_at_which_the_runner_up_wins(self, comparison_of: ComparisonOf) -> None:
        """100 fewer failures for 1 USD more: even at 0.01 USD each; the price is 0.002."""
        costs = {
            "careful": {"failed_requests": noisy(100), "failure_cost_usd": 0.002 * noisy(100)},
            "quick": {"failed_requests": noisy(200), "failure_cost_usd": 0.002 * noisy(200)},
        }
        for name, rest in (("careful", 3.0), ("quick", 2.0)):
            costs[name]["total_cost_usd"] = costs[name]["failure_cost_usd"] + rest

        text = recommend_from(comparison_of(**costs)).explain()

        assert "careful is the cheaper of the two from $0.01 per failed request on" in text
        assert "the scenario says $0.002" in text

    def test_the_limit_that_would_pass_it_to_the_runner_up(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100), "deployment_duration_s": 1800},
            b={"failed_requests": noisy(200), "deployment_duration_s": 600},
        )
        text = recommend_from(comparison, require="deployment_duration_s<=1h").explain()

        assert "With a limit on deployment_duration_s below 30m00s, b would take its place." in text

    def test_doubts_are_told_once(self, comparison_of: ComparisonOf) -> None:
        text = recommend_from(
            comparison_of(
                a={"failed_requests": noisy(1, runs=10)}, b={"failed_requests": noisy(500, runs=10)}
            )
        ).explain()

        assert text.count("Look out: a and b: only 10 runs") == 1

    def test_html_escapes_names(self, comparison_of: ComparisonOf) -> None:
        advice = recommend_from(comparison_of(**{"<i>": {"failed_requests": noisy(1)}}))

        assert "&lt;i&gt;" in advice._repr_html_()
        assert "<i>" not in advice._repr_html_()


class TestDocument:
    def test_has_the_keys_of_the_contract(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100)}, b={"failed_requests": noisy(500)}
        )
        document = recommend_from(comparison, require="missed<=0.1").to_dict(files=["x.json"])
        (requirement,) = document["requirements"]

        assert {
            "schema_version", "strategy", "verdict", "reasons", "requirements",
            "runner_up", "files", "provenance",
        } <= set(document)  # fmt: skip
        assert requirement | {"ci_high": 0} == {
            "key": "missed", "operator": "<=", "limit": 0.1, "strategy": "a",
            "mean": 0.0, "ci_low": 0.0, "ci_high": 0, "met": True,
        }  # fmt: skip
        assert document["files"] == ["x.json"]

    def test_without_a_winner_tells_of_every_strategy(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": noisy(100)}, b={"failed_requests": noisy(500)}
        )
        document = recommend_from(comparison, require="failed_requests<=1").to_dict()

        assert document["strategy"] is None
        assert [row["strategy"] for row in document["requirements"]] == ["a", "b"]
        assert [row["met"] for row in document["requirements"]] == [False, False]

    def test_alarms_and_exports_need_a_winner_and_a_scenario(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(a={"failed_requests": noisy(100)})

        with pytest.raises(InputError, match="scenario: must be given"):
            _ = recommend_from(comparison).alarms
        with pytest.raises(InputError, match="strategy: must be recommended, but got 'none meets'"):
            recommend_from(
                comparison, require="failed_requests<=1", scenario=SimpleNamespace()
            ).export("out")


class TestOnTheEngine:
    """The public function, on a scenario whose answer is plain."""

    SCENARIO: ClassVar[dict[str, object]] = {
        "name": "plain",
        "platform": "ecs",
        "traffic": {"rate": 200},
        "service": {"instances": 4, "capacity": 100},
        "release": {
            "outcomes": [
                {"name": "bad", "probability": 1, "faults": [{"kind": "errors", "rate": 0.3}]}
            ]
        },
        "alarms": [
            {
                "AlarmName": "errors",
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "HTTPCode_Target_5XX_Count",
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 50,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            }
        ],
        "deployment_group": {
            "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
        },
        "strategies": [
            "CodeDeployDefault.ECSAllAtOnce",
            "CodeDeployDefault.ECSCanary10Percent15Minutes",
        ],
    }

    @pytest.fixture
    def advice(self) -> Recommendation:
        return stratsim.recommend(
            stratsim.load(self.SCENARIO), replications=20, require={"missed": 0.5}
        )

    def test_the_canary_hurts_fewer(self, advice: Recommendation) -> None:
        assert advice.strategy == "CodeDeployDefault.ECSCanary10Percent15Minutes"
        assert advice.runner_up == "CodeDeployDefault.ECSAllAtOnce"

    def test_its_alarms_are_those_that_stop_it(self, advice: Recommendation) -> None:
        assert [alarm.AlarmName for alarm in advice.alarms] == ["errors"]

    def test_it_exports(self, advice: Recommendation, tmp_path: Path) -> None:
        files = advice.export(tmp_path / "out", format="codedeploy")

        assert {path.name for path in files} >= {"deployment-group.json", "alarm-errors.json"}

    def test_bad_limits_are_refused_before_the_work(self) -> None:
        with pytest.raises(InputError, match="Did you mean 'missed'"):
            stratsim.recommend(
                stratsim.load(self.SCENARIO), replications=10**7, require={"mised": 1}
            )
