"""The scenarios that come with the package."""

from pathlib import Path

import pytest

from stratsim.errors import InputError
from stratsim.scenario_io import bundled, load
from stratsim.scenario_io.bundled import Bundled, bundled_names, list_bundled, open_bundled

EXPECTED = {
    "checkout-ecs",
    "ec2-blue-green",
    "ec2-one-at-a-time-default-drain",
    "ec2-one-at-a-time-drain-30s",
    "ecs-all-at-once-no-alarm",
    "ecs-canary-lb-wide-alarm",
    "ecs-canary50-5m",
    "ecs-rolling-no-breaker",
    "lambda-canary-any-error-1of1",
    "lambda-canary-any-error-3of3",
    "lambda-linear20-1m-guarded",
}


def test_they_are_there_and_the_friendly_one_is_first() -> None:
    assert bundled_names()[0] == "checkout-ecs"
    assert set(bundled_names()) >= EXPECTED


@pytest.mark.parametrize("found", list_bundled(), ids=lambda found: found.name)
def test_each_loads_and_plans(found: Bundled) -> None:
    from stratsim.strategies import build_plan

    scenario = load(found.name)

    assert scenario.platform == found.platform
    assert found.title
    assert len(found.title) <= 80
    for spec in scenario.strategies:
        assert build_plan(scenario, spec).steps


@pytest.mark.parametrize("found", list_bundled(), ids=lambda found: found.name)
def test_each_begins_with_what_it_shows(found: Bundled) -> None:
    head = found.path.read_text().partition("\nname: ")[0]

    assert all(line.startswith("#") for line in head.splitlines())
    assert len(head) > 200
    if found.name != "checkout-ecs":
        assert "ssumption" in head


def test_the_first_one_has_eight_strategies() -> None:
    scenario = load("checkout-ecs")

    assert len(scenario.strategies) == 8
    assert {"careful", "rolling"} <= {spec.name for spec in scenario.strategies}
    assert "error spike" in {outcome.name for outcome in scenario.release.outcomes}


def test_a_file_name_will_do() -> None:
    assert open_bundled("checkout-ecs.yaml").name == "checkout-ecs"


def test_an_unknown_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'ecs-canary50-5m'"):
        open_bundled("ecs-canary50-6m")


def test_a_wheel_carries_them_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "mine.yaml").write_text("name: mine\nplatform: ecs\n")
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    bundled_names.cache_clear()

    try:
        assert bundled_names() == ("mine",)
        assert load("mine").name == "mine"
    finally:
        bundled_names.cache_clear()
