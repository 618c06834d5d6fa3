"""What the two passes say of a design, held to that design run by itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import stratsim
from stratsim.measures import Sample
from stratsim.model.scenario import Scenario
from stratsim.search.board import Reader, Round
from stratsim.search.bounds import Strata
from stratsim.search.finals import Entry, design_scenario
from stratsim.search.screen import Screen
from stratsim.search.shapes import shapes_of
from stratsim.search.space import Space
from stratsim.search.watches import probes_of
from stratsim.study import compare_strategies


def screened(scenario: Scenario, space: Space, entries: list[Entry], worlds: int) -> list[Sample]:
    """The runs of some designs by the two passes."""
    screen = Screen(scenario, space, 7)
    alive = np.zeros((len(space.shapes), space.alarms + 1), dtype=bool)
    for entry in entries:
        alive[entry] = True
    shapes = np.flatnonzero(alive.any(axis=1))
    outcomes = range(len(scenario.release.outcomes))
    runs = [screen.screen(o, screen.fires(o, worlds, shapes), alive) for o in outcomes]
    chances = np.array([outcome.probability for outcome in scenario.release.outcomes])
    reader = Reader(scenario, space, Round(tuple(runs), Strata(chances, worlds, 0.01)))
    return [reader.sample("design", *e, int(screen.trajectory[e[0]])) for e in entries]


def some_of(space: Space, count: int) -> list[Entry]:
    rng = np.random.default_rng(3)
    shapes = rng.integers(len(space.shapes), size=count).tolist()
    return [*zip(shapes, rng.integers(space.alarms + 1, size=count).tolist(), strict=True)]


@pytest.mark.parametrize(
    ("name", "stop"),
    [
        ("lambda-canary-any-error-1of1", "at_once"),
        pytest.param("checkout-ecs", "at_once", marks=pytest.mark.slow),
        pytest.param("ec2-blue-green", "at_once", marks=pytest.mark.slow),
        pytest.param("ec2-blue-green", "after_event", marks=pytest.mark.slow),
    ],
)
def test_without_noise_both_measure_the_same(name: str, stop: str) -> None:
    scenario = replace(
        stratsim.load(name).with_values({"control.stop_in_flight": stop}), noise="expected"
    )
    space = Space(shapes_of(scenario), probes_of(scenario)[:3])
    entries = [*some_of(space, 15), (0, space.alarms)]

    for entry, ours in zip(entries, screened(scenario, space, entries, 1), strict=True):
        alone = compare_strategies(design_scenario(scenario, space, entry), engine="batch")
        theirs = alone.samples[0]
        assert ours.outcome.tolist() == theirs.outcome.tolist()
        for measure, values in theirs.measures.items():
            np.testing.assert_allclose(ours.measures[measure], values, rtol=1e-9, atol=1e-9)
        for event, happened in theirs.events.items():
            assert ours.events[event].tolist() == happened.tolist()


@pytest.mark.slow
def test_with_noise_both_agree_in_the_mean(small: Scenario, few: Callable[..., Space]) -> None:
    """25 comparisons at 4.5 standard errors: less than 1 in 5,000 fails by chance."""
    space = few(small)
    entries = some_of(space, 5)
    keys = ("failed_requests", "deployment_duration_s", "time_to_restore_s", "missed", "rollback")

    for entry, ours in zip(entries, screened(small, space, entries, 2000), strict=True):
        alone = compare_strategies(
            design_scenario(small, space, entry), 4000, 11, "batch", stratify=True
        )
        for key in map(alone.key, keys):
            one, other = key.estimate(ours), key.estimate(alone.samples[0])
            error = np.hypot(one.error, other.error)
            assert abs(one.value - other.value) <= 4.5 * error + 1e-9, (entry, key)


def test_a_design_is_what_a_file_could_say(small: Scenario) -> None:
    space = Space(shapes_of(small), probes_of(small))
    scenario = design_scenario(small, space, (20, 100))
    read = stratsim.load(scenario.source)

    assert read.strategies[0].config == scenario.strategies[0].config
    assert read.alarms == scenario.alarms
    assert read.deployment_group.alarm_names == scenario.deployment_group.alarm_names
    assert stratsim.plan(read, read.strategies[0].name).to_dict() == (
        stratsim.plan(scenario, scenario.strategies[0].name).to_dict()
    )


@pytest.mark.parametrize("name", ["checkout-ecs", "ec2-blue-green", "lambda-canary-any-error-1of1"])
def test_every_shape_and_alarm_passes_awss_limits(name: str) -> None:
    scenario = stratsim.load(name)
    space = Space(shapes_of(scenario), probes_of(scenario))
    names = set()
    for shape in range(0, len(space.shapes), 5):
        own = design_scenario(scenario, space, (shape, shape % space.alarms))
        names.add(own.strategies[0].name)
        stratsim.plan(own, own.strategies[0].name)  # refuses what AWS would
    for alarm in range(0, space.alarms, 7):
        names.add(space.alarm(alarm).AlarmName)

    assert len(names) == len(range(0, len(space.shapes), 5)) + len(range(0, space.alarms, 7))
