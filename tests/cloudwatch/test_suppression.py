"""The timelines of the user guide (Create_Composite_Alarm): wait 2, extension 3."""

import pytest

from stratsim.cloudwatch import Suppression

Event = tuple[int, bool, bool]  # time, composite changed, suppressor in ALARM


def timeline(events: list[Event], wait_s: int = 2, extension_s: int = 3) -> list[tuple[int, str]]:
    """Return when actions ran, and at each event what held them back."""
    machine, log = Suppression(wait_s, extension_s), []
    by_time = {now: (changed, suppressed) for now, changed, suppressed in events}
    suppressed = False
    for now in range(20):
        changed, suppressed = by_time.get(now, (False, suppressed))
        machine, acted = machine.step(now, changed=changed, suppressor_in_alarm=suppressed)
        if acted:
            log.append((now, "act"))
        elif now in by_time:
            log.append((now, str(machine.by)))
    return log


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([(2, True, False)], [(2, "WaitPeriod"), (4, "act")], id="1 alone"),
        pytest.param(
            [(2, True, False), (3, False, True)],
            [(2, "WaitPeriod"), (3, "Alarm")],
            id="2 suppressor comes within the wait",
        ),
        pytest.param(
            [(2, True, False), (3, True, False)],
            [(2, "WaitPeriod"), (3, "WaitPeriod"), (5, "act")],
            id="3 changed again within the wait",
        ),
        pytest.param(
            [(1, False, True), (2, True, True)],
            [(1, "None"), (2, "Alarm")],
            id="4 suppressor was there first",
        ),
        pytest.param(
            [(2, True, False), (3, False, True), (6, False, False)],
            [(2, "WaitPeriod"), (3, "Alarm"), (6, "ExtensionPeriod"), (9, "act")],
            id="5 extension",
        ),
        pytest.param(
            [(2, True, False), (3, False, True), (6, False, False), (7, True, False)],
            [
                (2, "WaitPeriod"),
                (3, "Alarm"),
                (6, "ExtensionPeriod"),
                (7, "WaitPeriod"),
                (9, "act"),
            ],
            id="6 changed within the extension",
        ),
    ],
)
def test_the_documented_timelines(events: list[Event], expected: list[tuple[int, str]]) -> None:
    assert timeline(events) == expected


def test_a_suppressor_that_returns_within_the_extension_goes_on_suppressing() -> None:
    events = [(2, True, False), (3, False, True), (5, False, False), (6, False, True)]

    assert timeline(events)[-1] == (6, "Alarm")


def test_a_suppressor_with_nothing_to_hold_back_runs_nothing() -> None:
    """The composite did not change, so no actions are owed afterwards."""
    assert timeline([(2, False, True), (4, False, False)]) == [(2, "None"), (4, "None")]


def test_actions_run_once() -> None:
    log = timeline([(2, True, False), (10, True, False)])

    assert [now for now, what in log if what == "act"] == [4, 12]


def test_periods_of_zero_act_at_once() -> None:
    assert timeline([(2, True, False)], wait_s=0) == [(2, "act")]
    suppressed = timeline([(1, False, True), (2, True, True), (5, False, False)], 0, 0)
    assert suppressed == [(1, "None"), (2, "Alarm"), (5, "act")]


def test_a_change_in_the_instant_of_the_expiry_starts_a_new_wait_afterwards() -> None:
    assert timeline([(2, True, False), (4, True, False)]) == [
        (2, "WaitPeriod"),
        (4, "act"),
        (6, "act"),
    ]


def test_a_new_composite_has_nothing_suppressed() -> None:
    machine = Suppression(2, 3)

    assert (machine.by, machine.in_alarm) == (None, False)
    assert hash(machine) == hash(Suppression(2, 3))
