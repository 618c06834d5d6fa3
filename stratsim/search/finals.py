"""The last designs of a race, run as any strategy is, in worlds of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stratsim.comparison import Comparison
from stratsim.model.scenario import Alarm, Scenario
from stratsim.search.screen import paging_only
from stratsim.search.space import Space, spec_of
from stratsim.study import compare_strategies

Entry = tuple[int, int]
"""A shape and an alarm by number; the last alarm is none."""


def design_name(space: Space, entry: Entry) -> str:
    """Return a design in words."""
    shape, alarm = space.shapes[entry[0]], entry[1]
    if alarm == space.alarms:
        return f"{shape.name}, no alarm"
    probe, rule, threshold = space.part(alarm)
    return f"{shape.name}, {probe.words(rule, threshold)}"


def design_scenario(scenario: Scenario, space: Space, entry: Entry) -> Scenario:
    """Return the scenario with one design in the place of its strategies and group alarms."""
    shape, name = space.shapes[entry[0]], design_name(space, entry)
    others = paging_only(scenario)
    watched: tuple[Alarm, ...] = ()
    if entry[1] < space.alarms:
        alarm = space.alarm(entry[1])
        taken = {other.AlarmName for other in others}
        while alarm.AlarmName in taken:
            alarm = replace(alarm, AlarmName=f"{alarm.AlarmName}-design")
        watched = (alarm,)
    spec = spec_of(scenario, shape, name, tuple(alarm.AlarmName for alarm in watched))
    alarms = (*others, *watched)
    source = {
        **scenario.source,
        "alarms": [alarm.to_aws() for alarm in alarms],
        "deployment_group": dict(spec.group.raw),
        "strategies": [{"name": name, **shape.entry}],
    }
    return replace(
        scenario,
        alarms=alarms,
        deployment_group=spec.group,
        strategies=(spec,),
        source=source,
    )


@dataclass(slots=True, eq=False)
class Finals:
    """Runs designs to the end; what has been run is kept."""

    scenario: Scenario
    space: Space
    seed: int
    workers: int | None = None
    known: dict[tuple[Entry, int], Comparison] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    def compare(
        self,
        entries: Sequence[Entry],
        replications: int,
        told: Callable[[float], None] = lambda _: None,
    ) -> Comparison:
        """Return the comparison of some designs, in the same worlds."""
        found = []
        for done, entry in enumerate(entries, start=1):
            found.append(self._one(entry, replications))
            told(done / len(entries))
        return joined(self.scenario, found)

    def _one(self, entry: Entry, replications: int) -> Comparison:
        key = (entry, replications)
        self.entries[design_name(self.space, entry)] = entry
        if key not in self.known:
            self.known[key] = compare_strategies(
                design_scenario(self.scenario, self.space, entry),
                replications,
                self.seed,
                "batch",
                self.workers,
                stratify=self.scenario.noise == "sampled",
            )
        return self.known[key]


def joined(scenario: Scenario, parts: Sequence[Comparison]) -> Comparison:
    """Return comparisons in the same worlds as one."""
    from stratsim.provenance import provenance

    first = parts[0]
    warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
    own = provenance(
        scenario,
        engine=first.engine,
        replications=first.replications,
        seed=first.seed,
        command="recommend",
    )
    return replace(
        first,
        samples=tuple(sample for part in parts for sample in part.samples),
        warnings=tuple(warnings),
        provenance=own | {k: v for k, v in first.provenance.items() if k == "stratify"},
    )
