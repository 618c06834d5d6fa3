"""What all runs of one plan share, prepared once."""

from dataclasses import dataclass

from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.queueing import ResponseTimes, response_times
from stratsim.signals import NEW
from stratsim.watch import MetricProgram, Program, compile_alarms


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """A scenario and a plan made ready for many runs.

    ``history`` is how many minutes before the deployment its alarms can see.
    """

    scenario: Scenario
    plan: Plan
    programs: tuple[Program, ...]
    group: frozenset[str]
    times: ResponseTimes
    history: int
    warnings: tuple[str, ...]

    @property
    def may_be_blind(self) -> bool:
        """Whether a deployment may end because CodeDeploy cannot read its alarms."""
        reads = bool(self.group) and self.plan.controller == "CodeDeploy"
        chance = self.scenario.control.alarm_poll_failure
        return reads and chance > 0 and not self.plan.group.ignore_poll_alarm_failure


def prepare(scenario: Scenario, plan: Plan) -> Setup:
    """Return what the runs of `plan` share."""
    programs = compile_alarms(scenario, one_target_group=plan.one_target_group)
    group = plan.group
    names = frozenset(group.alarm_names) if group.alarms_enabled else frozenset()
    return Setup(
        scenario=scenario,
        plan=plan,
        programs=programs,
        group=names,
        times=response_times(scenario.service),
        history=_history(scenario, programs),
        warnings=(*scenario.warnings, *plan.warnings, *_unread(programs)),
    )


def _history(scenario: Scenario, programs: tuple[Program, ...]) -> int:
    """Return the minutes of history; none where only the new revision is watched."""
    longest = 0
    for program in programs:
        if isinstance(program, MetricProgram):
            readers = [reader for _, reader in program.readers if reader is not None]
            if any(reader.sides != (NEW,) for reader in readers):
                longest = max(longest, program.history)
    if longest == 0:
        return 0
    return longest + 2 + round(scenario.metrics.delay.mean // 60)


def _unread(programs: tuple[Program, ...]) -> tuple[str, ...]:
    notes = []
    for program in programs:
        if isinstance(program, MetricProgram):
            stats = program.alarm.metric_stats
            by_place = zip(program.readers, stats, strict=False)
            missing = [
                f"{s.Namespace} {s.MetricName}"
                for (_, r), s in by_place
                if r is None or r.source.kind == "silent"
            ]
            if missing:
                names = ", ".join(missing)
                notes.append(f"alarm {program.name!r} watches what no deployment emits: {names}")
    return tuple(notes)
