"""The syntax tree of a composite alarm's rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

States: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """Any node; ``elements`` counts what AWS limits, ``depth`` its levels."""

    depth: int
    elements: int
    parts: tuple["Node", ...] = ()
    names: tuple[str, ...] = ()

    def evaluate(self, states: States) -> bool:
        """Return whether the node holds."""
        raise NotImplementedError

    def walk(self) -> Iterator["Node"]:
        """Iterate over the node and all nodes below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """``TRUE`` or ``FALSE``."""

    value: bool = False

    def evaluate(self, states: States) -> bool:
        """Return the constant."""
        return self.value


@dataclass(frozen=True, slots=True)
class Opposite(Node):
    """``NOT``."""

    def evaluate(self, states: States) -> bool:
        """Return the opposite."""
        return not self.parts[0].evaluate(states)


@dataclass(frozen=True, slots=True)
class AllOf(Node):
    """Operands joined by ``AND``."""

    def evaluate(self, states: States) -> bool:
        """Return whether every operand holds; all of them are looked up."""
        holds = [part.evaluate(states) for part in self.parts]
        return all(holds)


@dataclass(frozen=True, slots=True)
class AnyOf(Node):
    """Operands joined by ``OR``."""

    def evaluate(self, states: States) -> bool:
        """Return whether an operand holds; all of them are looked up."""
        holds = [part.evaluate(states) for part in self.parts]
        return any(holds)


@dataclass(frozen=True, slots=True)
class AtLeast(Node):
    """Whether `count` of the names are, or are not, in a state.

    ``ALARM(x)`` is the case of one name. ``state`` holds the number and the
    word of the state, so that a mapping may use either.
    """

    count: int = 1
    state: tuple[int, str] = (1, "ALARM")
    negated: bool = False

    def evaluate(self, states: States) -> bool:
        """Return whether enough of the names fit."""
        fit = [(states[name] in self.state) is not self.negated for name in self.names]
        return sum(fit) >= self.count
