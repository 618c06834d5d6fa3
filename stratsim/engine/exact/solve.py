"""The distribution of a strategy's deployments, without sampling what it can compute.

Where start-up times, phases or severities are random they are conditioned on:
some worlds are drawn, their phases spread evenly over the minute, and everything
else stays exact (conditional Monte Carlo).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.clock import US, us
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.endings import Atoms, endings
from stratsim.engine.exact.kinds import Kinds, Table
from stratsim.engine.exact.limits import RARE, Limits, horizon, limits_of
from stratsim.engine.exact.minutes import Minutes, make_minutes
from stratsim.engine.exact.outcomes import Outcomes
from stratsim.engine.exact.pieces import Index, Unstopped
from stratsim.engine.exact.states import Machine
from stratsim.engine.exact.support import composites, judges
from stratsim.engine.exact.walk import Ends, Walk
from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally, joined, taken
from stratsim.errors import UnsupportedError
from stratsim.model.plan import Launch, Lifecycle
from stratsim.model.quantities import Array, Distribution, Fixed, LogNormal, Uniform
from stratsim.model.release import Fault
from stratsim.model.settings import MINUTE_S
from stratsim.watch import MINUTE_US

WORLDS = 32
"""Worlds to condition on where more than the outcome is random."""

_CLOSE = 1e-3
"""How close minutes are that are taken for the same, to what is left out: they add up."""

MOST_MINUTES = 400_000
"""Most minutes of all worlds together; longer runs are refused by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """All ways in which one strategy's deployments can end.

    Rows of ``tally`` are means given the way, ``weight`` its probability; they sum
    to 1. ``world`` numbers the worlds that were conditioned on: one where nothing
    is random but the outcome and the counts.
    """

    tally: Tally
    weight: Array
    world: Index
    worlds: int


def solve(setup: Setup, seed: int, worlds: int = WORLDS, outcome: int | None = None) -> Solution:
    """Return how the deployments of a strategy can end, with probabilities.

    Parameters
    ----------
    setup
        The scenario and the plan; `stratsim.engine.exact.unsupported` says why not.
    seed
        Seed of the worlds that are conditioned on.
    worlds
        How many of them.
    outcome
        The outcome to play; all with their probabilities where not given.

    Raises
    ------
    UnsupportedError
        For requests beyond the capacity, more alarm states than `states.MOST`, and
        alarms that cannot be judged together.
    """
    return solve_many([setup], seed, worlds, outcome)[0]


def solve_many(
    setups: Sequence[Setup],
    seed: int,
    worlds: int = WORLDS,
    outcome: int | None = None,
    rare: float = RARE,
) -> list[Solution]:
    """Return the solutions of a plan whose alarms' settings vary.

    `setups` differ in their alarms' thresholds, M of N and treatments of missing data
    alone. What is less probable than `rare` is left out. See `solve`.
    """
    first = max(setups, key=lambda setup: setup.history)
    variants, groups = _groups(setups)
    drawn = Worlds(first.scenario, seed, 0)
    kinds = Kinds(first.scenario, variants)
    shares = {
        number: one.probability if outcome is None else 1.0
        for number, one in enumerate(first.scenario.release.outcomes)
        if number == outcome or (outcome is None and one.probability > 0)
    }
    each = [
        Draws(drawn, np.arange(min(worlds, drawn.size) if _random(first, number) else 1), number)
        for number in shares
    ]
    prepared = list(_prepared(first, each, kinds))
    table = kinds.table()
    found = [one.walked(table, group, shares, rare) for one in prepared for group in groups]
    return [_solution(found, number) for number in range(len(setups))]


@dataclass(slots=True)
class _Group:
    """Setups whose alarms are evaluated alike; ``variants`` says what they see."""

    machine: Machine
    members: list[int]
    variants: list[int]


def _groups(setups: Sequence[Setup]) -> tuple[list[list[Judge]], list[_Group]]:
    """Return the different alarms as readers of minutes, and as chains."""
    seen: dict[tuple[tuple[object, ...], ...], int] = {}
    chains: dict[tuple[tuple[object, ...], ...], _Group] = {}
    alike: dict[tuple[object, ...], Judge] = {}
    variants: list[list[Judge]] = []
    for number, setup in enumerate(setups):
        own = judges(setup)
        reads = tuple(judge.decides for judge in own)
        if reads not in seen:
            seen[reads] = len(variants)
            variants.append(
                [alike.setdefault(key, judge) for key, judge in zip(reads, own, strict=True)]
            )
        key = tuple((judge.program.size, *judge.evaluates) for judge in own)
        if key not in chains:
            delay = setup.scenario.metrics.delay
            machine = Machine.of(own, composites(setup), setup.group, delay)
            chains[key] = _Group(machine, [], [])
        chains[key].members.append(number)
        chains[key].variants.append(seen[reads])
    return variants, list(chains.values())


@dataclass(slots=True)
class _Walked:
    """The atoms of some outcomes; which are a setup's own is said by setup and outcome.

    ``own`` (setups, outcomes) are variants, of the setups with a ``row``; ``outcome`` is
    that of each atom.
    """

    tally: Tally
    weight: Array
    world: Index
    atoms: Atoms
    outcome: Index
    row: dict[int, int]
    own: Index

    def of(self, setup: int) -> Index:
        """Return the atoms of a setup."""
        mine = self.own[self.row[setup]][self.outcome]
        return np.nonzero(self.atoms.variant == mine)[0]


def _solution(found: Sequence[_Walked], setup: int) -> Solution:
    """Return the solution of one setup out of all atoms."""
    mine = [(one, one.of(setup)) for one in found if setup in one.row]
    world = np.concatenate([one.world[rows] for one, rows in mine])
    return Solution(
        joined([taken(one.tally, rows) for one, rows in mine]),
        np.concatenate([one.weight[rows] for one, rows in mine]),
        world,
        int(world.max()) + 1,
    )


@dataclass(slots=True)
class _Prepared:
    """Some outcomes' deployments that nothing stops, ready for the alarms."""

    base: Unstopped
    minutes: Minutes
    limits: Limits

    def walked(
        self, table: Table, group: _Group, shares: Mapping[int, float], rare: float
    ) -> _Walked:
        """Return the ends of some setups, `shares` the outcomes' probabilities."""
        worlds, variants = len(self.limits.end), np.array(group.variants)
        ends, draws = Ends(), self.base.draws
        own = np.empty((len(variants), len(draws.sizes)), dtype=np.int64)
        # what is likely under one outcome is not under another: together they need more states
        for at, some in enumerate(np.split(np.arange(worlds), np.cumsum(draws.sizes)[:-1])):
            seen = table.p[np.unique(self.minutes.kind[some])]
            own[:, at] = _alike(seen, variants, rare * _CLOSE)
            chosen = np.unique(own[:, at])
            Walk(group.machine, self.minutes, table, self.limits, chosen, rare, some, ends).run()
        atoms = Atoms.of(ends, worlds)
        tally = endings(self.base, self.minutes, self.limits, atoms)
        share = np.repeat([shares[one.outcome] / len(one.rows) for one in draws.each], draws.sizes)
        outcome = np.repeat(np.arange(len(draws.sizes)), draws.sizes)[atoms.world]
        row = {setup: at for at, setup in enumerate(group.members)}
        weight, world = share[atoms.world] * atoms.p, draws.rows[atoms.world]
        return _Walked(tally, weight, world, atoms, outcome, row, own)


def _alike(seen: Array, variants: Index, far: float) -> Index:
    """Return for each variant the first that sees minutes (minutes, all, symbols) likewise.

    Nowhere do their chances lie as `far` apart.
    """
    first: dict[int, int] = {}
    for variant in dict.fromkeys(variants.tolist()):
        others = list(dict.fromkeys(first.values()))
        apart = np.abs(seen[:, others] - seen[:, [variant]]).max(axis=(0, 2), initial=0.0)
        near = np.nonzero(apart < far)[0]
        first[variant] = others[near[0]] if len(near) else variant
    return np.array([first[variant] for variant in variants.tolist()])


def _prepared(setup: Setup, each: Sequence[Draws], kinds: Kinds) -> Iterator[_Prepared]:
    """Prepare all outcomes together, or in halves where that makes too many minutes."""
    base = Unstopped(setup, Outcomes(each))
    phase = np.concatenate([_phases(setup, one) for one in each])
    limits = limits_of(base, phase)
    last = int(np.max((horizon(base, limits) + phase) // MINUTE_US)) + 1
    if last * len(phase) <= MOST_MINUTES:
        yield _Prepared(base, make_minutes(base, phase, -setup.history, last, kinds), limits)
        return
    if len(each) == 1:
        msg = (
            "the exact engine does not know runs of too many minutes: at most "
            f"{MOST_MINUTES // len(phase)} can be followed, and these may last {last}"
        )
        raise UnsupportedError(msg)
    yield from _prepared(setup, each[: len(each) // 2], kinds)
    yield from _prepared(setup, each[len(each) // 2 :], kinds)


def _phases(setup: Setup, draws: Draws) -> Times:
    """Return where in the minute the deployments start: spread evenly where it is random."""
    phase, count = setup.scenario.metrics.phase, len(draws.rows)
    if not isinstance(phase, str):
        return np.full(count, us(float(phase)))
    places = draws.worlds.phase_s(np.arange(1))[0] / MINUTE_S + np.arange(count)
    return np.asarray(np.rint(MINUTE_S * US * (places / count)), dtype=np.int64)


# -- what is random ------------------------------------------------------------------


def _random(setup: Setup, outcome: int) -> bool:
    """Whether anything but counts and delays is random, given the outcome."""
    scenario = setup.scenario
    if isinstance(scenario.metrics.phase, str):
        return True
    for step in setup.plan.steps:
        if isinstance(step, Launch) and _spreads(step.startup):
            return True
        if isinstance(step, Lifecycle) and (_spreads(step.duration) or 0 < step.failure < 1):
            return True
    return any(_uncertain(fault) for fault in scenario.faults(outcome))


def _uncertain(fault: Fault) -> bool:
    drawn = (fault.rate, fault.factor, fault.add, fault.latency, fault.after, fault.ramp)
    chancy = fault.kind in ("startup", "hook") and 0 < fault.probability < 1
    return chancy or fault.instances < 1 or any(d is not None and _spreads(d) for d in drawn)


def _spreads(distribution: Distribution) -> bool:
    if isinstance(distribution, Fixed):
        return False
    if isinstance(distribution, Uniform):
        return distribution.high > distribution.low
    if isinstance(distribution, LogNormal):
        return distribution.sigma > 0 and distribution.median > 0
    return True
