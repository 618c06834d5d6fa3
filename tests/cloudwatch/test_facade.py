"""The room's door: what it offers, and that opening it is cheap."""

import subprocess
import sys

import pytest

from stratsim import cloudwatch


def test_every_name_is_there() -> None:
    for name in cloudwatch.__all__:
        assert getattr(cloudwatch, name).__module__.startswith("stratsim.cloudwatch.")
    assert sorted(cloudwatch.__all__) == sorted(dir(cloudwatch))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'evaluate'"):
        cloudwatch.evaluate  # noqa: B018  (the look-up fails)


def test_the_grammars_are_loaded_only_where_there_is_a_text_to_parse() -> None:
    """Evaluating a plain alarm needs no parser generator, and the door no NumPy."""
    code = """
import sys
import stratsim.cloudwatch as cloudwatch
assert "numpy" not in sys.modules
alarm = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "LessThanThreshold"}
assert cloudwatch.evaluate_alarm(alarm, [0]) == "ALARM"
assert "lark" not in sys.modules
cloudwatch.compile_expression("1 + m")
assert "lark" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
