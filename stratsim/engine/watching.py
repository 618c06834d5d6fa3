"""Who decides about a deployment from outside: alarms, CodeDeploy that polls them, people."""

from functools import partial
from typing import TYPE_CHECKING

import simpy

from stratsim.engine.clock import EVALUATE, PEOPLE, POLL, At, us
from stratsim.engine.failure import ALARM_ACTIVE, ALARMS_UNREADABLE, MANUAL_STOP
from stratsim.engine.fleet import NEVER
from stratsim.watch import AlarmBank

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment


class Watching:
    """The alarms of one run, the polls that read them, and the people they call.

    ``bank`` holds the alarms; ``on`` says that CodeDeploy looks at them. Times are in
    microseconds since the creation, `NEVER` where something has not happened:
    ``paged_us``, the first alarm of any kind; ``detected_us``, the first of the
    deployment group that tells of an exposure.
    """

    def __init__(self, run: "Deployment") -> None:
        self.run, self.on = run, True
        block, row = run.world.block, run.world.row
        count = range(len(run.setup.programs))
        offsets = [us(float(block.offset_s(number)[row])) for number in count]
        self.bank = AlarmBank(run.setup.programs, offsets)
        self.poll_us = us(run.scenario.control.alarm_poll)
        self.paged_us = self.detected_us = NEVER
        self.acted = False
        self._people_us = self._alarming_us = self._poll_at = NEVER
        self._noticed = False

    def begin(self) -> None:
        """Look from now on; ECS passes over its alarms where one is in ALARM when it starts."""
        self.on = not self.group_alarm()
        self._expect_blindness()

    def look_ahead(self, minute: int) -> None:
        """Let the evaluations follow whose newest minute is `minute` - 1."""
        for offset in self.bank.offsets_us:
            event = At(self.run.env, offset, EVALUATE)
            assert event.callbacks is not None
            event.callbacks.append(partial(self._evaluation, minute, offset))

    def _evaluation(self, minute: int, offset_us: int, _: simpy.Event) -> None:
        self._evaluate(minute, offset_us)

    def _evaluate(self, minute: int, offset_us: int) -> None:
        changes = self.bank.evaluate(self.run.telemetry, minute, self.run.now, offset_us)
        for name, before, after in changes:
            if self.run.traced:
                self.run.record.alarms.append((self.run.now, name, before.name, after.name))
            if name in self.run.setup.group and after.name in self.run.plan.alarm_states:
                self._alarm()
        if self.bank.paging:
            self._page()
        if changes and not self.group_alarm():
            self._alarming_us = NEVER

    def _alarm(self) -> None:
        """Note that an alarm of the group is in a state that stops the deployment."""
        if self._alarming_us == NEVER:
            self._alarming_us = self.run.now
        self._detect()
        self._poll_later()

    def _page(self) -> None:
        if self.paged_us == NEVER:
            self.paged_us = self.run.now
            self._call_people(self.run.now + us(self.run.scenario.on_call.respond))

    def _detect(self) -> None:
        """Note when the group's alarms first tell of the exposure."""
        first = self.run.flow.truth.first_exposed_us
        if first != NEVER and self.detected_us == NEVER and self._alarming_us != NEVER:
            self.detected_us = max(self._alarming_us, first)

    def exposed(self) -> None:
        """Act on the first exposed request, once it is known."""
        first = self.run.flow.truth.first_exposed_us
        if first == NEVER or self._noticed:
            return
        self._noticed = True
        self._detect()
        self._call_people(first + us(self.run.scenario.on_call.notice))

    def group_alarm(self) -> bool:
        """Whether an alarm of the group is in a state that stops deployments."""
        states = self.bank.states
        stops = self.run.plan.alarm_states
        return any(name in states and states[name].name in stops for name in self.run.setup.group)

    def _poll_later(self) -> None:
        if self.run.over:
            return
        at = self.run.now
        if self.poll_us:
            at = -(-self.run.now // self.poll_us) * self.poll_us
        if at == self._poll_at:
            return
        self._poll_at = at
        event = At(self.run.env, at - self.run.now, POLL)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._poll())

    def _poll(self) -> None:
        """CodeDeploy looks at its alarms: any in ALARM stops the deployment."""
        self._poll_at = NEVER
        if self.run.over or not self.on or not self.group_alarm():
            return
        status = "Failed" if self.run.plan.controller == "ECS" else "Stopped"
        self.run.stop_on_alarm(status, ALARM_ACTIVE, self._alarming_us)

    def _expect_blindness(self) -> None:
        """Draw the first poll at which CodeDeploy cannot read its alarms."""
        if not self.run.setup.may_be_blind:
            return
        chance = self.run.scenario.control.alarm_poll_failure
        polls = int(self.run.world.block.unread_poll(chance)[self.run.world.row])
        event = At(self.run.env, min(polls * self.poll_us, 1 << 60), POLL)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._blind())

    def _blind(self) -> None:
        if self.run.over or not self.on:
            return
        self.run.stop_on_alarm("Stopped", ALARMS_UNREADABLE, self.run.now)

    def _call_people(self, at_us: int) -> None:
        if self._people_us != NEVER and self._people_us <= at_us:
            return
        self._people_us = at_us = max(at_us, self.run.now)
        event = At(self.run.env, at_us - self.run.now, PEOPLE)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._people(at_us))

    def call_again(self) -> None:
        """A rollback has failed: people try once more, as late as they answer any alarm."""
        self._people_us, self.acted = NEVER, False
        self._call_people(self.run.now + us(self.run.scenario.on_call.respond))

    def _people(self, at_us: int) -> None:
        if at_us != self._people_us or self.acted or self.run.undoing:
            return
        if self.run.over and self.run.fleet.restored:
            return
        self.acted = True
        if not self.run.over:
            self.run.note("people", "stop the deployment")
            if self.run.stop_on_request(MANUAL_STOP):
                return
        self.run.note("people", f"restore the old revision: {self.run.plan.undo}")
        self.run.undo()

    def page_us(self) -> int:
        """Return when people were paged or noticed by themselves, whichever was first."""
        first = self.run.flow.truth.first_exposed_us
        if first == NEVER:
            return self.paged_us
        noticed = first + us(self.run.scenario.on_call.notice)
        if noticed > self.run.now:
            return self.paged_us
        return noticed if self.paged_us == NEVER else min(noticed, self.paged_us)
