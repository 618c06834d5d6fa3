"""A scenario prints in a few lines."""

from dataclasses import replace

import pytest

import stratsim
from stratsim.model.scenario import Scenario

TEXT = """\
name: orders
platform: {platform}
description: |
  Orders <fast>
  Second line.
traffic: {traffic}
release: {{outcomes: [{{name: good, probability: 0.95}}, {{name: bad, probability: 0.05}}]}}
"""


def load(platform: str = "ecs", traffic: str = "{rate: 900}") -> Scenario:
    return stratsim.load(TEXT.format(platform=platform, traffic=traffic))


def test_title_and_one_line_per_subject() -> None:
    scenario = stratsim.load("checkout-ecs")

    lines = str(scenario).splitlines()

    assert lines[0] == "checkout (ecs): Checkout API on ECS: eight ways to deploy it"
    assert lines[1].split(maxsplit=1) == ["traffic", "900 requests/s"]
    assert lines[2].endswith("24 tasks in 3 zones, 60 requests/s each at most")
    assert "healthy 90%, error spike 4%" in lines[3]
    assert "checkout-5xx (deployment group), checkout-error-share (pages people)" in lines[4]
    assert lines[5].endswith("careful, canary long wait, rolling")
    assert repr(scenario) == str(scenario)


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ("{profile: {kind: diurnal, mean: 50}}", "50 requests/s in the mean of a day"),
        (
            "{profile: {kind: steps, points: [[0s, 9], [10m, 15]]}}",
            "in steps, 15 requests/s at last",
        ),
    ],
)
def test_other_traffic(traffic: str, said: str) -> None:
    assert said in str(load(traffic=traffic))


def test_lambda_has_no_fleet() -> None:
    assert "MB" in str(load("lambda"))


def test_a_long_list_is_cut() -> None:
    one = load().strategies[0]
    many = tuple(replace(one, name=f"s{n}") for n in range(20))

    assert "s11, 8 more" in str(replace(load(), strategies=many))


def test_html_is_escaped() -> None:
    assert "Orders &lt;fast&gt;" in load()._repr_html_()
