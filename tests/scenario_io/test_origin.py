"""What shows only after a scenario was read still names the file and the line."""

import re
from pathlib import Path

import pytest

import stratsim
from stratsim.errors import InputError
from stratsim.model.origin import Origin

FLEET = """\
name: fleet
platform: ec2
service:
  startup: 60s
  instances: 1200
"""
IN_PLACE = "CodeDeployDefault.OneAtATime"

TRACE = """\
name: short
platform: lambda
traffic:
  dispersion: 2
  profile:
    kind: trace
    file: short.csv
"""
LINEAR = "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes"

STRATEGIES = f"""\
name: uncontrolled
platform: ec2
strategies:
  - {IN_PLACE}
  - name: green.fleet
    deploymentConfigName: {IN_PLACE}
    deploymentStyle:
      deploymentType: BLUE_GREEN
      deploymentOption: WITHOUT_TRAFFIC_CONTROL
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A scenario of ten minutes of traffic, which no ten steps of ten minutes fit into."""
    rows = [f"2026-01-01T00:{minute:02d}:00Z,600\n" for minute in range(10)]
    (tmp_path / "short.csv").write_text("timestamp,value\n" + "".join(rows), encoding="utf-8")
    path = tmp_path / "short.yaml"
    path.write_text(TRACE, encoding="utf-8")
    return path


def test_a_fleet_above_the_limit_names_the_line_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET, encoding="utf-8")
    scenario = stratsim.load(path)

    start = f"^{re.escape(str(path))}:5: service.instances: must be at most 1000 EC2 instances"
    with pytest.raises(InputError, match=start):
        stratsim.plan(scenario, IN_PLACE)
    with pytest.raises(InputError, match=start):
        stratsim.compare(scenario, replications=2)


@pytest.mark.parametrize("engine", ["batch", "des"])
def test_a_trace_that_ends_too_early_names_the_line_of_its_profile(
    trace: Path, engine: str
) -> None:
    scenario = stratsim.load(trace)

    start = f"^{re.escape(str(trace))}:5: traffic.profile: must be long enough for the run of"
    with pytest.raises(InputError, match=start) as caught:
        stratsim.compare(scenario, strategies=[LINEAR], replications=2, engine=engine)
    assert "but got a trace that ends after 10m." in str(caught.value)


def test_a_key_of_a_strategy_has_its_line_under_the_strategy_s_name(tmp_path: Path) -> None:
    path = tmp_path / "uncontrolled.yaml"
    path.write_text(STRATEGIES, encoding="utf-8")

    with pytest.raises(InputError) as caught:
        stratsim.plan(stratsim.load(path), "green.fleet")

    assert str(caught.value).startswith(
        f"{path}:9: strategies.green.fleet.deploymentStyle.deploymentOption: must be "
    )


def test_what_came_from_no_file_has_no_line(tmp_path: Path) -> None:
    told = "^service.instances: must be at most 1000 EC2 instances"
    for scenario in (
        stratsim.load(FLEET),
        stratsim.load({"name": "x", "platform": "ec2", "service": {"instances": 1200}}),
    ):
        with pytest.raises(InputError, match=told):
            stratsim.plan(scenario, IN_PLACE)

    # a changed scenario is another than the one in the file
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET.replace("1200", "4"), encoding="utf-8")
    changed = stratsim.load(path).with_values({"service.instances": 1200})
    with pytest.raises(InputError, match=told):
        stratsim.plan(changed, IN_PLACE)


def test_a_number_of_a_distribution_names_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "start.yaml"
    lines = [
        "name: x",
        "platform: ecs",
        "service:",
        "  startup:",
        "    median: -90s",
        "    p95: 9s",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(InputError, match=f"^{re.escape(str(path))}:5: service.startup.median: "):
        stratsim.load(path)


def test_the_nearest_key_above_stands_for_one_that_is_not_written() -> None:
    origin = Origin("a.yaml", {"service": 3, "service.startup": 4})

    assert origin.line("service.startup.p95") == 4
    assert origin.line("service.instances") == 3
    assert origin.line("traffic.rate") == 1
