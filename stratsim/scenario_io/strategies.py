"""``strategies:``: each entry to its family, its configuration and its group."""

from collections.abc import Mapping
from typing import Any

from stratsim.errors import InputError, shorten
from stratsim.model.markers import Text
from stratsim.model.service import Platform
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.scenario_io.checking import Problems, joined, shown
from stratsim.scenario_io.group import GROUP_KEYS, GroupReader

MAX_STRATEGIES = 64
NAME = Text(1, 255, kind="a name")
_NOT_OVERRIDES = {"deploymentConfigName"}
"""A member of CreateDeploymentGroup that says which strategy an entry is."""


def read_strategies(
    value: object,
    platform: Platform,
    group: DeploymentGroup | None,
    groups: GroupReader,
    problems: Problems,
) -> tuple[StrategySpec, ...] | None:
    """Return the strategies; every predefined configuration where there are none."""
    from stratsim.strategies.predefined import predefined

    if value is None:
        value = list(predefined(platform))
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_STRATEGIES:
        rule = f"a list of 1 to {MAX_STRATEGIES} strategies"
        got = f"{len(value)} of them" if isinstance(value, list) else shorten(value)
        hint = "Leave the key out for every predefined configuration of the platform."
        problems.add("strategies", rule, got, hint)
        return None
    reader = _Reader(platform, group, groups, problems)
    found = [reader.read(entry, joined("strategies", i)) for i, entry in enumerate(value)]
    return tuple(spec for spec in found if spec is not None)


class _Reader:
    def __init__(
        self,
        platform: Platform,
        group: DeploymentGroup | None,
        groups: GroupReader,
        problems: Problems,
    ) -> None:
        self.platform = platform
        self.group = group
        self.groups = groups
        self.problems = problems
        self.names: set[str] = set()

    def read(self, entry: object, path: str) -> StrategySpec | None:
        if isinstance(entry, str):
            return self._spec(entry, entry, {}, path)
        if not isinstance(entry, Mapping):
            rule = "a predefined configuration's name or a mapping"
            self.problems.add(path, rule, shown(entry))
            return None
        name = entry.get("name")
        if name is None:
            self.problems.add(joined(path, "name"), NAME.rule, "nothing")
        else:
            name = self.problems.parse(joined(path, "name"), NAME, name)
        changes = {
            key: inner
            for key, inner in entry.items()
            if key in GROUP_KEYS and key not in _NOT_OVERRIDES
        }
        return self._spec(name, entry, changes, path)

    def _spec(
        self, name: str | None, entry: Any, changes: dict[str, Any], path: str
    ) -> StrategySpec | None:
        self._check_name(name, entry, path)
        kind = self._classify(entry, path)
        # without a usable group the entry is still checked, against the defaults
        group: DeploymentGroup | None = self.group or DeploymentGroup()
        if changes and group is not None:
            group = self.groups.override(group, changes, path)
        if kind is None or group is None:
            return None
        spec = StrategySpec(name=name or path, family=kind[0], config=kind[1], group=group)
        return self._checked(spec, path, own_group=bool(changes))

    def _check_name(self, name: str | None, entry: Any, path: str) -> None:
        if name is None:
            return
        if name in self.names:
            where = path if isinstance(entry, str) else joined(path, "name")
            self.problems.add(where, "a name that no other strategy has", repr(name))
        self.names.add(name)

    def _classify(self, entry: Any, path: str) -> tuple[str, Mapping[str, object]] | None:
        from stratsim.strategies import classify

        try:
            return classify(entry, self.platform, path)
        except InputError as error:
            self.problems.found += error.problems
            return None

    def _checked(self, spec: StrategySpec, path: str, *, own_group: bool) -> StrategySpec | None:
        from stratsim.strategies import check_spec

        found = check_spec(spec, path, self.platform, self.groups.quotas)
        if not own_group:
            # what is wrong with the common group is told once, where it stands
            common = tuple(joined(path, key) for key in GROUP_KEYS if key not in _NOT_OVERRIDES)
            found = [problem for problem in found if not problem.where.startswith(common)]
        self.problems.found += found
        return None if found else spec
