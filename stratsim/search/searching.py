"""A search from end to end: the race, the last designs, the choice."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from stratsim.comparison import Comparison, Key
from stratsim.measures import MEASURES
from stratsim.model.scenario import Scenario
from stratsim.provenance import provenance
from stratsim.recommendation import read_advice
from stratsim.recommendation.choice import Choice, Kind, decide, standing
from stratsim.recommendation.requirement import Require, Requirement
from stratsim.search.board import Reader
from stratsim.search.finals import Entry, Finals, design_name, design_scenario, joined
from stratsim.search.front import front
from stratsim.search.race import Race
from stratsim.search.result import SearchedDesign
from stratsim.search.screen import Screen
from stratsim.search.shapes import shapes_of
from stratsim.search.sight import blind_spots
from stratsim.search.space import Space
from stratsim.search.standing import FALSE, penalty, ranked
from stratsim.search.watches import probes_of
from stratsim.wording import format_value, with_unit

REPLICATIONS = 4000
"""Runs of each of the last designs, where nobody says how many; stratified by outcome."""
MORE = 4
"""How many times as many are made while the runs cannot tell."""
LAST = 4
"""Designs that are run to the end at once, beside the Pareto front."""
TRIES = 3
"""How many such groups, while none meets the requirements."""
FALSE_ROLLBACKS = 0.01
"""Limit on false rollbacks where none is given."""
RACE = 0.75
"""Part of the work that is the race."""


def search_designs(
    scenario: Scenario,
    minimize: str,
    require: Require,
    replications: int | None,
    seed: int | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
    space: Space | None = None,
) -> SearchedDesign:
    """Return the best design; see `stratsim.recommend`.

    The designs are those of `space`, or all that the scenario's platform allows.

    Interrupted from the keyboard, it returns the best so far; before the first round
    is over there is none, and the interrupt goes on.
    """
    objective, requirements = read_advice(minimize, require, MEASURES)
    requirements, notes = _guarded(scenario, requirements)
    space = space or Space(shapes_of(scenario), probes_of(scenario))
    seed = scenario.seed if seed is None else seed
    finals = Finals(scenario, space, seed, workers)
    runs = REPLICATIONS if replications is None else replications
    told = _teller(progress)

    def certify(shape: int, alarm: int) -> bool:
        sample = finals.compare([(shape, alarm)], runs).samples[0]
        return standing(sample, objective, requirements).met is True

    many, interrupted = workers or os.cpu_count() or 1, False
    race = Race(Screen(scenario, space, seed), objective, requirements, certify, workers=many)
    try:
        race.run(lambda part: told(RACE * part))
        finalists = _finish(race, finals, runs, told)
        comparison = _settle(race, finals, runs, finalists)
    except KeyboardInterrupt:
        if race.board is None:
            raise
        finalists = comparison = _so_far(race, finals, runs)
        interrupted = True
    told(1.0)
    return _found(race, finals, finalists, comparison, notes, interrupted=interrupted)


def _guarded(
    scenario: Scenario, requirements: Sequence[Requirement]
) -> tuple[tuple[Requirement, ...], list[str]]:
    """Add a limit on false rollbacks where there is none."""
    good = any(not o.faults and o.probability > 0 for o in scenario.release.outcomes)
    if not good or any(r.key in (FALSE, Key("rollback")) for r in requirements):
        return tuple(requirements), []
    limit = Requirement(FALSE, "<=", FALSE_ROLLBACKS)
    note = (
        f"No limit on false_rollback was given, so {format_value(FALSE_ROLLBACKS, 'probability')} "
        "is taken: without one the best design is one that stops every release."
    )
    return (*requirements, limit), [note]


def _teller(progress: Callable[[int, int], None] | None) -> Callable[[float], None]:
    def told(part: float) -> None:
        if progress is not None:
            progress(round(1000 * part), 1000)

    return told


def _finish(race: Race, finals: Finals, runs: int, told: Callable[[float], None]) -> Comparison:
    """Run the last designs to the end, group by group until one meets all."""
    chosen, entries = _last(race), _front(race)
    if race.leader is not None:
        entries = [race.leader, *entries]
    for turn in range(TRIES):
        some = chosen[turn * LAST : (turn + 1) * LAST]
        entries = list(dict.fromkeys([*entries, *some]))
        comparison = finals.compare(entries, runs, lambda part: told(RACE + (0.9 - RACE) * part))
        if any(s.met for s in decide(comparison, race.objective, race.requirements).standings):
            break
    return comparison


def _settle(race: Race, finals: Finals, runs: int, finalists: Comparison) -> Comparison:
    """Run those that may still win `MORE` times as often, where the runs cannot tell."""
    choice = decide(finalists, race.objective, race.requirements)
    if choice.verdict != "cannot tell" or race.scenario.noise != "sampled":
        return finalists
    possible = [one for one in choice.standings if one.met is not False]
    if choice.leader is not None:
        possible = [choice.leader, *(rival.standing for rival in choice.open)]
    possible.sort(key=lambda one: (one.met is None, one.order))
    names = [one.strategy for one in possible[:LAST]]
    return finals.compare([finals.entries[name] for name in names], MORE * runs)


def _last(race: Race) -> list[Entry]:
    """Return the most promising entries, those that ran alike but once.

    Where none is left in the race, those come first that failed in an earlier round but
    missed the limits by less than all that were left then.
    """
    board = race.board
    assert board is not None
    seen: set[bytes] = set()
    found = []
    if not race.alive.any():
        least = float(penalty(board, race.requirements).min())
        found = [entry for missed, entry in sorted(race.near) if missed < least]
    for entry in ranked(board, race.requirements):
        runs = board.runs[entry].tobytes()
        if runs not in seen:
            seen.add(runs)
            found.append((int(board.shape[entry]), int(board.alarm[entry])))
    return list(dict.fromkeys(found))


def _front(race: Race) -> list[Entry]:
    board = race.board
    assert board is not None
    able = penalty(board, race.requirements) == 0
    return [(int(board.shape[e]), int(board.alarm[e])) for e in front(board.means, able)]


def _so_far(race: Race, finals: Finals, runs: int) -> Comparison:
    """Return what has been run to the end so far, or what the last round knows."""
    known = [comparison for (_, made), comparison in finals.known.items() if made == runs]
    if race.leader is not None and known:
        return joined(race.scenario, known)
    assert race.board is not None
    assert race.round is not None
    screen, entries = race.screen, _last(race)[:LAST]
    finals.entries |= {design_name(screen.space, entry): entry for entry in entries}
    reader = Reader(race.scenario, screen.space, race.round)
    samples = tuple(
        reader.sample(design_name(screen.space, entry), *entry, int(screen.trajectory[entry[0]]))
        for entry in entries
    )
    made = provenance(
        race.scenario,
        engine="batch",
        replications=samples[0].runs,
        seed=screen.seed,
        command="recommend",
    )
    return Comparison(
        scenario=race.scenario.name,
        seed=screen.seed,
        replications=samples[0].runs,
        engine="batch",
        samples=samples,
        outcomes={o.name: o.probability for o in race.scenario.release.outcomes},
        provenance=made,
    )


def _found(
    race: Race,
    finals: Finals,
    finalists: Comparison,
    comparison: Comparison,
    notes: Sequence[str],
    *,
    interrupted: bool,
) -> SearchedDesign:
    kind: Kind = "design" if comparison is finalists else "finalist"  # that was run more often
    if interrupted:
        kind = "candidate"
    choice = decide(comparison, race.objective, race.requirements, kind)
    more: list[str] = []
    if choice.verdict == "cannot tell" and choice.leader is not None:
        # it surely meets the limits, and no more runs would be worth what they settle
        more = _unsettled(choice)
        choice = replace(choice, verdict="recommended")
    if choice.verdict == "none meets":
        more = blind_spots(race.scenario, race.screen.space, race.requirements)
    scenario, space, best = race.scenario, race.screen.space, choice.strategy
    return SearchedDesign(
        choice=choice,
        comparison=comparison,
        scenario=design_scenario(scenario, space, finals.entries[best]) if best else None,
        base=scenario,
        space=space,
        finalists=finalists,
        entries=finals.entries,
        laps=tuple(race.laps),
        notes=(*more, *notes),
        interrupted=interrupted,
    )


def _unsettled(choice: Choice) -> list[str]:
    """Say which other designs may be better, and by how much at most."""
    unit = choice.objective.unit
    worst = max(choice.open, key=lambda rival: rival.regret)
    count = len(choice.open)
    others = worst.standing.strategy if count == 1 else f"{count} other designs"
    if math.isnan(worst.regret):
        return [f"The runs do not settle whether {others} would be better."]
    most = with_unit(worst.regret, unit)
    return [f"The runs do not settle whether {others} would be better: by {most} at most."]
