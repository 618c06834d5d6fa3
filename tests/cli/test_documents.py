"""Every document that ``--json`` prints has the shape that users rely on."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter

from stratsim.measures import MEASURES, PROBABILITIES

Number = FiniteFloat | None


class Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class Provenance(Document):
    scenario_hash: str = Field(pattern="^[0-9a-f]{64}$")
    seed: int
    engine: str | None
    replications: int | None
    versions: dict[str, str | None]
    command: str = Field(pattern="^stratsim ")


class Result(Document):
    schema_version: Literal[1]
    provenance: Provenance
    scenario: str


class Statistics(Document):
    model_config = ConfigDict(strict=True, extra="forbid")
    mean: Number
    ci_low: Number
    ci_high: Number
    p50: Number
    p95: Number
    p99: Number
    max: Number
    cvar95: Number
    count: int


class Probability(Document):
    mean: Number
    ci_low: Number
    ci_high: Number


class Estimates(Document):
    measures: dict[str, Statistics]
    probabilities: dict[str, Probability]


class Outcome(Estimates):
    replications: int


class Entry(Estimates):
    strategy: str
    by_outcome: dict[str, Outcome]


class Compare(Result):
    seed: int
    replications: int
    engine: str
    strategies: list[Entry] = Field(min_length=1)
    pareto: list[str] = Field(min_length=1)


class Event(Document):
    time_s: FiniteFloat
    kind: str
    detail: str


class Weight(Document):
    time_s: FiniteFloat
    new_share: FiniteFloat = Field(ge=0, le=1)


class AlarmChange(Document):
    time_s: FiniteFloat
    alarm: str
    before: Literal["", "OK", "ALARM", "INSUFFICIENT_DATA"] = Field(alias="from")
    after: Literal["OK", "ALARM", "INSUFFICIENT_DATA"] = Field(alias="to")


class Metric(Document):
    time_s: FiniteFloat
    namespace: str
    metric: str
    dimensions: dict[str, str]
    statistic: str
    value: FiniteFloat


class Run(Result):
    strategy: str
    seed: int
    outcome_name: str
    status: Literal["Succeeded", "Failed", "Stopped"]
    outcome: dict[str, Number]
    events: list[Event] = Field(min_length=1)
    weights: list[Weight] = Field(min_length=1)
    alarms: list[AlarmChange] = Field(min_length=1)
    metrics: list[Metric] = Field(min_length=1)


class Step(Document):
    time_s: FiniteFloat
    event: str
    new_share: FiniteFloat = Field(ge=0, le=1)


class Plan(Result):
    strategy: str
    duration_s: Number
    steps: list[Step] = Field(min_length=1)
    minimum_healthy: int | None
    concurrency: int | None


class Requirement(Document):
    key: str
    limit: FiniteFloat
    mean: Number
    ci_low: Number
    ci_high: Number
    met: bool | None


class Recommend(Result):
    strategy: str | None
    verdict: Literal["recommended", "none meets", "cannot tell"]
    reasons: list[str] = Field(min_length=1)
    requirements: list[Requirement]
    runner_up: str | None
    files: list[str]


def check(shape: type[Document], text: str) -> Any:
    return TypeAdapter(shape).validate_json(text)


def test_plan(cli: Any, scenario: str) -> None:
    check(Plan, cli("plan", scenario, "careful", "--json").out)


@pytest.mark.parametrize("outcome", ["healthy", "error spike"])
def test_run(cli: Any, scenario: str, outcome: str) -> None:
    found = check(Run, cli("run", scenario, "careful", "--outcome", outcome, "--json").out)

    assert set(found.outcome) == set(MEASURES)


def test_compare(cli: Any, scenario: str) -> None:
    found = check(Compare, cli("compare", scenario, "--json").out)

    for entry in found.strategies:
        assert set(entry.measures) == set(MEASURES)
        assert set(entry.probabilities) == set(PROBABILITIES)
        assert sum(inside.replications for inside in entry.by_outcome.values()) == 40


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (("--require", "peak_exposure<=1"), (0, 1)),
        (("--require", "failed_requests<=0"), (1,)),
        (("--minimize", "deployment_duration_s"), (0,)),
    ],
)
def test_recommend(
    cli: Any, scenario: str, tmp_path: Path, limits: tuple[str, ...], code: tuple[int, ...]
) -> None:
    out = str(tmp_path / "out")
    ended = cli("recommend", scenario, *limits, "--export", out, "--json")
    found = check(Recommend, ended.out)

    assert ended.code in code
    assert (found.verdict == "recommended") == (ended.code == 0) == bool(found.files)
    assert (found.strategy is None) == (ended.code == 1)
