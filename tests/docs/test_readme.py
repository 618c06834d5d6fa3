"""What the README and the other pages show is what users get."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stratsim

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
SHOWING = [
    page for page in PAGES if re.search(r"^\$ stratsim ", page.read_text("utf-8"), re.MULTILINE)
]
SCENARIO = re.search(r"^```yaml orders.yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_scenario_of_ten_lines() -> None:
    assert SCENARIO is not None
    text = SCENARIO[1]

    assert len(text.splitlines()) <= 12
    assert stratsim.load(text).name == "orders"


def test_it_opens_with_the_two_commands() -> None:
    first = re.search(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)

    assert first is not None
    assert re.findall(r"^make (\w+)", first[1], re.MULTILINE) == ["demo", "test"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_it_shows_what_make_demo_runs() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", "demo"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = re.findall(r"^echo '\$ (stratsim .*)'$", done.stdout, re.MULTILINE)

    assert len(told) == 2
    assert all(f"\n$ {command}\n" in README for command in told)


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWING, ids=[str(page.relative_to(ROOT)) for page in SHOWING])
def test_outputs_are_what_the_commands_print(page: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "outputs.py"), "--check", str(page)],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_assumptions_are_parameters() -> None:
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    reference = (ROOT / "docs" / "reference" / "scenario.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)

    assert named
    assert [name for name in named if not re.search(rf"`{re.escape(name)}[.`\[]", reference)] == []
