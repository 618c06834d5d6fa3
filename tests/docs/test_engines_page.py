"""The page on the engines lists what the arrays lack, as they refuse it."""

from pathlib import Path

from stratsim.engine.batch.support import LACKS

PAGE = Path(__file__).parents[2] / "docs" / "explanation.md"


def test_the_page_lists_what_the_batch_engine_refuses() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = text.split("refuses by the same names:", 1)[1].split("\n\n", 2)[1]

    assert [line.removeprefix("- ") for line in listed.splitlines()] == list(LACKS)
