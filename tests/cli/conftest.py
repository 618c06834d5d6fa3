"""The command line in this process, and a small scenario to use it on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratsim.cli import main

SCENARIO = """\
name: small
platform: ecs
traffic: {rate: 200}
service: {instances: 4, capacity: 100, error_rate: 0.0001}
release:
  outcomes:
    - {name: healthy, probability: 0.5}
    - {name: error spike, probability: 0.5, faults: [{kind: errors, rate: 0.2}]}
alarms:
  - AlarmName: small-5xx
    Namespace: AWS/ApplicationELB
    MetricName: HTTPCode_Target_5XX_Count
    Dimensions: [{Name: TargetGroup, Value: new}]
    Statistic: Sum
    Period: 60
    EvaluationPeriods: 1
    Threshold: 50
    ComparisonOperator: GreaterThanThreshold
    TreatMissingData: notBreaching
deployment_group:
  autoRollbackConfiguration:
    {enabled: true, events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
  alarmConfiguration: {enabled: true, alarms: [{name: small-5xx}]}
strategies:
  - CodeDeployDefault.ECSAllAtOnce
  - name: careful
    trafficRoutingConfig:
      {type: TimeBasedCanary, timeBasedCanary: {canaryPercentage: 5, canaryInterval: 15}}
replications: 40
"""


class Ended(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What ``--json`` printed: one document and nothing else."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Cli = Callable[..., Ended]


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return str(path)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["stratsim", *arguments])
        monkeypatch.setenv("COLUMNS", "100")
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return call
