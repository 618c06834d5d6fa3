"""The reference page is what the code says."""

from pathlib import Path

from stratsim.scenario_io.keys import walk_keys
from stratsim.scenario_io.reference import reference_page


def test_the_page_is_made_from_the_code(root: Path) -> None:
    page = root / "docs" / "reference" / "scenario.md"

    assert page.read_text() == reference_page(), (
        "run: python -m stratsim.scenario_io.reference > docs/reference/scenario.md"
    )


def test_every_key_is_on_it() -> None:
    page = reference_page()

    for key in walk_keys():
        head = ".".join(key.path.replace("[]", "").split(".")[:2])
        assert f"`{key.path}`" in page or f"`{head}`" in page, key.path
