"""Where a scenario stands, for messages about what shows only after it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stratsim.errors import Problem


@dataclass(frozen=True, slots=True)
class Origin:
    """The file of a scenario and the line of each of its keys, by dotted path.

    ``file`` is empty for what came from no file; a strategy's keys stand under its
    place and under its name.
    """

    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int:
        """Return the line of the nearest key above `path` that stands in the file."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 1)

    def located(self, problem: Problem) -> Problem:
        """Return `problem`, whose ``where`` is a key path, with its file and line."""
        if not self.file:
            return problem
        where = f"{self.file}:{self.line(problem.where)}: {problem.where}"
        return replace(problem, where=where)
