"""All alarms of one run, and whom they tell."""

from collections.abc import Sequence

from stratsim.cloudwatch.evaluation import State
from stratsim.cloudwatch.suppression import Suppression
from stratsim.signals import Telemetry
from stratsim.watch.metric import MINUTE_US, MetricWatch
from stratsim.watch.programs import CompositeProgram, MetricProgram, Program

Change = tuple[str, State, State]
_SECOND_US = 1_000_000


class AlarmBank:
    """All alarms of one run.

    ``paging`` tells whether the last evaluation ran actions of an alarm in ALARM:
    CodeDeploy polls states, people hear of actions, and a suppressor holds back
    actions only.
    """

    def __init__(self, programs: Sequence[Program], offsets_us: Sequence[int]) -> None:
        self.metric = [
            MetricWatch(program, offset)
            for program, offset in zip(programs, offsets_us, strict=False)
            if isinstance(program, MetricProgram)
        ]
        self.composite = [p for p in programs if isinstance(p, CompositeProgram)]
        self.states: dict[str, State] = {p.name: State.INSUFFICIENT_DATA for p in programs}
        self.offsets_us = sorted({o for watch in self.metric for o in watch.offsets_us})
        self.paging = False
        self._acting = {p.name for p in programs if p.acts}
        self._suppressions = {
            p.name: _suppression(p) for p in self.composite if p.suppressor is not None
        }

    def settle(self, telemetry: Telemetry, phase_us: int, evaluations: int) -> None:
        """Evaluate over the history, so that states are what they were at creation.

        `phase_us` is where in the minute the deployment starts.
        """
        for watch in self.metric:
            watch.read(telemetry)
            newest = 0 if watch.offset_us <= phase_us else -1
            if watch.program.hourly:
                newest -= newest % 60
            step = 60 if watch.program.hourly else 1
            keeps = watch.program.alarm.treatment == "ignore" or watch.program.wants_samples
            rounds = evaluations if keeps else 1
            for back in range(rounds - 1, -1, -1):
                minute = newest - back * step
                now_us = minute * MINUTE_US - phase_us + watch.offset_us
                state = watch.evaluate(telemetry, minute, now_us, watch.offset_us)
            self.states[watch.program.name] = state
        self._judge_composites()
        for program in self.composite:
            if program.suppressor is not None:
                old = self._suppressions[program.name]
                in_alarm = self.states[program.suppressor] is State.ALARM
                self._suppressions[program.name] = Suppression(
                    old.wait_s, old.extension_s, in_alarm=in_alarm
                )

    def evaluate(
        self, telemetry: Telemetry, minute: int, now_us: int, offset_us: int
    ) -> list[Change]:
        """Evaluate the alarms of `offset_us`; return (name, before, after) of changes."""
        changes = []
        for watch in self.metric:
            if offset_us not in watch.offsets_us:
                continue
            watch.read(telemetry)
            name, before = watch.program.name, watch.state
            after = watch.evaluate(telemetry, minute, now_us, offset_us)
            if after is not before:
                self.states[name] = after
                changes.append((name, before, after))
        if changes:
            changes += self._judge_composites()
        self._act(changes, now_us)
        return changes

    def _judge_composites(self) -> list[Change]:
        changes = []
        for program in self.composite:
            before = self.states[program.name]
            after = State.ALARM if program.evaluate(self.states) else State.OK
            if after is not before:
                self.states[program.name] = after
                changes.append((program.name, before, after))
        return changes

    def _act(self, changes: Sequence[Change], now_us: int) -> None:
        """Find out whether somebody is told of an ALARM now."""
        self.paging = any(
            after is State.ALARM and name in self._acting and name not in self._suppressions
            for name, _, after in changes
        )
        if not self._suppressions:
            return
        changed = {name for name, _, _ in changes}
        for program in self.composite:
            held = self._suppressions.get(program.name)
            if held is None or program.suppressor is None:
                continue
            in_alarm = self.states[program.suppressor] is State.ALARM
            self._suppressions[program.name], acts = held.step(
                now_us / _SECOND_US,
                changed=program.name in changed,
                suppressor_in_alarm=in_alarm,
            )
            alarming = self.states[program.name] is State.ALARM
            self.paging |= acts and alarming and program.name in self._acting


def _suppression(program: CompositeProgram) -> Suppression:
    alarm = program.alarm
    wait, extension = alarm.ActionsSuppressorWaitPeriod, alarm.ActionsSuppressorExtensionPeriod
    return Suppression(float(wait or 0), float(extension or 0))
