"""The first exposed request, looked for in time for people who notice within a minute."""

from typing import TYPE_CHECKING

from stratsim.engine.clock import US, us
from stratsim.engine.fleet import NEVER
from stratsim.watch import MINUTE_US

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment


class Lookout:
    """Accounts for the requests as often as people notice, and at most once a second.

    Requests are counted when a minute ends or something changes. That is soon
    enough unless people act sooner after the first exposed request.
    """

    def __init__(self, run: "Deployment") -> None:
        notice = us(run.scenario.on_call.notice)
        self.run = run
        self.every_us = max(notice, US)
        self.needed = notice < MINUTE_US and run.faults.any_served
        self._waiting = False

    def watch(self) -> None:
        """Look soon, if the new revision serves and nobody was exposed yet."""
        run = self.run
        unseen = run.flow.truth.first_exposed_us == NEVER
        if self.needed and unseen and not self._waiting and run.fleet.share > 0:
            self._waiting = True
            run.after(self.every_us, self._look)

    def _look(self) -> None:
        self._waiting = False
        self.run.advance()
        self.watch()
