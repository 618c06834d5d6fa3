"""Families of strategies: who reads which entry, checks it and builds its plan.

A family is one file that registers itself. An entry of ``strategies:`` is given
to the family whose key it holds; a plain name is one of AWS's own configurations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.registry import Registry
from stratsim.strategies.limits import Quotas, check_group
from stratsim.strategies.predefined import PREFIX, describes, predefined
from stratsim.strategies.shapes import Config

__all__ = [
    "FAMILIES",
    "NAME_KEY",
    "OVERRIDE_KEYS",
    "Family",
    "build_plan",
    "check_spec",
    "classify",
    "family_of",
    "find_spec",
    "predefined",
    "register",
]

NAME_KEY = "deploymentConfigName"
"""Names a configuration: alone one of AWS's, beside a configuration its own."""

OVERRIDE_KEYS = (
    "alarmConfiguration",
    "applicationName",
    "autoRollbackConfiguration",
    "autoScalingGroups",
    "blueGreenDeploymentConfiguration",
    "deploymentGroupName",
    "deploymentStyle",
    "ec2DeploymentOptions",
    "ec2TagFilters",
    "ec2TagSet",
    "ecsServices",
    "loadBalancerInfo",
    "onPremisesInstanceTagFilters",
    "onPremisesTagSet",
    "outdatedInstancesStrategy",
    "serviceRoleArn",
    "tags",
    "terminationHookEnabled",
    "triggerConfigurations",
)
"""The keys of CreateDeploymentGroup that a strategy may override."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of strategy.

    An entry that holds one of ``keys`` is of this family, and ``companions`` may
    stand beside it. ``named`` says that AWS's predefined configurations are of it
    too, ``deployment_type`` which of two families with equal keys it is; where
    that does not tell, ``variant`` says whether an entry is of this one.
    ``check_in_group`` sees the deployment group too.
    ``measures_itself`` says that it judges the new revision by checks of its own
    and has no use for the deployment group's alarms.
    ``examples`` are entries on which the batteries of tests try the family.
    """

    name: str
    platforms: tuple[Platform, ...]
    keys: tuple[str, ...]
    check: Callable[[Config, str, Platform, Quotas], list[Problem]]
    build: Callable[[StrategySpec, Scenario], Plan]
    companions: tuple[str, ...] = ()
    named: bool = False
    deployment_type: str | None = None
    variant: Callable[[Mapping[str, object]], bool] | None = None
    check_in_group: Callable[[StrategySpec, str], list[Problem]] | None = None
    measures_itself: bool = False
    examples: tuple[Mapping[str, object], ...] = ()


FAMILIES: Registry[Family] = Registry("strategy family")


def register(family: Family) -> Family:
    """Add `family` to the registry under its name."""
    return FAMILIES.add(family.name, family)


def classify(
    entry: str | Mapping[str, object], platform: Platform, where: str
) -> tuple[str, dict[str, object]]:
    """Return the family of an entry of ``strategies:`` and that family's own keys.

    Raises
    ------
    InputError
        A name AWS does not know on this platform, no or two families' keys, a
        key that the platform lacks, or an unknown key.
    """
    if isinstance(entry, str):
        return _classify_name(entry, {}, platform, where)
    own = [key for key in entry if any(key in family.keys for _, family in FAMILIES.items())]
    if len(own) > 1:
        rule = "an entry with one kind of configuration"
        raise InputError([Problem(where, rule, f"the keys {', '.join(own)}")])
    if own and entry.get(NAME_KEY) in predefined(platform):
        return _classify_pasted(own[0], entry, platform, where)
    if own:
        return _classify_key(own[0], entry, platform, where)
    if NAME_KEY in entry:
        return _classify_name(entry[NAME_KEY], entry, platform, f"{where}.{NAME_KEY}", where)
    raise InputError([_no_family(entry, platform, where)])


def _classify_pasted(
    key: str, entry: Mapping[str, object], platform: Platform, where: str
) -> tuple[str, dict[str, object]]:
    """Read one of AWS's own configurations that stands there in full."""
    name = str(entry[NAME_KEY])
    if not describes(name, entry[key]):
        rule = f"what {name} says, or absent"
        hint = f"A name that begins with {PREFIX} is AWS's; one of your own may say otherwise."
        raise InputError([Problem(f"{where}.{key}", rule, shorten(entry[key]), hint)])
    rest = {other: value for other, value in entry.items() if other != key}
    return _classify_name(name, rest, platform, f"{where}.{NAME_KEY}", where)


def _classify_name(
    name: object, entry: Mapping[str, object], platform: Platform, where: str, at: str = ""
) -> tuple[str, dict[str, object]]:
    problems = [] if name in predefined(platform) else [_unknown_config(name, platform, where)]
    named = [family for _, family in FAMILIES.items() if family.named]
    family = _choose([family for family in named if platform in family.platforms], entry)
    problems += _unknown_keys(entry, (NAME_KEY, *family.keys, *family.companions), at)
    if problems:
        raise InputError(problems)
    config = {key: entry[key] for key in family.companions if key in entry}
    return family.name, {**config, NAME_KEY: name}


def _classify_key(
    key: str, entry: Mapping[str, object], platform: Platform, where: str
) -> tuple[str, dict[str, object]]:
    holders = [family for _, family in FAMILIES.items() if key in family.keys]
    here = [family for family in holders if platform in family.platforms]
    if not here:
        rule = f"one of the keys that {platform} has: {', '.join(_keys_of(platform))}"
        raise InputError([Problem(f"{where}.{key}", rule, key)])
    family = _choose(here, entry)
    own = (*family.keys, *family.companions)
    problems = _unknown_keys(entry, own, where)
    if problems:
        raise InputError(problems)
    return family.name, {name: entry[name] for name in own if name in entry}


def _choose(families: list[Family], entry: Mapping[str, object]) -> Family:
    """Return the family that the entry asks for, by its deploymentStyle in place by default."""
    for family in families:
        if family.variant is not None and family.variant(entry):
            return family
    style = entry.get("deploymentStyle")
    wanted = style.get("deploymentType") if isinstance(style, Mapping) else style
    by_type = {family.deployment_type: family for family in families}
    return by_type.get(str(wanted)) or by_type.get("IN_PLACE") or families[0]


def _keys_of(platform: Platform) -> list[str]:
    keys = [key for _, f in FAMILIES.items() if platform in f.platforms for key in f.keys]
    return [NAME_KEY, *dict.fromkeys(keys)]


def _unknown_keys(entry: Mapping[str, object], own: tuple[str, ...], where: str) -> list[Problem]:
    known = ("name", *own, *OVERRIDE_KEYS)
    return [unknown_name(f"{where}.{key}", str(key), known) for key in entry if key not in known]


def _unknown_config(name: object, platform: Platform, where: str) -> Problem:
    known = predefined(platform)
    # The nearest name is sought as if the prefix had been written.
    text = PREFIX + str(name).removeprefix(PREFIX)
    # ECS writes "1Minutes" and Lambda "1Minute"; each is often taken for the other.
    for near in (text.removesuffix("s"), f"{text}s"):
        if near in known:
            return Problem(where, f"one of {', '.join(known)}", shorten(name), _did_you_mean(near))
    return replace(unknown_name(where, text, known), got=shorten(name))


def _did_you_mean(name: str) -> str:
    return f"Did you mean {name!r}?"


def _no_family(entry: Mapping[str, object], platform: Platform, where: str) -> Problem:
    known = _keys_of(platform)
    strange = [key for key in entry if key not in ("name", *OVERRIDE_KEYS)]
    hint = unknown_name(where, str(strange[0]), known).hint if strange else ""
    if "deploymentConfigInfo" in entry:
        hint = "Paste what stands inside deploymentConfigInfo."
    rule = f"an entry with one of the keys {', '.join(known)}"
    return Problem(where, rule, f"the keys {', '.join(map(str, entry)) or 'none'}", hint)


def family_of(spec: StrategySpec) -> Family:
    """Return the family that builds `spec`.

    Where two families share their keys, the deployment group decides: an entry
    may leave the deployment type to the group's ``deploymentStyle``.
    """
    family = FAMILIES.get(spec.family)
    wanted = spec.group.deployment_type
    if family.deployment_type is None or wanted is None:
        return family
    pair = [f for _, f in FAMILIES.items() if f.keys == family.keys]
    return next((f for f in pair if f.deployment_type == wanted), family)


def check_spec(spec: StrategySpec, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return everything that AWS would refuse about a strategy and its group."""
    family = family_of(spec)
    together = [] if family.check_in_group is None else family.check_in_group(spec, where)
    return [
        *family.check(spec.config, where, platform, quotas),
        *check_group(spec.group, where, platform, quotas),
        *together,
    ]


def find_spec(scenario: Scenario, name: str) -> StrategySpec:
    """Return the strategy called `name`: declared, or one of AWS's configurations.

    Raises
    ------
    InputError
        Where there is neither; names the nearest.
    """
    declared = [spec.name for spec in scenario.strategies]
    if name in declared:
        return scenario.strategy(name)
    if name not in predefined(scenario.platform):
        known = list(dict.fromkeys([*declared, *predefined(scenario.platform)]))
        raise InputError([unknown_name("strategy", name, known)])
    family, config = classify(name, scenario.platform, "strategy")
    return StrategySpec(name=name, family=family, config=config, group=scenario.deployment_group)


def build_plan(scenario: Scenario, spec: StrategySpec | str) -> Plan:
    """Return the plan of a strategy of `scenario`, by value or by name.

    Raises
    ------
    InputError
        Where AWS would refuse the strategy; names the line of the scenario's file.
    """
    if not isinstance(spec, StrategySpec):
        spec = find_spec(scenario, spec)
    problems = check_spec(spec, f"strategies.{spec.name}", scenario.platform, scenario.quotas)
    if not problems:
        try:
            return family_of(spec).build(spec, scenario)
        except InputError as error:
            problems = list(error.problems)
    raise InputError(map(scenario.origin.located, problems))
