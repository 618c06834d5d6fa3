"""The command line in this process, and a small scenario to use it on."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratsim.cli import main

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background: the commands that are tested would ignore Ctrl-C as well
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
    def call(*arguments: str, columns: int = 100) -> Ended:
        monkeypatch.setattr("sys.argv", ["stratsim", *arguments])
        monkeypatch.setenv("COLUMNS", str(columns))
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return call


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def interrupted() -> Cli:
    """A function that sends Ctrl-C to a command and its workers once its bar shows.

    It shows on a terminal alone, so stderr is one; what is returned of it is all but
    the bar.
    """
    return _interrupted


def _interrupted(*arguments: str, bar: str) -> Ended:
    master, slave = os.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "stratsim", *arguments],
        stdout=subprocess.PIPE, stderr=slave, text=True, start_new_session=True,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)
    try:
        told = _read(master, until=bar)
        os.killpg(running.pid, signal.SIGINT)
        told += _read(master)
        out, _ = running.communicate(timeout=20)
    finally:
        running.kill()
        os.close(master)
    assert bar in told, told
    lines = re.split(r"[\r\n]+", _ESCAPES.sub("", told))
    err = "".join(f"{line}\n" for line in lines if line.strip() and bar not in line)
    return Ended(running.returncode, out, err)


def _read(terminal: int, until: str | None = None) -> str:
    """Read what is told on a terminal until a word comes, or until nobody is there."""
    told = b""
    while until is None or until.encode() not in told:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # so a terminal tells its end
            break
        if not part:
            break
        told += part
    return told.decode(errors="replace")
