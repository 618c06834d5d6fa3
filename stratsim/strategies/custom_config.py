"""What stands around a configuration that was pasted from the AWS command line."""

import re

from stratsim.errors import Problem, shorten
from stratsim.model.service import Platform
from stratsim.strategies.families import NAME_KEY
from stratsim.strategies.predefined import PREFIX
from stratsim.strategies.shapes import Config

PASTED_KEYS = (NAME_KEY, "deploymentConfigId", "createTime", "computePlatform")
"""Keys that ``aws deploy get-deployment-config`` prints beside the configuration."""

_PLATFORM = {"ec2": "Server", "ecs": "ECS", "lambda": "Lambda"}
# CodeDeploy API, CreateDeploymentConfig: length and pattern of the name.
_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")


def check_pasted(config: Config, where: str, platform: Platform, *, custom: bool) -> list[Problem]:
    """Return the problems of the platform and of the name of a configuration of one's own."""
    problems = []
    compute = config.get("computePlatform", _PLATFORM[platform])
    if compute != _PLATFORM[platform]:
        rule = f"{_PLATFORM[platform]}, as the scenario's platform is {platform}"
        problems.append(Problem(f"{where}.computePlatform", rule, shorten(compute)))
    if custom and NAME_KEY in config:
        problems += _check_name(config[NAME_KEY], f"{where}.{NAME_KEY}")
    return problems


def _check_name(name: object, where: str) -> list[Problem]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        rule = "1 to 100 characters of letters, digits and + = , . @ _ -"
        return [Problem(where, rule, shorten(name))]
    if name.startswith(PREFIX):
        hint = "AWS reserves it; leave out the configuration to use AWS's own."
        return [Problem(where, f"a name that does not begin with {PREFIX}", shorten(name), hint)]
    return []
