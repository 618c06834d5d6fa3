"""CloudFormation, SAM and Terraform: whole, linked, and accepted by their own tools."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratsim.errors import InputError, UnsupportedError
from stratsim.export import EXPORTERS, Export, write_export
from stratsim.export._cloudformation_parts import logical_ids
from stratsim.export._hcl import Block, Reference, hcl_text
from stratsim.export._terraform_parts import labels, snake
from stratsim.model.alarm import CompositeAlarm, MetricAlarm
from stratsim.model.quantities import Fixed
from stratsim.model.service import LifecycleEvent, Service
from stratsim.model.settings import DeploymentGroup

Exporting = Callable[..., Export]
FiveXX = Callable[..., MetricAlarm]

CANARY = {
    "name": "careful",
    "trafficRoutingConfig": {
        "type": "TimeBasedCanary",
        "timeBasedCanary": {"canaryPercentage": 5, "canaryInterval": 15},
    },
}
ROLLING = {
    "name": "rolling",
    "ecs": {
        "maximumPercent": 150,
        "bakeTimeInMinutes": 5,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True, "resetOnHealthyTask": True},
    },
}
ZONAL = {
    "name": "zones",
    "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 6},
    "zonalConfig": {
        "monitorDurationInSeconds": 300,
        "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 50},
    },
}
HALF = "CodeDeployDefault.HalfAtATime"
EC2_RAW = {
    "ec2TagSet": {"ec2TagSetList": [[{"Key": "a", "Value": "b", "Type": "KEY_AND_VALUE"}]]},
    "outdatedInstancesStrategy": "UPDATE",
    "terminationHookEnabled": True,
    "tags": [{"Key": "team", "Value": "web"}],
    "triggerConfigurations": [
        {
            "triggerName": "t",
            "triggerTargetArn": "arn:aws:sns:us-east-1:123456789012:t",
            "triggerEvents": ["DeploymentFailure"],
        }
    ],
}
CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("ecs", CANARY, {}),
    ("ecs", "CodeDeployDefault.ECSLinear10PercentEvery1Minutes", {}),
    ("ecs", ROLLING, {}),
    ("lambda", CANARY, {}),
    ("lambda", "CodeDeployDefault.LambdaCanary10Percent5Minutes", {}),
    ("ec2", ZONAL, {"raw": EC2_RAW}),
    ("ec2", HALF, {"deployment_type": "BLUE_GREEN"}),
]


@pytest.fixture
def case(
    export: Exporting,
    five_xx: FiveXX,
    by_version: Callable[..., MetricAlarm],
    either: Callable[..., CompositeAlarm],
) -> Callable[..., Export]:
    """An export with a metric alarm, one by metric math, and a composite of both."""

    def build(target: str, platform: str, entry: Any, **group: Any) -> Export:
        event = LifecycleEvent(duration=Fixed(5.0))
        return export(
            platform,
            entry,
            format=target,
            alarms=(
                five_xx(),
                by_version(),
                either("roll back", "checkout-5xx", "checkout-errors"),
            ),
            group=DeploymentGroup(alarm_names=("roll back",), **group),
            lifecycle={"BeforeAllowTraffic": event, "AfterAllowTraffic": event},
        )

    return build


def references(value: Any) -> Iterator[str]:
    """The resources that a part of a template refers to."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "DependsOn":
                yield from item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def template(found: Export) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(found.files["template.yaml"])
    return document


# ----------------------------------------------------------------- CloudFormation
@pytest.mark.parametrize(("platform", "entry", "group"), CASES)
def test_a_template_is_whole_and_linked(
    case: Callable[..., Export], platform: str, entry: Any, group: Any
) -> None:
    found = case("cloudformation", platform, entry, **group)

    resources = template(found)["Resources"]
    assert set(references(resources)) <= set(resources)
    kinds = sorted({item["Type"] for item in resources.values()})
    assert {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} <= set(kinds)
    if entry is ROLLING:
        assert "AWS::ECS::Service" in kinds
        assert set(found.files) == {"template.yaml"}
    else:
        group_resource = resources["DeploymentGroup"]["Properties"]
        assert group_resource["AlarmConfiguration"]["Alarms"] == [
            {"Name": {"Ref": "AlarmRollBack"}}
        ]
        assert ("DeploymentConfig" in resources) is isinstance(entry, dict)
        assert any(name.startswith("appspec.y") for name in found.files)


def test_a_template_spells_as_cloudformation_does(case: Callable[..., Export]) -> None:
    resources = template(case("cloudformation", "ec2", ZONAL, raw=EC2_RAW))["Resources"]

    assert resources["DeploymentConfig"]["Properties"]["ZonalConfig"] == {
        "MonitorDurationInSeconds": 300,
        "MinimumHealthyHostsPerZone": {"Type": "FLEET_PERCENT", "Value": 50},
    }
    group = resources["DeploymentGroup"]["Properties"]
    tag = {"Key": "a", "Value": "b", "Type": "KEY_AND_VALUE"}
    assert group["Ec2TagSet"] == {"Ec2TagSetList": [{"Ec2TagGroup": [tag]}]}
    ecs = template(case("cloudformation", "ecs", CANARY))["Resources"]["DeploymentGroup"]
    assert "ECSServices" in ecs["Properties"]


def test_composite_alarms_wait_for_what_they_read(case: Callable[..., Export]) -> None:
    resources = template(case("cloudformation", "ecs", CANARY))["Resources"]

    assert resources["AlarmRollBack"]["DependsOn"] == ["AlarmCheckout5xx", "AlarmCheckoutErrors"]


def test_what_a_resource_lacks_is_told(export: Exporting, five_xx: FiveXX) -> None:
    extra = {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}, "Tags": []}

    for target in ("cloudformation", "terraform"):
        found = export("ecs", CANARY, alarms=(five_xx(extra=extra),), format=target)

        assert any("WarmUpConfiguration" in loss for loss in found.losses)
        assert not any("WarmUp" in text for text in found.files.values())
    rolling = export("ecs", ROLLING, format="cloudformation", alarms=())
    assert any("resetOnHealthyTask" in loss for loss in rolling.losses)


def test_logical_ids_and_labels_differ() -> None:
    names = ["a-b", "a b", "検査", "9", "A-B", "x" * 300]

    assert len(set(logical_ids("Alarm", names).values())) == len(names)
    for logical in logical_ids("Alarm", names).values():
        assert re.fullmatch(r"[A-Za-z0-9]{1,255}", logical)
    assert len(set(labels(names).values())) == len(names)
    for label in labels(names).values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", label)


# ---------------------------------------------------------------------------- SAM
def test_sam_knows_the_new_version(case: Callable[..., Export]) -> None:
    found = case("sam", "lambda", CANARY)

    resources = template(found)["Resources"]
    queries = resources["AlarmCheckoutErrors"]["Properties"]["Metrics"]
    named = {d["Name"]: d["Value"] for d in queries[1]["MetricStat"]["Metric"]["Dimensions"]}
    assert named["ExecutedVersion"] == {"Fn::GetAtt": ["Function", "Version.Version"]}
    assert not any("ExecutedVersion" in loss for loss in found.losses)
    assert "new_version" not in {placeholder.key for placeholder in found.placeholders}
    assert set(references(resources)) <= set(resources)
    preference = resources["Function"]["Properties"]["DeploymentPreference"]
    assert preference == {
        "Type": {"Ref": "DeploymentConfig"},
        "Alarms": [{"Ref": "AlarmRollBack"}],
        "Hooks": {
            "PreTraffic": "CodeDeployHook_BeforeAllowTraffic",
            "PostTraffic": "CodeDeployHook_AfterAllowTraffic",
        },
    }
    assert any("DEPLOYMENT_STOP_ON_REQUEST" in loss for loss in found.losses)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("LambdaAllAtOnce", "AllAtOnce"),
        ("LambdaCanary10Percent5Minutes", "Canary10Percent5Minutes"),
        ("LambdaLinear10PercentEvery1Minute", "Linear10PercentEvery1Minute"),
    ],
)
def test_sam_has_its_own_names_for_predefined_configurations(
    export: Exporting, name: str, kind: str
) -> None:
    found = export("lambda", f"CodeDeployDefault.{name}", format="sam", alarms=())

    function = template(found)["Resources"]["Function"]["Properties"]
    assert function["DeploymentPreference"]["Type"] == kind
    assert function["AutoPublishAlias"] == "live", "SAM prefers nothing without an alias"


def test_sam_writes_the_service_and_only_what_was_named(export: Exporting) -> None:
    service = Service(runtime="nodejs22.x", memory=1024, provisioned_concurrency=5)
    names = {"role": "arn:aws:iam::123456789012:role/Deployer", "function": "pay"}
    raw = {"triggerConfigurations": EC2_RAW["triggerConfigurations"], "tags": []}

    found = export(
        "lambda",
        CANARY,
        format="sam",
        service=service,
        names=names,
        alarms=(),
        group=DeploymentGroup(raw=raw, ignore_poll_alarm_failure=True),
    )

    function = template(found)["Resources"]["Function"]["Properties"]
    assert function["Runtime"] == "nodejs22.x"
    assert function["MemorySize"] == 1024
    assert function["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 5}
    assert function["DeploymentPreference"]["Role"] == names["role"]
    assert function["DeploymentPreference"]["TriggerConfigurations"][0]["TriggerName"] == "t"
    told = " ".join(found.losses)
    assert "tags" in told
    assert "ignorePollAlarmFailure" in told


def test_sam_is_for_lambda(export: Exporting) -> None:
    with pytest.raises(UnsupportedError, match="platform lambda, but got 'ecs'"):
        export("ecs", CANARY, format="sam")


@pytest.mark.parametrize("target", [name for name in EXPORTERS if name != "sam"])
def test_no_format_drops_an_alarm_to_fit(export: Exporting, target: str) -> None:
    group = DeploymentGroup(alarm_names=tuple(f"alarm-{number}" for number in range(11)))

    with pytest.raises(InputError, match="at most 10 alarms"):
        export("lambda", CANARY, format=target, group=group)


def test_sam_drops_no_alarm_to_fit(export: Exporting) -> None:
    group = DeploymentGroup(alarm_names=tuple(f"alarm-{number}" for number in range(11)))

    with pytest.raises(InputError, match="at most 10 alarms"):
        export("lambda", CANARY, format="sam", group=group)


# ---------------------------------------------------------------------- Terraform
def test_hcl_is_laid_out_and_escaped() -> None:
    block = Block(
        "resource",
        ("kind", "a"),
        {
            "name": 'say "${x}" %{y}\n',
            "n": 2,
            "on": True,
            "none": None,
            "to": [Reference("a.b"), 1.5],
        },
        (Block("inner", (), {"tags": {"a key": "ü", "b": "c"}}),),
    )

    assert hcl_text([block]) == (
        'resource "kind" "a" {\n'
        '  name = "say \\"$${x}\\" %%{y}\\n"\n'
        "  n    = 2\n"
        "  on   = true\n"
        "  to   = [a.b, 1.5]\n"
        "\n"
        "  inner {\n"
        "    tags = {\n"
        '      "a key" = "ü"\n'
        '      b       = "c"\n'
        "    }\n"
        "  }\n"
        "}\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("AlarmName", "alarm_name"),
        ("ThresholdMetricId", "threshold_metric_id"),
        ("firstZoneMonitorDurationInSeconds", "first_zone_monitor_duration_in_seconds"),
    ],
)
def test_the_provider_writes_snakes(key: str, word: str) -> None:
    assert snake(key) == word


@pytest.mark.parametrize(("platform", "entry", "group"), CASES)
def test_main_tf_refers_to_what_it_declares(
    case: Callable[..., Export], platform: str, entry: Any, group: Any
) -> None:
    text = case("terraform", platform, entry, **group).files["main.tf"]

    declared = {
        ".".join(pair) for pair in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)
    }
    used = set(re.findall(r"(?<![\w\"/.])(aws_\w+\.\w+)", text))
    assert used <= declared
    assert "aws_cloudwatch_composite_alarm.roll_back" in used


def test_terraform_tells_what_its_service_lacks(case: Callable[..., Export]) -> None:
    found = case("terraform", "ecs", ROLLING)

    told = " ".join(found.losses)
    assert "bakeTimeInMinutes" in told
    assert "resetOnHealthyTask" in told
    assert "deployment_maximum_percent = 150" in found.files["main.tf"]


# ---------------------------------------------------------- the tools' own checks
@pytest.mark.slow
@pytest.mark.parametrize("target", ["cloudformation", "sam"])
def test_cfn_lint_finds_nothing(case: Callable[..., Export], tmp_path: Path, target: str) -> None:
    command = shutil.which("cfn-lint")
    if command is None:
        pytest.skip("needs the `cfn-lint` command")
    files = []
    for number, (platform, entry, group) in enumerate(CASES):
        if target == "cloudformation" or platform == "lambda":
            found = case(target, platform, entry, **group)
            files += [
                str(p) for p in write_export(found, tmp_path / str(number)) if "temp" in p.name
            ]
    assert files

    done = subprocess.run(
        [command, "--format", "parseable", "--regions", "us-east-1", "--", *files],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.slow
def test_terraform_formats_nothing_anew(case: Callable[..., Export], tmp_path: Path) -> None:
    command = shutil.which("terraform")
    if command is None:
        pytest.skip("needs the `terraform` command")
    for number, (platform, entry, group) in enumerate(CASES):
        write_export(case("terraform", platform, entry, **group), tmp_path / str(number))

    done = subprocess.run(
        [command, "fmt", "-check", "-diff", "-recursive", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.slow
def test_terraform_validates_every_resource(case: Callable[..., Export], tmp_path: Path) -> None:
    """Needs the provider without a download: a configuration that names a local mirror."""
    command = shutil.which("terraform")
    settings = Path(os.environ.get("TF_CLI_CONFIG_FILE") or "none")
    local = settings.is_file() and "filesystem_mirror" in settings.read_text(encoding="utf-8")
    if command is None or not local:
        pytest.skip("needs `terraform`, and TF_CLI_CONFIG_FILE with a filesystem_mirror")
    for number, (platform, entry, group) in enumerate(CASES):
        folder = tmp_path / str(number)
        write_export(case("terraform", platform, entry, **group), folder)
        for step in ("init", "validate"):
            done = subprocess.run(
                [command, step, "-no-color"],
                cwd=folder,
                env={**os.environ, "CHECKPOINT_DISABLE": "1"},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
