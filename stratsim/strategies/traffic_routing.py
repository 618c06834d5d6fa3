"""The weights of a canary or linear shift, in AWS's own numbers.

Source: CodeDeploy API, TrafficRoutingConfig, TimeBasedCanary, TimeBasedLinear.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stratsim.errors import Problem
from stratsim.model.plan import Hold, Shift
from stratsim.model.settings import MINUTE_S
from stratsim.strategies.limits import INCREMENT_PERCENT, SHIFT_MINUTES, Quotas, over
from stratsim.strategies.shapes import (
    Config,
    part,
    whole,
    wrong_choice,
    wrong_integer,
    wrong_keys,
)

# type -> (its branch, the percentage's key, the interval's key)
_BRANCH = {
    "TimeBasedCanary": ("timeBasedCanary", "canaryPercentage", "canaryInterval"),
    "TimeBasedLinear": ("timeBasedLinear", "linearPercentage", "linearInterval"),
}
TYPES = ("AllAtOnce", *_BRANCH)


@dataclass(frozen=True, slots=True)
class TrafficRouting:
    """AWS's ``trafficRoutingConfig``: percentage [%] and interval [min]."""

    type: str
    percentage: int = 100
    interval_min: int = 0

    @property
    def weights(self) -> tuple[float, ...]:
        """The share on the new revision after each shift; the last one is 1."""
        if self.type == "AllAtOnce":
            return (1.0,)
        if self.type == "TimeBasedCanary":
            return (self.percentage / 100, 1.0)
        # A percentage that does not divide 100 leaves the remainder to the last shift.
        percents = range(self.percentage, 100, self.percentage)
        return (*(percent / 100 for percent in percents), 1.0)

    @property
    def first_to_last_min(self) -> int:
        """Minutes from the first shift to the last."""
        return (len(self.weights) - 1) * self.interval_min

    @property
    def config_name(self) -> str:
        """The name of such a configuration, after the manner of AWS's own."""
        if self.type == "AllAtOnce":
            return "AllAtOnce"
        kind, every = self.type.removeprefix("TimeBased"), ""
        if kind == "Linear":
            every = "Every"
        unit = "Minute" if self.interval_min == 1 else "Minutes"
        return f"{kind}{self.percentage}Percent{every}{self.interval_min}{unit}"

    def moves(
        self, *, tail_wait: bool = False, rest_on_top: bool = False
    ) -> tuple[Shift | Hold, ...]:
        """Return the shifts with the waits between them.

        AWS shifts at the start of each increment, so nothing is waited for after
        the last one; the SAM guide's arithmetic adds an interval (`tail_wait`). What
        a percentage leaves of 100 is a shift of its own, or comes on top of the last
        whole one (`rest_on_top`).
        """
        weights = self.weights
        if rest_on_top and self.type == "TimeBasedLinear" and 100 % self.percentage:
            weights = (*weights[:-2], 1.0)
        moves: list[Shift | Hold] = []
        event = _BRANCH[self.type][2] if self.type in _BRANCH else ""
        wait = Hold(duration_s=self.interval_min * MINUTE_S, event=event)
        for weight in weights:
            moves += [Shift(weight=weight), wait]
        if not (tail_wait and self.type == "TimeBasedLinear"):
            moves.pop()
        return tuple(moves)


def parse_routing(config: Config) -> TrafficRouting:
    """Return the value of a ``trafficRoutingConfig`` that was checked before."""
    kind = str(config["type"])
    if kind == "AllAtOnce":
        return TrafficRouting(kind)
    branch, percentage, interval = _BRANCH[kind]
    values = part(config, branch)
    return TrafficRouting(kind, whole(values, percentage), whole(values, interval))


def check_routing(config: object, where: str, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a ``trafficRoutingConfig``."""
    branches = [branch for branch, _, _ in _BRANCH.values()]
    problems = wrong_keys(config, where, ("type", *branches))
    if problems or not isinstance(config, Mapping):
        return problems
    problems = wrong_choice(config.get("type"), f"{where}.type", TYPES)
    if problems or config["type"] == "AllAtOnce":
        return problems
    return _check_branch(config, where, quotas)


def _check_branch(config: Config, where: str, quotas: Quotas) -> list[Problem]:
    branch, percentage, interval = _BRANCH[str(config["type"])]
    at = f"{where}.{branch}"
    values = config.get(branch)
    problems = wrong_keys(values, at, (percentage, interval))
    if problems:
        return problems
    values = part(config, branch)
    most = INCREMENT_PERCENT.under(quotas)
    problems = [
        *wrong_integer(
            values.get(percentage), f"{at}.{percentage}", 1, most, INCREMENT_PERCENT.hint
        ),
        *wrong_integer(values.get(interval), f"{at}.{interval}", 1, float("inf")),
    ]
    if problems:
        return problems
    total = parse_routing(config).first_to_last_min
    return over(total, f"{at}.{interval}", SHIFT_MINUTES, quotas, "minutes in all shifts")
