"""Rules over the states of other alarms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch import State, compile_rule, composite_state, order_composites
from stratsim.errors import InputError
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "d": "ALARM"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ("ALARM(b)", False),
        ("OK(b)", True),
        ("INSUFFICIENT_DATA(c)", True),
        ("NOT ALARM(c)", True),
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(a) OR ALARM(b)", True),
        ("ALARM(a) OR ALARM(b) AND FALSE", True),  # AND before OR
        ("(ALARM(a) OR ALARM(b)) AND FALSE", False),
        ("NOT ALARM(b) AND FALSE", False),  # NOT before AND
        ("NOT (ALARM(b) AND FALSE)", True),
        ("NOT NOT ALARM(a)", True),
        ("AT_LEAST(2, ALARM, (a, b, d))", True),
        ("AT_LEAST(3, ALARM, (a, b, d))", False),
        ("AT_LEAST(2, NOT ALARM, (a, b, c))", True),
        ("AT_LEAST(50%, OK, (a, b, c, d))", False),  # 2 of 4 wanted, 1 there
        ("AT_LEAST(50%, ALARM, (a, b, c, d))", True),
        ("AT_LEAST(34%, ALARM, (a, b, c))", False),  # 1.02 of 3 is 2
        ("AT_LEAST(33%, ALARM, (a, b, c))", True),
        ("AT_LEAST(1, INSUFFICIENT_DATA, (c)) AND ALARM(a)", True),
        ("NOT\tALARM(b)\nAND ( OK( b ) )", True),
    ],
)
def test_rules(rule: str, holds: bool) -> None:
    assert compile_rule(rule).evaluate(STATES) is holds


def test_a_composite_is_ok_or_alarm_only() -> None:
    """A child without data does not make the composite lack data."""
    rule = compile_rule("ALARM(c)")

    assert composite_state(rule, STATES) is State.OK
    assert composite_state(rule, {"c": State.ALARM}) is State.ALARM


def test_children_may_be_names_arns_or_quoted() -> None:
    rule = compile_rule(
        'ALARM(my-alarm/1) OR OK("two words (5xx)") AND ALARM("say \\"hi\\"") OR '
        "ALARM(arn:aws:cloudwatch:eu-west-1:111122223333:alarm:TRUE) OR OK(my-alarm/1)"
    )

    assert rule.children == ("my-alarm/1", "two words (5xx)", 'say "hi"', "TRUE")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "1 to 10240 characters long, but got 0"),
        ("TRUE OR " * 1400 + "TRUE", "1 to 10240 characters long, but got 11204"),
        ("ALARM(a", "its end at column 8"),
        ("ALARM()", r"'\)' at column 7. Expected an alarm's name or ARN"),
        ("alarm(a)", "'alarm' at column 1. Expected"),
        ("ALARM(a) ALARM(b)", "'ALARM' at column 10. Expected AND, OR or the end"),
        ("ALARM(a) and OK(b)", "'and' at column 10"),
        ("ALARM(a b)", "'b' at column 9"),
        ("AT_LEAST(0, OK, (a))", "from 1 to 1, but got '0' at column 10"),
        ("AT_LEAST(3, OK, (a, b))", "from 1 to 2, but got '3' at column 10"),
        ("AT_LEAST(101%, OK, (a))", "percentage from 1 to 100, but got '101%'"),
        ("AT_LEAST(1.5, OK, (a))", "at column 11"),
        ("NOT " * 100 + "TRUE", "nested at most 64 levels deep"),
        (" OR ".join(f"ALARM(a{i})" for i in range(101)), "at most 100 alarms, but got 101"),
        (" OR ".join(["TRUE"] * 501), "at most 500 elements, but got 501"),
        ("(" * 500 + "TRUE" + ")" * 500, "at most 500 elements, but got 501"),
    ],
)
def test_a_bad_rule_is_told_with_its_column(rule: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compile_rule(rule)


def test_the_limits_themselves_are_lawful() -> None:
    hundred = compile_rule(" OR ".join(f"ALARM(a{i})" for i in range(100)))
    nested = compile_rule("(" * 499 + "TRUE" + ")" * 499)

    assert len(hundred.children) == 100
    assert nested.evaluate({})


def test_an_unknown_child_is_told() -> None:
    with pytest.raises(InputError, match=r"'latency'.*Did you mean 'latency-p99'"):
        compile_rule("ALARM(a) OR ALARM(latency)").evaluate({"a": "ALARM", "latency-p99": "OK"})


def composite(name: str, rule: str, **keys: str) -> CompositeAlarm:
    return CompositeAlarm(AlarmName=name, AlarmRule=rule, **keys)


METRIC = MetricAlarm(
    AlarmName="m", EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold"
)


def test_composites_come_after_those_they_read() -> None:
    top = composite("top", "ALARM(middle) AND ALARM(m)")
    middle = composite("middle", "ALARM(bottom)")
    bottom = composite("bottom", "NOT ALARM(m)")

    assert order_composites([top, METRIC, middle, bottom]) == (bottom, middle, top)


def test_a_circle_is_refused_and_named() -> None:
    alarms = [METRIC, composite("a", "ALARM(b)"), composite("b", "ALARM(a) OR ALARM(m)")]

    with pytest.raises(InputError, match=r"a -> b -> a|b -> a -> b"):
        order_composites(alarms)


def test_unknown_children_and_suppressors_are_all_told() -> None:
    alarms = [METRIC, composite("a", "ALARM(mm) OR OK(m)", ActionsSuppressor="q")]

    with pytest.raises(InputError) as caught:
        order_composites(alarms)

    assert [problem.where for problem in caught.value.problems] == [
        "alarms.1.AlarmRule",
        "alarms.1.ActionsSuppressor",
    ]


WORDS = ["ALARM(a)", "OK(b)", "TRUE", "NOT ", " AND ", " OR ", "(", ")", "AT_LEAST(1,OK,(a,b))"]


@given(st.lists(st.sampled_from([*WORDS, '"', "a", ",", "%"]), max_size=12).map("".join))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    try:
        rule = compile_rule(text)
    except InputError as error:
        assert str(error).startswith("AlarmRule: must be")  # noqa: PT017  (one way of two)
    else:
        assert rule.evaluate({"a": "OK", "b": "OK"}) in {True, False}


@given(
    parts=st.lists(
        st.tuples(st.booleans(), st.sampled_from(sorted(STATES)), st.sampled_from(["OK", "ALARM"])),
        min_size=1,
        max_size=6,
    ),
    joiners=st.lists(st.sampled_from(["and", "or"]), min_size=5, max_size=5),
)
def test_precedence_is_that_of_python(
    parts: list[tuple[bool, str, str]], joiners: list[str]
) -> None:
    """``not``, ``and``, ``or`` bind in the same order there."""
    rule, python = "", ""
    for at, (negated, name, state) in enumerate(parts):
        joiner = f" {joiners[at - 1]} " if at else ""
        rule += joiner.upper() + ("NOT " if negated else "") + f"{state}({name})"
        python += joiner + ("not " if negated else "") + str(STATES[name] == state)

    assert compile_rule(rule).evaluate(STATES) == eval(python)
