"""Random streams by name: the only place where generators are made.

A stream is keyed by what it is for, never by the order in which it is asked for,
so adding a strategy, a purpose or a worker changes nobody's numbers.
"""

from hashlib import blake2b

import numpy as np


def _word(part: str | int) -> int:
    if isinstance(part, int):
        return part
    return int.from_bytes(blake2b(part.encode(), digest_size=4).digest(), "little")


class Streams:
    """Streams of one study.

    Parameters
    ----------
    seed
        The study's seed, an integer >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def rng(self, *key: str | int) -> np.random.Generator:
        """Return a fresh generator for `key` (names and numbers)."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=tuple(_word(k) for k in key))
        return np.random.Generator(np.random.SFC64(sequence))

    def counts(self, *key: str | int) -> "CountStream":
        """Return a stream of counts for `key` that can be wound to any period."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=tuple(_word(k) for k in key))
        return CountStream(sequence)


class CountStream:
    """One generator with a separate, reproducible sequence for each period.

    Philox is counter based: winding to a period is setting one word of its
    counter, so the draws of a period do not depend on how many were made before.
    """

    def __init__(self, sequence: np.random.SeedSequence) -> None:
        key = sequence.generate_state(2, np.uint64)
        self._bits = np.random.Philox(key=key)
        self._state = self._bits.state
        self._words = self._state["state"]["counter"]
        self.rng = np.random.Generator(self._bits)

    def wind(self, period: int) -> np.random.Generator:
        """Return the generator at the beginning of `period` (any integer)."""
        self._words[:] = 0
        self._words[1] = period % (1 << 64)
        self._state["buffer_pos"] = 4
        self._state["has_uint32"] = 0
        self._bits.state = self._state
        return self.rng
