"""In which waves two fleets change their sizes within bounds."""

from dataclasses import dataclass

from stratsim.model.scaling import Scale


@dataclass(frozen=True, slots=True)
class Sizes:
    """Instances that run and do not drain, and how many of them are up, by revision."""

    old: int
    new: int
    old_up: int
    new_up: int


@dataclass(frozen=True, slots=True)
class Wave:
    """What stops and starts in one moment."""

    stop_old: int = 0
    stop_new: int = 0
    start_old: int = 0
    start_new: int = 0

    @property
    def stops(self) -> int:
        """All that stop."""
        return self.stop_old + self.stop_new

    @property
    def starts(self) -> int:
        """All that start."""
        return self.start_old + self.start_new

    def __bool__(self) -> bool:
        return bool(self.stops or self.starts)


def reached(step: Scale, sizes: Sizes) -> bool:
    """Whether the fleets are what `step` wants them to be."""
    return step.old in (None, sizes.old) and step.new in (None, sizes.new)


def next_wave(step: Scale, sizes: Sizes) -> Wave:
    """Return the next wave; an empty one where all is done, or where nothing can move.

    What is not up stops first: it is missed by nobody.
    """
    spare = max(sizes.old_up + sizes.new_up - step.lower, 0)
    stop_old, stop_new = _over(step.old, sizes.old), _over(step.new, sizes.new)
    stop_old = min(stop_old, sizes.old - sizes.old_up + spare, _most(step))
    spare -= max(stop_old - (sizes.old - sizes.old_up), 0)
    stop_new = min(stop_new, sizes.new - sizes.new_up + spare, _most(step) - stop_old)
    room = _most(step)
    if step.upper is not None:
        room = min(room, max(step.upper - (sizes.old + sizes.new - stop_old - stop_new), 0))
    start_old = min(_over(sizes.old, step.old), room)
    start_new = min(_over(sizes.new, step.new), room - start_old)
    return Wave(stop_old, stop_new, start_old, start_new)


def _over(target: int | None, size: int | None) -> int:
    return 0 if target is None or size is None else max(size - target, 0)


def _most(step: Scale) -> int:
    return 1 << 40 if step.batch is None else step.batch
