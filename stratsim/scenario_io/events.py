"""Names of lifecycle events by platform.

Source: CodeDeploy User Guide, "AppSpec 'hooks' section"; ECS API reference.
"""

from stratsim.model.service import Platform

_SERVER = (
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall"),
    *("ApplicationStart", "ValidateService"),
    *("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic"),
    *("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
)
_ECS = (
    *("BeforeInstall", "Install", "AfterInstall"),
    *("AllowTestTraffic", "AfterAllowTestTraffic"),
    *("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
)
# ECS API, DeploymentLifecycleHook: the stages of ECS's own blue/green deployments.
STAGES = (
    *("RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP"),
    *("TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"),
    *("PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"),
)
"""Stages of ECS's own deployments."""
_LAMBDA = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

_HOOKS = (
    *("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)

EVENTS: dict[Platform, tuple[str, ...]] = {
    "ec2": _SERVER,
    "ecs": (*_ECS, *STAGES),
    "lambda": _LAMBDA,
}
"""Every lifecycle event that may be given a duration."""

HOOKS: dict[Platform, tuple[str, ...]] = {
    "ec2": _SERVER,
    "ecs": (*_HOOKS, *STAGES),
    "lambda": ("BeforeAllowTraffic", "AfterAllowTraffic"),
}
"""Every lifecycle event that a fault may fail: on EC2 any, else those with a hook."""
