"""How a plan prints."""

from collections.abc import Callable
from dataclasses import replace

from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult

Planned = Callable[..., PlanResult]


def test_text_of_a_canary(planned: Planned) -> None:
    result = planned(
        "ecs",
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        n=4,
        startup_s=60.0,
        reroute_s=5.0,
        group=DeploymentGroup(termination_wait_s=120.0),
    )

    assert str(result) == (
        "it (CodeDeployDefault.ECSCanary10Percent5Minutes) on shop: Succeeded after 8m05s\n"
        "\n"
        "time   event             new   in service  running\n"
        "0s     Created           0%    4           4\n"
        "0s     Install           0%    4           8        4 instances start\n"
        "1m00s  canaryInterval    0%    4           8\n"
        "1m05s  AllowTraffic      10%   8           8\n"
        "6m05s  AllowTraffic      100%  4           8\n"
        "6m05s  TERMINATION_WAIT  100%  4           8\n"
        "8m05s  Succeeded         100%  4           4"
    )


def test_long_timelines_are_cut_in_print_only(planned: Planned) -> None:
    result = planned("ec2", "CodeDeployDefault.OneAtATime", n=500)

    assert len(result.rows) == 1 + 3 * 500 + 1
    assert len(str(result).splitlines()) < 45
    assert "1467 more rows" in str(result)
    assert len(result.to_frame()) == len(result.rows)


def test_names_are_escaped_in_a_notebook(planned: Planned) -> None:
    result = planned("lambda", "CodeDeployDefault.LambdaAllAtOnce")
    evil = PlanResult.of("<b>", replace(result.plan, strategy="<script>"))

    assert "<script>" not in evil._repr_html_()
    assert "&lt;script&gt; (CodeDeployDefault.LambdaAllAtOnce) on &lt;b&gt;" in evil._repr_html_()
