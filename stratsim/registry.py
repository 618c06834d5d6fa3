"""A named collection of plug-ins; a duplicate name is an error."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from stratsim.errors import InputError, unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name, in the order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def add(self, name: str, item: T) -> T:
        """Register `item`; raises ``RuntimeError`` where the name is taken."""
        if name in self._items:
            msg = f"{self.kind} {name!r} is registered twice"
            raise RuntimeError(msg)
        self._items[name] = item
        return item

    def get(self, name: str) -> T:
        """Return the item; an unknown name raises `InputError` with the nearest."""
        if name in self._items:
            return self._items[name]
        raise InputError([unknown_name(self.kind, name, self._items)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> Iterator[tuple[str, T]]:
        """Iterate over names and items."""
        return iter(self._items.items())
