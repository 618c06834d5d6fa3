"""In which waves two fleets change their sizes within bounds."""

from dataclasses import dataclass, replace

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


def resized(step: Scale, size: int, planned: int) -> Scale:
    """Return `step`, planned for a fleet of `planned` instances, for one of `size`.

    Each revision keeps its share, rounded up for the new one. Bounds leave room for one
    instance at least where the plan leaves any.
    """
    if size == planned:
        return step
    old, new = _aims(step, size, planned)
    total = (old or 0) + (new or 0)
    if step.fixed:
        lower, upper = min(step.lower, size), step.upper
        if upper is not None and step.batch is not None:
            upper = max(size, min(step.lower + step.batch, upper))
        return replace(step, old=old, new=new, lower=lower, upper=upper)
    lower, upper = -(-step.lower * size // planned), step.upper
    if step.lower < planned:
        lower = max(min(lower, size - 1), 0)
    if upper is not None:
        room = size + (upper > planned)
        upper = max(upper * size // planned, room, total)
    return replace(step, old=old, new=new, lower=lower, upper=upper)


def _aims(step: Scale, size: int, planned: int) -> tuple[int | None, int | None]:
    """Return how many old and new instances `step` wants of a fleet of `size`."""
    old, new = (None if n is None else -(-n * size // planned) for n in (step.old, step.new))
    if step.old is None or step.new is None or new is None:
        return old, new
    total = -(-(step.old + step.new) * size // planned)
    return total - min(new, total), min(new, total)


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
