"""``ecs:`` with a strategy BLUE_GREEN, LINEAR or CANARY: what may stand there, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from stratsim.errors import Problem, shorten
from stratsim.model.quantities import Distribution, Fixed
from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, Control
from stratsim.strategies.ecs_controller import KEY, MAX_BAKE_MINUTES, ROLLING, check_alarms
from stratsim.strategies.limits import CLOUDFORMATION_HOURS, Quotas
from stratsim.strategies.shapes import (
    Config,
    part,
    whole,
    wrong_choice,
    wrong_integer,
    wrong_keys,
)

PRE_PRODUCTION = "PRE_PRODUCTION_TRAFFIC_SHIFT"
STAGES = (
    *("RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP"),
    *("TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"),
    *(PRE_PRODUCTION, "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"),
)
"""Stages that may have a hook (ECS API, DeploymentLifecycleHook)."""

STRATEGIES = (ROLLING, "BLUE_GREEN", "LINEAR", "CANARY")


@dataclass(frozen=True, slots=True)
class Branch:
    """The keys of one strategy's own configuration, with ECS's bounds and defaults [%, min]."""

    key: str
    percent: str
    bake: str
    least: float
    default: float
    default_bake: int


# ECS API, LinearConfiguration and CanaryConfiguration.
BRANCHES = {
    "LINEAR": Branch("linearConfiguration", "stepPercent", "stepBakeTimeInMinutes", 3.0, 10.0, 6),
    "CANARY": Branch(
        "canaryConfiguration", "canaryPercent", "canaryBakeTimeInMinutes", 0.1, 5.0, 10
    ),
}
_KEYS = (
    *("strategy", "bakeTimeInMinutes", "lifecycleHooks", "alarms"),
    *("minimumHealthyPercent", "maximumPercent", "deploymentCircuitBreaker"),
    *(branch.key for branch in BRANCHES.values()),
)
_HOOK_KEYS = (
    *("targetType", "hookTargetArn", "roleArn", "lifecycleStages"),
    *("hookDetails", "timeoutConfiguration"),
)
_TARGETS = ("AWS_LAMBDA", "PAUSE")
# ECS Developer Guide: a pause is not offered where traffic is being shifted.
_NO_PAUSE = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
HOOK_TIMEOUT_MINUTES = 1440
MAX_HOOK_TIMEOUT_MINUTES = 20_160


@dataclass(frozen=True, slots=True)
class Pace:
    """The weights, and the bakes between and after them [s]."""

    weights: tuple[float, ...]
    step_bake_s: float
    bake_s: float
    event: str
    cloudformation_steps: int

    @property
    def total_s(self) -> float:
        """Seconds from the first shift to the last."""
        return (len(self.weights) - 1) * self.step_bake_s


@dataclass(frozen=True, slots=True)
class Hook:
    """A stage's hook: what it waits for, how long, and what then."""

    target: str = "AWS_LAMBDA"
    timeout_s: float = HOOK_TIMEOUT_MINUTES * MINUTE_S
    continues: bool = False

    def paused(self, control: Control) -> Distribution | None:
        """Return how long a pause lasts: until somebody continues, or past its timeout."""
        if self.target != "PAUSE":
            return None
        after_s = control.continue_after
        return Fixed(2 * self.timeout_s if after_s is None else after_s)


def pace_of(values: Config) -> Pace:
    """Return the pace of a configuration that was checked before."""
    bake_s = whole(values, "bakeTimeInMinutes") * MINUTE_S
    branch = BRANCHES.get(str(values["strategy"]))
    if branch is None:
        return Pace((1.0,), 0.0, bake_s, "", 0)
    own = part(values, branch.key)
    # Multiples of 0.1 %: exact arithmetic keeps 10 x 10 % from missing 100 %.
    percent = Fraction(str(own.get(branch.percent, branch.default)))
    step_bake_s = whole(own, branch.bake, branch.default_bake) * MINUTE_S
    if branch is BRANCHES["CANARY"]:
        first = (float(percent / 100),) if percent < 100 else ()
        return Pace((*first, 1.0), step_bake_s, bake_s, branch.bake, 1)
    shifts = -(-100 // percent)
    weights = (*(float(k * percent / 100) for k in range(1, shifts)), 1.0)
    # CloudFormation's count leaves out the last step where the percentage divides 100.
    steps = int(100 // percent) - (100 % percent == 0)
    return Pace(weights, step_bake_s, bake_s, branch.bake, steps)


def cloudformation_hours(pace: Pace) -> float:
    """Return the sum of the bakes as CloudFormation counts it."""
    return (pace.bake_s + pace.step_bake_s * pace.cloudformation_steps) / 3600


def refused_by_cloudformation(pace: Pace, quotas: Quotas) -> tuple[str, ...]:
    """Say where CloudFormation would refuse the sum of the bakes."""
    hours, most = cloudformation_hours(pace), CLOUDFORMATION_HOURS.under(quotas)
    if hours <= most:
        return ()
    count = pace.cloudformation_steps
    sums = f"{count} step{'s' * (count != 1)} and the bake take {hours:.6g} h"
    return (f"{sums}, more than {most:g} h: {CLOUDFORMATION_HOURS.hint}",)


def hooks_of(values: Config) -> dict[str, Hook]:
    """Return the hooks by stage; of several at one stage the last holds."""
    found: dict[str, Hook] = {}
    listed = values.get("lifecycleHooks", ())
    for entry in listed if isinstance(listed, list | tuple) else ():
        timeout = part(entry, "timeoutConfiguration")
        hook = Hook(
            target=str(entry.get("targetType", "AWS_LAMBDA")),
            timeout_s=whole(timeout, "timeoutInMinutes", HOOK_TIMEOUT_MINUTES) * MINUTE_S,
            continues=timeout.get("action") == "CONTINUE",
        )
        found |= dict.fromkeys(entry.get("lifecycleStages", ()), hook)
    return found


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a deployment by ECS's own controller."""
    at = f"{where}.{KEY}"
    problems = wrong_keys(config.get(KEY), at, _KEYS)
    if problems:
        return problems
    values = part(config, KEY)
    kind = values.get("strategy")
    problems = wrong_choice(kind, f"{at}.strategy", STRATEGIES)
    if problems:
        return problems
    if kind == "BLUE_GREEN" or "bakeTimeInMinutes" in values:
        # ECS API: required with BLUE_GREEN.
        bake = values.get("bakeTimeInMinutes")
        problems += wrong_integer(bake, f"{at}.bakeTimeInMinutes", 0, MAX_BAKE_MINUTES)
    for name, branch in BRANCHES.items():
        if branch.key in values:
            problems += _check_branch(values, branch, f"{at}.{branch.key}", mine=name == kind)
    if "alarms" in values:
        problems += check_alarms(values["alarms"], f"{at}.alarms")
    return problems + _check_hooks(values.get("lifecycleHooks", ()), f"{at}.lifecycleHooks")


def _check_branch(values: Config, branch: Branch, where: str, *, mine: bool) -> list[Problem]:
    if not mine:
        rule = f"absent beside strategy {values['strategy']}"
        return [Problem(where, rule, shorten(values[branch.key]))]
    own = values[branch.key]
    problems = wrong_keys(own, where, (branch.percent, branch.bake))
    if problems or not isinstance(own, Mapping):
        return problems
    if branch.percent in own:
        problems += _wrong_percent(own[branch.percent], f"{where}.{branch.percent}", branch.least)
    if branch.bake in own:
        problems += wrong_integer(own[branch.bake], f"{where}.{branch.bake}", 0, MAX_BAKE_MINUTES)
    return problems


def _wrong_percent(value: object, where: str, least: float) -> list[Problem]:
    # A NaN is in no interval, so this refuses it too.
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and least <= value <= 100
        and Fraction(str(value)) * 10 % 1 == 0
    ):
        return []
    rule = f"a multiple of 0.1 in [{least:.1f}, 100.0]"
    return [Problem(where, rule, shorten(value))]


def _check_hooks(hooks: object, where: str) -> list[Problem]:
    if not isinstance(hooks, list | tuple):
        return [Problem(where, "a list of hooks", shorten(hooks))]
    return [p for at, hook in enumerate(hooks) for p in _check_hook(hook, f"{where}[{at}]")]


def _check_hook(hook: object, where: str) -> list[Problem]:
    problems = wrong_keys(hook, where, _HOOK_KEYS)
    if problems or not isinstance(hook, Mapping):
        return problems
    target = hook.get("targetType", "AWS_LAMBDA")
    problems += wrong_choice(target, f"{where}.targetType", _TARGETS)
    stages = hook.get("lifecycleStages", ())
    if not isinstance(stages, list | tuple) or not stages:
        rule = "a list of at least one stage"
        return [*problems, Problem(f"{where}.lifecycleStages", rule, shorten(stages))]
    allowed = [s for s in STAGES if target != "PAUSE" or s not in _NO_PAUSE]
    for at, stage in enumerate(stages):
        problems += wrong_choice(stage, f"{where}.lifecycleStages[{at}]", allowed)
    return problems + _check_timeout(hook, f"{where}.timeoutConfiguration")


def _check_timeout(hook: Config, where: str) -> list[Problem]:
    if "timeoutConfiguration" not in hook:
        return []
    value = hook["timeoutConfiguration"]
    problems = wrong_keys(value, where, ("timeoutInMinutes", "action"))
    if problems or not isinstance(value, Mapping):
        return problems
    if "timeoutInMinutes" in value:
        minutes, at = value["timeoutInMinutes"], f"{where}.timeoutInMinutes"
        problems += wrong_integer(minutes, at, 1, MAX_HOOK_TIMEOUT_MINUTES)
    if "action" in value:
        problems += wrong_choice(value["action"], f"{where}.action", ("ROLLBACK", "CONTINUE"))
    return problems
