"""Whatever a file holds: it is read, or refused in the one form with exit code 2."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from stratsim.cli import main
from stratsim.scenario_io import load

FORM = re.compile(r".+: must be .+, but got .+\.( .+)?", re.DOTALL)

TOKENS = [
    *("-1", "0", "1e300", "-1e-300", ".inf", ".nan", "99999999999999999999", "0x10", "1_000"),
    *("null", "~", "true", "no", "''", '"', "'", "[]", "{}", "[[]]", "{a: {b: [1]}}", "- -"),
    *("&a", "*a", "<<: *a", "!Ref x", "!!python/object:os.system", "|", ">", "%", "@", "`"),
    *("\t", "\n", "\r\n", "\x00", "\ufeff", "\u2028", "🚀", "名前", "a: b: c", "? x", "---", "..."),
    *("60s", "-5m", "1h30", "1000000h", "12:61", "new", "ecs", "lambda", "ec2", "kind", "name"),
]


@pytest.fixture(scope="module")
def samples(root: Path) -> list[str]:
    """Return the texts of the bundled scenarios."""
    return [path.read_text("utf-8") for path in sorted((root / "scenarios").glob("*.yaml"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unlawful")


def _command(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with patch.object(sys, "argv", ["stratsim", *arguments]), _streams(out, err):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
    assert isinstance(code, int)
    return code, out.getvalue(), err.getvalue()


@contextmanager
def _streams(out: io.StringIO, err: io.StringIO) -> Iterator[None]:
    with redirect_stdout(out), redirect_stderr(err), patch("warnings.showwarning"):
        yield


def _check_refusal(code: int, out: str, err: str, text: object) -> None:
    assert code == 2, (code, err, text)
    assert out == ""
    assert FORM.match(err), (err, text)
    assert "Traceback" not in err
    assert len(err) < 100_000


@settings(max_examples=80)
@given(contents=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_random_bytes_are_refused(folder: Path, contents: bytes) -> None:
    path = folder / "random.yaml"
    path.write_bytes(contents)

    _check_refusal(*_command("plan", str(path), "any", "--json"), contents)


@st.composite
def changes(draw: DrawFn, text: str) -> str:
    """Return `text` with some of it lost, doubled, swapped or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        one, two = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        low = draw(st.integers(0, len(text)))
        high = min(len(text), low + draw(st.integers(0, 20)))
        token = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=8)))
        kind = draw(st.sampled_from(["cut", "insert", "line", "swap", "double", "value", "value"]))
        if kind == "cut":
            text = text[:low] + text[high:]
        elif kind == "insert":
            text = text[:low] + token + text[low:]
        elif kind == "line":
            text = "\n".join([*lines[:one], token, *lines[one + 1 :]])
        elif kind == "swap":
            lines[one], lines[two] = lines[two], lines[one]
            text = "\n".join(lines)
        elif kind == "double":
            text = "\n".join([*lines[:one], lines[two], *lines[one:]])
        else:
            key, colon, _ = lines[one].partition(": ")
            lines[one] = f"{key}{colon}{token}"
            text = "\n".join(lines)
    return text


@settings(max_examples=120)
@given(data=st.data())
def test_a_changed_scenario_is_read_or_refused(
    folder: Path, samples: list[str], data: DataObject
) -> None:
    assume(samples)
    text = data.draw(changes(data.draw(st.sampled_from(samples))))
    path = folder / "changed.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    code, out, err = _command("plan", str(path), "no such strategy", "--json")

    _check_refusal(code, out, err, text)
    refused = [line for line in err.splitlines() if "no such strategy" in line]
    if refused:  # the file itself is lawful: reading it again gives a scenario
        assert load(path).strategies
