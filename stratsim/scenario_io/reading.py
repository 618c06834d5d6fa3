"""One document while it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stratsim.scenario_io.checking import Problems

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """What is known while one document is read."""

    data: Mapping[str, Any]
    folder: Path
    problems: Problems = field(default_factory=Problems)
    warnings: list[str] = field(default_factory=list)

    def section(self, key: str, kind: type[T], default: T) -> T | None:
        """Return the section `key` as a `kind`; its default where it is not there."""
        if self.data.get(key) is None:
            return default
        return self.problems.check(key, kind, self.data[key])

    def leaf(self, key: str, marker: Any, default: Any) -> Any:
        """Return the single value under `key`; its default where it is not there."""
        value = self.data.get(key)
        return default if value is None else self.problems.parse(key, marker, value)
