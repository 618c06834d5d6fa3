"""When each alarm could first stop a deployment: the worst releases, run without noise.

One release fails and hangs every request from its first one on, the other never
becomes healthy. No alarm can tell of a fault of the release sooner than of these.
The alarms look on and stop nothing, so that each has its own answer.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from stratsim.engine.clock import POLL, US, At
from stratsim.engine.deployment import Deployment
from stratsim.engine.setup import Setup, prepare
from stratsim.model.plan import Retire
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault, Outcome, Release
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import PlanResult, plan_strategy
from stratsim.strategies.first_stop import FirstStop
from stratsim.watch import MINUTE_US, MetricProgram
from stratsim.wording import format_span
from stratsim.world import Block

_NEVER_S = 366 * 86400.0
_LOOK_US = 10 * US
"""How often to look where CodeDeploy does so without delay: no alarm is evaluated oftener."""

_FAILS = (Fault(kind="errors", rate=Fixed(1.0)), Fault(kind="latency", add=Fixed(3600.0)))
_STARTS_NOT = (Fault(kind="startup", probability=1.0),)
WORST = Release(
    outcomes=(
        Outcome(name="fails", probability=0.5, faults=_FAILS),
        Outcome(name="starts not", probability=0.5, faults=_STARTS_NOT),
    )
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What CodeDeploy first saw of an alarm: when, at which share, and whether it still watched."""

    at_us: int
    share: float
    watched: bool


def foresee(scenario: Scenario, strategy: str | StrategySpec) -> PlanResult:
    """Return what a strategy of `scenario` will do, minute by minute; nothing is drawn.

    Durations are expected ones. The alarms of the deployment are told with the moment
    at which they could first stop it: where every request to the new revision fails
    and hangs, or no instance of it becomes healthy, with noise off.

    Parameters
    ----------
    scenario
        The service, its deployment group and its strategies.
    strategy
        A strategy of the scenario, or any of the platform's predefined
        configurations.

    Raises
    ------
    InputError
        Where there is no such strategy, or AWS would refuse it.
    """
    check_scenario(scenario)
    return with_first_stops(scenario, plan_strategy(scenario, strategy))


def with_first_stops(scenario: Scenario, result: PlanResult) -> PlanResult:
    """Return `result` with the moments at which the group's alarms could first stop it."""
    group = result.plan.group
    names = tuple(group.alarm_names) if group.alarms_enabled else ()
    if not names:
        return replace(result, stops=())
    worst = _worst(scenario)
    setup = prepare(worst, result.plan)
    setup = replace(setup, group=frozenset(), scenario=_followed(worst, setup))
    # On Lambda nothing waits for health: what cannot start fails its requests.
    outcomes = range(1 if scenario.platform == "lambda" else len(WORST.outcomes))
    plays = [_Play(setup, names, number) for number in outcomes]
    until_s = _watched_until_s(scenario, result)
    stops = [min((play.stop(name, until_s) for play in plays), key=_first) for name in names]
    return replace(result, stops=tuple(stops))


def _first(stop: FirstStop) -> tuple[bool, float]:
    return stop.time_s is None, stop.time_s or 0.0


def _worst(scenario: Scenario) -> Scenario:
    """Return the scenario without noise, chances and people, of a release as bad as can be."""
    return replace(
        scenario,
        release=WORST,
        noise="expected",
        lifecycle={name: replace(e, failure=0.0) for name, e in scenario.lifecycle.items()},
        on_call=replace(scenario.on_call, respond=_NEVER_S, notice=_NEVER_S),
        control=replace(scenario.control, alarm_poll_failure=0.0),
    )


def _followed(scenario: Scenario, setup: Setup) -> Scenario:
    """Return the scenario followed for as long as an alarm may take after the end."""
    longest = max((p.history for p in setup.programs if isinstance(p, MetricProgram)), default=0)
    follow_s = 60.0 * longest + 2 * scenario.metrics.delay.mean + 120.0
    return replace(scenario, control=replace(scenario.control, follow_up=follow_s))


def _watched_until_s(scenario: Scenario, result: PlanResult) -> float:
    """Return until when alarms are watched, if all goes well."""
    if not scenario.control.watch_termination_wait:
        waits = {step.event for step in result.plan.steps if isinstance(step, Retire)}
        begun = [row.time_s for row in result.rows if row.event in waits]
        if begun:
            return begun[0]
    return result.rows[-1].time_s


class _Play:
    """One of the worst releases, deployed while the alarms look on."""

    def __init__(self, setup: Setup, names: Sequence[str], outcome: int) -> None:
        scenario = setup.scenario
        world = Block(scenario, scenario.seed, 0).row(0, outcome)
        self.run = Deployment(setup, world, traced=True)
        self.names = names
        self.seen: dict[str, Sight] = {}
        self.cut_short = False
        self.run.env.process(self._look())
        self.run.run()

    def _look(self) -> Generator[At, None, None]:
        """Look as CodeDeploy does, until every alarm has been seen or the traffic's trace ends."""
        run = self.run
        every_us = run.watching.poll_us or _LOOK_US
        while len(self.seen) < len(self.names) and run.now + MINUTE_US < run.ending_us:
            for name in self.names:
                if (
                    name not in self.seen
                    and run.watching.bank.states[name].name in run.plan.alarm_states
                ):
                    self.seen[name] = self._sight(name)
            yield At(run.env, every_us, POLL)
        self.cut_short = len(self.seen) < len(self.names)
        if not run.done.triggered:
            run.done.succeed()

    def _sight(self, name: str) -> Sight:
        run = self.run
        at = run.now
        if not run.watching.poll_us:
            at = next(when for when, alarm, *_ in reversed(run.record.alarms) if alarm == name)
        share = next((w for when, w in reversed(run.record.weights) if when < at), 0.0)
        return Sight(at, share, run.watching.on and not run.over)

    def stop(self, name: str, until_s: float) -> FirstStop:
        """Return when `name` could first stop the deployment."""
        sight = self.seen.get(name)
        passed = (
            [n for n, s in self.seen.items() if not s.at_us]
            if self.run.plan.controller == "ECS"
            else []
        )
        note = ""
        if passed:
            note = f"passed over: {passed[0]} is in {self._state(passed[0])} at the start"
        elif sight is None and self.cut_short:
            note = "not before the trace of the traffic ends"
        elif sight is None:
            harmless = not self.run.flow.truth.new_requests
            note = "not even if every request to the new revision fails"
            note = "nothing reaches the new revision" if harmless else note
        elif not sight.watched:
            note = f"too late: not before {format_span(sight.at_us / US)}, when nobody looks"
        elif not sight.at_us:
            note = f"in {self._state(name)} at creation: ALARM_ACTIVE at once"
        if sight is None or passed or not sight.watched:
            return FirstStop(alarm=name, time_s=None, new_share=None, until_s=until_s, note=note)
        return FirstStop(
            alarm=name,
            time_s=sight.at_us / US,
            new_share=sight.share,
            until_s=max(until_s, sight.at_us / US),
            note=note,
        )

    def _state(self, name: str) -> str:
        return next(to for _, alarm, _, to in self.run.record.alarms if alarm == name)
