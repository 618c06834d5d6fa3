"""Names of lifecycle events by platform.

Source: CodeDeploy User Guide, "AppSpec 'hooks' section".
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
_LAMBDA = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

_HOOKS = (
    *("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)

EVENTS: dict[Platform, tuple[str, ...]] = {"ec2": _SERVER, "ecs": _ECS, "lambda": _LAMBDA}
"""Every lifecycle event that may be given a duration."""

HOOKS: dict[Platform, tuple[str, ...]] = {
    "ec2": _SERVER,
    "ecs": _HOOKS,
    "lambda": ("BeforeAllowTraffic", "AfterAllowTraffic"),
}
"""Every lifecycle event that a fault may fail: on EC2 any, else those with a hook."""
