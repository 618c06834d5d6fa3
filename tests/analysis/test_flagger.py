"""Flagger's counter, tick by tick."""

from collections.abc import Iterable, Iterator

import pytest

from stratsim.analysis.flagger import Action, Climb, tick

UP, HALT, TOP, BACK = Action.ADVANCE, Action.HALT, Action.PROMOTE, Action.ROLL_BACK


def climb(levels: int, threshold: int, checks: Iterable[bool]) -> list[Action]:
    """All actions until the canary is promoted or rolled back."""
    answers: Iterator[bool] = iter(checks)
    state, actions = Climb(), [UP]
    state, first = tick(state, lambda: next(answers), levels=levels, threshold=threshold)
    assert first is UP
    while actions[-1] not in (TOP, BACK):
        state, action = tick(state, lambda: next(answers), levels=levels, threshold=threshold)
        actions.append(action)
    return actions


def test_every_pass_is_one_weight_and_the_last_one_promotes() -> None:
    assert climb(3, 2, [True] * 3) == [UP, UP, UP, TOP]


def test_a_failure_holds_the_weight_and_is_never_forgotten() -> None:
    checks = [True, False, True, False, True, True]

    assert climb(4, 3, checks) == [UP, UP, HALT, UP, HALT, UP, TOP]


@pytest.mark.parametrize("threshold", [1, 5, 10])
def test_the_rollback_comes_one_tick_after_the_last_failure(threshold: int) -> None:
    """The counter is tested before anything is measured."""
    assert climb(5, threshold, [False] * threshold) == [UP, *[HALT] * threshold, BACK]


def test_nothing_is_measured_before_the_first_weight() -> None:
    def never() -> bool:
        pytest.fail("no traffic has reached the canary yet")

    assert tick(Climb(), never, levels=1, threshold=1) == (Climb(level=1), UP)
    assert tick(Climb(1, 2), never, levels=1, threshold=2)[1] is BACK
