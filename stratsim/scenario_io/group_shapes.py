"""CreateDeploymentGroup's members, as CodeDeploy's service model has them.

Source: API reference of AWS CodeDeploy, CreateDeploymentGroup (service model
of botocore 1.44.5); the lengths, the ten alarms and triggers, and the 2,880
minutes stand in its text.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from stratsim.model.markers import RuleError, Text, _Marker
from stratsim.model.quantities import Flag, Number

CODEDEPLOY_NAME = Text(1, 100, r"[A-Za-z0-9+=,.@_-]*", "a CodeDeploy name")
CodeDeployName = Annotated[str, CODEDEPLOY_NAME]
Short = Annotated[str, Text(1, 255)]
Anything = Annotated[str, Text(0, 2048)]
WaitMinutes = Annotated[int, Number(0, 1_000_000, whole=True)]
RollbackEvent = Literal[
    "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"
]
TriggerEvent = Literal[
    "DeploymentStart", "DeploymentSuccess", "DeploymentFailure", "DeploymentStop",
    "DeploymentRollback", "DeploymentReady", "InstanceStart", "InstanceSuccess",
    "InstanceFailure", "InstanceReady",
]  # fmt: skip
DEPLOYMENT_TYPES = ("IN_PLACE", "BLUE_GREEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmName:
    """One alarm of a group."""

    name: Short


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfiguration:
    """Which alarms stop a deployment."""

    enabled: Flag | None = None
    ignorePollAlarmFailure: Flag = False
    alarms: tuple[AlarmName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRollbackConfiguration:
    """After which events CodeDeploy rolls back."""

    enabled: Flag | None = None
    events: tuple[RollbackEvent, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentReadyOption:
    """What happens once the replacement fleet is ready."""

    actionOnTimeout: Literal["CONTINUE_DEPLOYMENT", "STOP_DEPLOYMENT"] = "CONTINUE_DEPLOYMENT"
    waitTimeInMinutes: WaitMinutes = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateBlue:
    """What happens to the original fleet after success."""

    action: Literal["TERMINATE", "KEEP_ALIVE"] = "TERMINATE"
    terminationWaitTimeInMinutes: WaitMinutes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenFleet:
    """Where the replacement fleet comes from."""

    action: Literal["DISCOVER_EXISTING", "COPY_AUTO_SCALING_GROUP"] = "COPY_AUTO_SCALING_GROUP"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreenConfiguration:
    """The three options of a blue/green deployment."""

    deploymentReadyOption: DeploymentReadyOption = DeploymentReadyOption()
    terminateBlueInstancesOnDeploymentSuccess: TerminateBlue = TerminateBlue()
    greenFleetProvisioningOption: GreenFleet = GreenFleet()


@dataclass(frozen=True, slots=True)
class StyleMarker(_Marker):
    """``deploymentStyle``: AWS's object, or its ``deploymentType`` alone."""

    def parse(self, value: object) -> dict[str, str]:
        """Return AWS's object; raises `RuleError`."""
        options = {
            "deploymentType": DEPLOYMENT_TYPES,
            "deploymentOption": ("WITH_TRAFFIC_CONTROL", "WITHOUT_TRAFFIC_CONTROL"),
        }
        style = {"deploymentType": value} if isinstance(value, str) else value
        if isinstance(style, dict) and style and set(style) <= set(options):
            found = {key: str(inner) for key, inner in style.items()}
            if all(inner in options[key] for key, inner in found.items()):
                return found
        rule = (
            "IN_PLACE, BLUE_GREEN or a mapping of deploymentType (IN_PLACE, BLUE_GREEN)"
            " and deploymentOption (WITH_TRAFFIC_CONTROL, WITHOUT_TRAFFIC_CONTROL)"
        )
        raise RuleError(rule)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        types = {"enum": list(DEPLOYMENT_TYPES)}
        options = {"enum": ["WITH_TRAFFIC_CONTROL", "WITHOUT_TRAFFIC_CONTROL"]}
        properties = {"deploymentType": types, "deploymentOption": options}
        return {"anyOf": [types, {"type": "object", "properties": properties}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedInfo:
    """A load balancer or target group by its name."""

    name: Anything | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRoute:
    """Listeners that route traffic."""

    listenerArns: tuple[Anything, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroupPair:
    """Two target groups and their listeners (ECS)."""

    targetGroups: tuple[NamedInfo, ...] = ()
    prodTrafficRoute: TrafficRoute | None = None
    testTrafficRoute: TrafficRoute | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerInfo:
    """Which load balancer takes part."""

    elbInfoList: tuple[NamedInfo, ...] = ()
    targetGroupInfoList: tuple[NamedInfo, ...] = ()
    targetGroupPairInfoList: tuple[TargetGroupPair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """One filter on tags."""

    Key: Anything | None = None
    Value: Anything | None = None
    Type: Literal["KEY_ONLY", "VALUE_ONLY", "KEY_AND_VALUE"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2TagSet:
    """Groups of tag filters (EC2)."""

    ec2TagSetList: tuple[tuple[TagFilter, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPremisesTagSet:
    """Groups of tag filters (on-premises)."""

    onPremisesTagSetList: tuple[tuple[TagFilter, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsService:
    """The service of an ECS group."""

    clusterName: Anything | None = None
    serviceName: Anything | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag of the group itself."""

    Key: Anything | None = None
    Value: Anything | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A notification."""

    triggerName: Anything | None = None
    triggerTargetArn: Anything | None = None
    triggerEvents: tuple[TriggerEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Options:
    """Processes of Auto Scaling groups that wait meanwhile."""

    autoScalingGroupProcessesToSuspend: (
        tuple[Literal["Terminate", "AZRebalance", "InstanceRefresh", "ScheduledActions"], ...]
        | None
    ) = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShape:
    """``deployment_group:`` in CreateDeploymentGroup's own keys."""

    applicationName: CodeDeployName | None = None
    deploymentGroupName: CodeDeployName | None = None
    deploymentConfigName: CodeDeployName | None = None
    serviceRoleArn: Anything | None = None
    deploymentStyle: Annotated[dict[str, str], StyleMarker()] | None = None
    alarmConfiguration: AlarmConfiguration | None = None
    autoRollbackConfiguration: AutoRollbackConfiguration | None = None
    blueGreenDeploymentConfiguration: BlueGreenConfiguration | None = None
    loadBalancerInfo: LoadBalancerInfo | None = None
    ecsServices: tuple[EcsService, ...] | None = None
    autoScalingGroups: tuple[Any, ...] | None = None
    ec2TagFilters: tuple[TagFilter, ...] | None = None
    ec2TagSet: Ec2TagSet | None = None
    onPremisesInstanceTagFilters: tuple[TagFilter, ...] | None = None
    onPremisesTagSet: OnPremisesTagSet | None = None
    outdatedInstancesStrategy: Literal["UPDATE", "IGNORE"] | None = None
    terminationHookEnabled: Flag | None = None
    triggerConfigurations: tuple[Trigger, ...] | None = None
    ec2DeploymentOptions: Ec2Options | None = None
    tags: tuple[Tag, ...] | None = None
