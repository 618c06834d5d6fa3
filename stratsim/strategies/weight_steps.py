"""Generic steps: a weight, a pause, the next weight; on any platform.

Weights are percent, as every rollout tool writes them; the last shift always
brings 100 %.
"""

from collections.abc import Mapping

from stratsim.errors import Problem, shorten
from stratsim.model.plan import Hold, Plan, Shift
from stratsim.model.quantities import MAX_DURATION_S, parse_duration
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.limits import Quotas
from stratsim.strategies.shapes import Config, wrong_keys
from stratsim.strategies.weighted import weighted_plan

KEY = "steps"
MAX_STEPS = 1000
"""Most steps of one strategy; bounds the work of one run."""


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what is wrong with a list of steps; AWS sets it no limits."""
    steps, at = config.get(KEY), f"{where}.{KEY}"
    if not isinstance(steps, list | tuple) or not 1 <= len(steps) <= MAX_STEPS:
        got = shorten(steps)
        return [Problem(at, f"a list of 1 to {MAX_STEPS} steps {{weight, pause}}", got)]
    return [
        problem
        for index, step in enumerate(steps)
        for problem in _check_step(step, f"{at}[{index}]")
    ]


def _check_step(step: object, where: str) -> list[Problem]:
    problems = wrong_keys(step, where, ("weight", "pause"))
    if problems or not isinstance(step, Mapping):
        return problems
    weight: object = step.get("weight")
    number = weight if isinstance(weight, int | float) and not isinstance(weight, bool) else -1
    # A NaN is in no interval, so this refuses it too.
    if not 0 <= number <= 100:
        problems.append(Problem(f"{where}.weight", "a percentage in [0, 100]", shorten(weight)))
    try:
        lawful = 0 <= parse_duration(step.get("pause", 0)) <= MAX_DURATION_S
    except ValueError:
        lawful = False
    if not lawful:
        rule = "a duration such as 90s, 5m, 1h30m or a number of seconds"
        problems.append(Problem(f"{where}.pause", rule, shorten(step.get("pause"))))
    return problems


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan; ``steps: [{weight: 100}]`` is all at once to the letter."""
    moves: list[Shift | Hold] = []
    steps = spec.config[KEY]
    assert isinstance(steps, list | tuple)
    for step in steps:
        moves.append(Shift(weight=float(step["weight"]) / 100))
        pause_s = parse_duration(step.get("pause", 0))
        if pause_s:
            moves.append(Hold(duration_s=pause_s, event="pause"))
    if float(steps[-1]["weight"]) < 100:
        moves.append(Shift(weight=1.0))
    return weighted_plan(spec, scenario, tuple(moves))


EXAMPLES: tuple[Config, ...] = (
    {KEY: [{"weight": 5, "pause": "5m"}, {"weight": 60, "pause": "1m"}]},
    {KEY: [{"weight": 100}]},
)

FAMILY = register(
    Family(
        name="weight_steps",
        platforms=("ec2", "ecs", "lambda"),
        keys=(KEY,),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
