"""Names: the table of ``names:``, and names that AWS and file systems accept."""

import json
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stratsim.errors import InputError
from stratsim.export import EXPORTERS, RULES, Export, check_names, export_strategy
from stratsim.export._aws_names import codedeploy_name, file_stems
from stratsim.export._names import Names, partition_of
from stratsim.model.alarm import MetricAlarm
from stratsim.model.settings import DeploymentGroup

Exporting = Callable[..., Export]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.key)
def test_every_placeholder_is_valid(rule: Any) -> None:
    value = rule.placeholder.format(partition="aws", region="us-east-1", account="123456789012")

    assert rule.accepts(value) or not value


def test_the_reference_page_has_every_name(root: Path) -> None:
    page = (root / "docs" / "reference" / "export.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", page, re.MULTILINE))

    named = {key: what for key, what in rows.items() if key in RULES}
    assert named == {rule.key: rule.what for rule in RULES.values()}
    for rule in RULES.values():
        shown = rule.placeholder.format(partition="aws", region="REGION", account="ACCOUNT")
        assert f"`{shown}` |" in page or not rule.placeholder, rule.key
    assert set(EXPORTERS) <= set(rows), "every format has its row"


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("account", ["012345678901"], ["12345678901", "abcdefghijkl"]),
        ("region", ["eu-west-1", "us-gov-west-1", "ap-southeast-2"], ["Europe", "eu-west"]),
        ("role", ["Deployer", "arn:aws-cn:iam::123456789012:role/a/b"], ["", "a b", "arn:aws:s3"]),
        ("application", ["a", "A+=,.@_-"], ["", "a b", "x" * 101]),
        ("target_group", ["web", "targetgroup/web/0a"], ["-web", "x" * 33, "targetgroup/web", "a_b"]),
        ("load_balancer", ["web", "app/web/0a", "net/web/0a"], ["web/0a", "gwy/web/0a"]),
        ("listener", [RULES["listener"].placeholder.format(partition="aws", region="r", account="1" * 12)], ["web"]),
        ("task_definition", ["shop:7", "arn:aws:ecs:r:123456789012:task-definition/s:1"], ["shop", "s:0"]),
        ("port", ["1", "80", "65535"], ["0", "65536", "http", "080"]),
        ("function", ["a-b_c"], ["a.b", "x" * 65]),
        ("alias", ["live", "v1"], ["1", ""]),
        ("new_version", ["7"], ["$LATEST", "0", "v7"]),
        ("topic", ["arn:aws:sns:us-east-1:123456789012:t"], ["t"]),
        ("auto_scaling_group", ["my group/1"], ["", "a:b", "a\nb"]),
        ("hook_AfterInstall", ["fn", "bin/after.sh"], ["/bin/after.sh", ""]),
    ],
)  # fmt: skip
def test_patterns_take_what_aws_takes(key: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert check_names({key: value}) == [], value
    for value in bad:
        assert len(check_names({key: value})) == 1, value


def test_all_problems_of_names_come_at_once() -> None:
    problems = check_names({"clutser": "x", "account": 12345678901, "port": 80})

    assert [str(problem) for problem in problems] == [
        f"names.clutser: must be one of {', '.join(RULES)}, but got 'clutser'. Did you mean 'cluster'?",
        (
            "names.account: must be an AWS account id of 12 digits, but got 12345678901."
            " Quote it, so that leading zeros stay."
        ),
    ]


def test_unusable_names_stop_an_export(export: Exporting) -> None:
    with pytest.raises(InputError, match=r"names\.role: must be"):
        export("ecs", "CodeDeployDefault.ECSAllAtOnce", names={"role": "my role"})


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_arns_are_of_the_partition_of_the_region(region: str, partition: str) -> None:
    names = Names({"region": region, "account": "210987654321", "task_definition": "shop:7"})

    assert partition_of(region) == partition
    assert names.arn("role", "here", "iam", "role/").startswith(f"arn:{partition}:iam::2109876")
    assert names.arn("task_definition", "here", "ecs", "task-definition/") == (
        f"arn:{partition}:ecs:{region}:210987654321:task-definition/shop:7"
    )
    assert [placeholder.key for placeholder in names.placeholders] == ["role"]


def test_a_bare_role_becomes_an_arn_of_the_account() -> None:
    names = Names({"role": "Deployer"})

    assert names.arn("role", "here", "iam", "role/") == "arn:aws:iam::123456789012:role/Deployer"
    assert [placeholder.key for placeholder in names.placeholders] == ["account"]


# -------------------------------------------------------------------- properties
CODEDEPLOY = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")


@given(st.text(max_size=300))
def test_any_text_becomes_a_codedeploy_name(text: str) -> None:
    name = codedeploy_name(text)

    assert CODEDEPLOY.fullmatch(name)
    assert not name.lower().startswith("codedeploydefault.")
    assert codedeploy_name(name) == name


def test_codedeploy_names_stay_where_they_can() -> None:
    assert codedeploy_name("canary long wait") == "canary-long-wait"
    assert codedeploy_name("Shop.Canary@5") == "Shop.Canary@5"
    assert codedeploy_name("CodeDeployDefault.Mine") == "Custom.Mine"
    assert codedeploy_name("検査") != codedeploy_name("検証")


@given(st.lists(st.text(min_size=1, max_size=300), max_size=12))
def test_any_names_become_different_safe_file_stems(names: list[str]) -> None:
    stems = file_stems(names)

    assert set(stems) == set(names)
    assert len({stem.casefold() for stem in stems.values()}) == len(stems)
    for stem in stems.values():
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,120}", stem)
        assert PurePosixPath(stem).name == PureWindowsPath(stem).name == stem
        assert stem not in {".", ".."}


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["checkout-5xx", "p99.9_slow"], ["checkout-5xx", "p99.9_slow"]),
        (["a b/c", "../../etc/passwd"], ["a-b-c", "etc-passwd"]),
    ],
)
def test_file_stems_read_like_their_names(names: list[str], stems: list[str]) -> None:
    assert list(file_stems(names).values()) == stems


def test_names_that_clash_get_a_digest_but_a_plain_one_stays() -> None:
    stems = file_stems(["a/b", "a-b", "A-B"])

    assert stems["a-b"] == "a-b"
    assert re.fullmatch(r"a-b-[0-9a-f]{8}", stems["a/b"])
    assert re.fullmatch(r"A-B-[0-9a-f]{8}", stems["A-B"])


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255)


@given(scenario=NAME, strategy=NAME, alarms=st.lists(NAME, max_size=4, unique=True))
def test_any_names_give_an_export_that_aws_accepts(
    make: Callable[..., Any],
    five_xx: Callable[..., MetricAlarm],
    refused: Callable[[Export], list[str]],
    scenario: str,
    strategy: str,
    alarms: list[str],
) -> None:
    """Whatever people call their things: valid names, safe files, readable YAML."""
    entry = {"name": strategy, "steps": [{"weight": 20, "pause": "7m"}]}
    given_names = make(
        "ecs",
        entry,
        name=scenario,
        alarms=tuple(five_xx(name) for name in alarms),
        group=DeploymentGroup(alarm_names=tuple(alarms)),
    )

    found = export_strategy(given_names, strategy)

    assert refused(found) == []
    assert len(found.files) == len(alarms) + 4
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,150}", name) for name in found.files)
    assert yaml.safe_load(found.files["appspec.yaml"])["version"] == 0
    written = [
        json.loads(text)["AlarmName"]
        for name, text in found.files.items()
        if name.startswith("alarm-")
    ]
    assert written == alarms
