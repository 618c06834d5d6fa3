"""From jobs to the tallies of whole strategies: what is kept is loaded, the rest is done."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally, joined
from stratsim.model.plan import Plan
from stratsim.study.jobs import Job, parts_of
from stratsim.study.workers import Crew, Part

Progress = Callable[[int, int], None]


class Keep(Protocol):
    """Where finished jobs are kept, so that a study can go on after its process has ended."""

    def begin(self, study: Mapping[str, object]) -> None:
        """Begin or go on with the study that has this identity; `InputError` if it is another."""

    def load(self, job: Job, plan: Plan) -> Tally | None:
        """Return the tally of a job that was kept, else None."""

    def save(self, job: Job, tally: Tally) -> None:
        """Keep the tally of a finished job."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Keeps the studies of ever more replications that one asked for a precision makes.

    They are one study to whoever keeps them; what the last one made, the next one has.
    """

    keep: Keep
    first: int
    most: int
    targets: tuple[str, ...]

    def begin(self, study: Mapping[str, object]) -> None:
        """Begin or go on, whichever of the studies it is."""
        asked = {"max_replications": self.most, "precision": list(self.targets)}
        self.keep.begin({**study, "replications": self.first, **asked})

    def load(self, job: Job, plan: Plan) -> Tally | None:
        """Return the tally of a job that was kept, else None."""
        return self.keep.load(job, plan)

    def save(self, job: Job, tally: Tally) -> None:
        """Keep the tally of a finished job."""
        self.keep.save(job, tally)


def gather(
    setups: Sequence[Setup],
    seed: int,
    jobs: Sequence[Job],
    crew: Crew,
    keep: Keep | None = None,
    progress: Progress | None = None,
) -> list[Tally]:
    """Return the tally of each strategy, its runs in the order of the jobs."""
    found = {} if keep is None else _kept(setups, jobs, keep)
    parts = [
        Part(number, place, part)
        for number, job in enumerate(jobs)
        if number not in found
        for place, part in enumerate(parts_of(job))
    ]
    done = _told(crew.run(setups, seed, parts), jobs, found, progress)
    for number, tally in _put_together(done, Counter(part.number for part in parts)):
        found[number] = tally
        if keep is not None:
            keep.save(jobs[number], tally)
    return [_of_strategy(index, jobs, found) for index in range(len(setups))]


def _kept(setups: Sequence[Setup], jobs: Sequence[Job], keep: Keep) -> dict[int, Tally]:
    """Return the tallies that are there already, by number of the job."""
    found = {}
    for number, job in enumerate(jobs):
        tally = keep.load(job, setups[job.strategy].plan)
        if tally is not None:
            found[number] = tally
    return found


def _told(
    done: Iterator[tuple[Part, Tally]],
    jobs: Sequence[Job],
    found: Mapping[int, Tally],
    progress: Progress | None,
) -> Iterator[tuple[Part, Tally]]:
    """Pass the parts on and tell how many runs are done, those that were kept among them."""
    total = sum(len(job.replications) for job in jobs)
    runs = sum(len(jobs[number].replications) for number in found)
    for part, tally in done:
        yield part, tally
        runs += len(part.job.replications)
        if progress is not None:
            progress(runs, total)


def _put_together(
    done: Iterator[tuple[Part, Tally]], wanted: Mapping[int, int]
) -> Iterator[tuple[int, Tally]]:
    """Yield the number and the tally of each job once all its parts are done."""
    pieces: dict[int, dict[int, Tally]] = {}
    for part, tally in done:
        here = pieces.setdefault(part.number, {})
        here[part.place] = tally
        if len(here) == wanted[part.number]:
            whole = pieces.pop(part.number)
            yield part.number, joined([whole[place] for place in sorted(whole)])


def _of_strategy(index: int, jobs: Sequence[Job], found: dict[int, Tally]) -> Tally:
    """Return the tally of one strategy, and forget its parts."""
    return joined([found.pop(number) for number, job in enumerate(jobs) if job.strategy == index])
