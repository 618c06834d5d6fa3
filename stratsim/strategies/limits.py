"""AWS's limits on deployments, each with its page and the key that raises it.

``quotas:`` in a scenario may name any of these keys with the figure that an
account has been granted; every check below then holds against that figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stratsim.errors import Problem
from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, DeploymentGroup

_GUIDE = "https://docs.aws.amazon.com/codedeploy/latest/userguide"
_API = "https://docs.aws.amazon.com/codedeploy/latest/APIReference"
_ECS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide"
_CFN = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"

Quotas = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One documented limit; ``key`` is its name under ``quotas:``."""

    key: str
    value: float
    meaning: str
    page: str

    def under(self, quotas: Quotas) -> float:
        """Return the figure that holds for an account with these `quotas`."""
        return quotas.get(self.key, self.value)

    @property
    def hint(self) -> str:
        """What a message says after the rule."""
        return f"{self.meaning} ({self.page}); quotas.{self.key} sets another limit."


INCREMENT_PERCENT = Limit(
    key="increment_percent",
    value=99,
    meaning="AWS shifts at most 99 % of the traffic in one increment",
    page=f"{_GUIDE}/limits.html",
)
SHIFT_MINUTES = Limit(
    key="shift_minutes",
    value=2880,
    meaning="AWS allows at most 2880 minutes from the first shift to the last",
    page=f"{_GUIDE}/limits.html",
)
FLEET_PERCENT = Limit(
    key="fleet_percent",
    value=99,
    meaning="AWS wants a minimum of less than 100 % of the fleet",
    page=f"{_GUIDE}/limits.html",
)
TERMINATION_WAIT_MINUTES = Limit(
    key="termination_wait_minutes",
    value=2880,
    meaning="AWS keeps the original fleet for at most 2880 minutes",
    page=f"{_API}/API_BlueInstanceTerminationOption.html",
)
ECS_READY_WAIT_MINUTES = Limit(
    key="ecs_ready_wait_minutes",
    value=120 * 60,
    meaning="AWS waits at most 120 h between the installation and the traffic shift on ECS",
    page=f"{_GUIDE}/limits.html",
)
EC2_READY_WAIT_MINUTES = Limit(
    key="ec2_ready_wait_minutes",
    value=48 * 60,
    meaning="AWS waits at most 48 h between the installation and the traffic shift on EC2",
    page=f"{_GUIDE}/limits.html",
)
INSTANCES = Limit(
    key="instances_per_deployment",
    value=1000,
    meaning="AWS deploys to at most 1000 EC2 instances at once",
    page=f"{_GUIDE}/limits.html",
)
IN_PLACE_HOURS = Limit(
    key="in_place_hours",
    value=8,
    meaning="AWS ends an in-place deployment after 8 h",
    page=f"{_GUIDE}/limits.html",
)
LIFECYCLE_EVENT_SECONDS = Limit(
    key="lifecycle_event_seconds",
    value=3600,
    meaning="AWS fails a lifecycle event, and a hook that does not answer, after 3600 s",
    page=f"{_GUIDE}/limits.html",
)
AUTO_SCALING_GROUPS = Limit(
    key="auto_scaling_groups",
    value=10,
    meaning="AWS takes at most 10 Auto Scaling groups in a deployment group",
    page=f"{_API}/API_CreateDeploymentGroup.html",
)
TRIGGERS = Limit(
    key="triggers",
    value=10,
    meaning="AWS takes at most 10 triggers in a deployment group",
    page=f"{_GUIDE}/limits.html",
)
ECS_STAGE_HOURS = Limit(
    key="ecs_stage_hours",
    value=24,
    meaning="ECS ends a stage of its own deployment after 24 h",
    page=f"{_ECS}/blue-green-deployment-how-it-works.html",
)
ECS_DEPLOYMENT_HOURS = Limit(
    key="ecs_deployment_hours",
    value=30 * 24,
    meaning="ECS ends its own deployment after 30 days",
    page=f"{_ECS}/deployment-type-linear.html",
)
CLOUDFORMATION_HOURS = Limit(
    key="cloudformation_hours",
    value=33,
    meaning="CloudFormation refuses an ECS deployment whose bakes take more than 33 h",
    page=f"{_CFN}/aws-properties-ecs-service-linearconfiguration.html",
)

LIMITS: Mapping[str, Limit] = {
    limit.key: limit
    for limit in (
        INCREMENT_PERCENT,
        SHIFT_MINUTES,
        FLEET_PERCENT,
        TERMINATION_WAIT_MINUTES,
        ECS_READY_WAIT_MINUTES,
        EC2_READY_WAIT_MINUTES,
        INSTANCES,
        IN_PLACE_HOURS,
        LIFECYCLE_EVENT_SECONDS,
        AUTO_SCALING_GROUPS,
        TRIGGERS,
        ECS_STAGE_HOURS,
        ECS_DEPLOYMENT_HOURS,
        CLOUDFORMATION_HOURS,
    )
}
"""Every limit by its key under ``quotas:``."""


def over(value: float, where: str, limit: Limit, quotas: Quotas, unit: str = "") -> list[Problem]:
    """Return the problem of a value above its limit."""
    most = limit.under(quotas)
    if value <= most:
        return []
    tail = f" {unit}" if unit else ""
    # a huge integer has no float to print
    got = f"{value:g}" if value < 1e15 else "many more"
    return [Problem(where, f"at most {most:g}{tail}", f"{got}{tail}", limit.hint)]


def check_group(
    group: DeploymentGroup, where: str, platform: Platform, quotas: Quotas
) -> list[Problem]:
    """Return what AWS would refuse about the two waits of a blue/green deployment."""
    key = f"{where}.blueGreenDeploymentConfiguration"
    ready = EC2_READY_WAIT_MINUTES if platform == "ec2" else ECS_READY_WAIT_MINUTES
    return [
        *over(
            group.termination_wait_s / MINUTE_S,
            f"{key}.terminateBlueInstancesOnDeploymentSuccess.terminationWaitTimeInMinutes",
            TERMINATION_WAIT_MINUTES,
            quotas,
            "minutes",
        ),
        *over(
            group.ready_wait_s / MINUTE_S,
            f"{key}.deploymentReadyOption.waitTimeInMinutes",
            ready,
            quotas,
            "minutes",
        ),
    ]
