"""Every feature by name: both engines tell the same without noise."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

import stratsim
from stratsim.engine.batch import simulate_many
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally, tally
from stratsim.strategies import build_plan
from stratsim.strategies.lifecycle import BLOCK, INSTALL
from stratsim.world import Block

COLUMNS = [name for name in Tally.__dataclass_fields__ if name not in ("plan", "outcome")]
ROWS = range(8)

ERRORS = {"kind": "errors", "rate": 0.2}
ALB = "AWS/ApplicationELB"
NEW = [{"Name": "TargetGroup", "Value": "new"}]


def alarm(**keys: Any) -> dict[str, Any]:
    """Return an alarm on the new revision's errors, changed by `keys`."""
    found = {
        "AlarmName": "alarm",
        "Namespace": ALB,
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": NEW,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 20,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **keys,
    }
    if "ExtendedStatistic" in keys:
        del found["Statistic"]
    return found


def latency(statistic: str, **keys: Any) -> dict[str, Any]:
    return alarm(
        MetricName="TargetResponseTime", ExtendedStatistic=statistic, Threshold=0.2, **keys
    )


CANARY = {
    "trafficRoutingConfig": {
        "type": "TimeBasedCanary",
        "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 10},
    }
}
IN_PLACE = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 5}}
HOSTS = [{"index": 2, "healthy": False}, {"index": 5, "healthy": True, "revision": "unknown"}]
SOME_START = {"kind": "startup", "probability": 0.3}
HALF_START = {"kind": "startup", "probability": 0.5, "zones": [1, 2]}
NONE = {"type": "HOST_COUNT", "value": 0}
OPEN = {"instances": 12, "capacity": 10, "health_check": {"fail_open": 0.4}}
SLOW = {"instances": 12, "capacity": 10, "slow_start": "5m"}
FLAGGER = {
    "flagger": {
        "analysis": {
            "interval": "2m",
            "threshold": 3,
            "maxWeight": 60,
            "stepWeight": 10,
            "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 90}}],
        }
    }
}
LATE = {"stop_in_flight": "after_event"}
EVENTS = {
    "BeforeBlockTraffic": {"duration": "13s"},
    "ApplicationStop": {"duration": "17s"},
    "BeforeInstall": {"duration": "23s"},
    "AfterInstall": {"duration": "31s"},
    "BeforeAllowTraffic": {"duration": "11s"},
    "AllowTraffic": {"duration": "59s"},
    "AfterAllowTraffic": {"duration": "41s"},
}
FAILS_AT_TIMES = {
    **EVENTS,
    "BeforeBlockTraffic": {"duration": "13s", "failure": 0.2},
    "AfterInstall": {"duration": "31s", "failure": 0.2},
    "AfterAllowTraffic": {"duration": "41s", "failure": 0.2},
}


def beanstalk(policy: str, batch: int = 30) -> dict[str, Any]:
    """Return an Elastic Beanstalk environment of basic health."""
    command = {"DeploymentPolicy": policy, "BatchSize": batch}
    return {"elasticBeanstalk": {"aws:elasticbeanstalk:command": command}}


POLICY = {"min": 4, "max": 20, "target_utilization": 0.5, "scale_in_periods": 6}
SCALED = {"instances": 12, "capacity": 10, "drain": "33s", "autoscaling": POLICY}
UP_AND_DOWN = {
    "profile": {
        "kind": "steps",
        "points": [["0s", 40], ["4m", 40], ["241s", 110], ["30m", 110], ["1801s", 20]],
    }
}
NERVOUS = {**POLICY, "scale_out_periods": 1, "scale_in_periods": 2, "warmup": "30s"}
WAVES = {
    "profile": {
        "kind": "steps",
        "points": [
            (f"{90 * at}s", rate) for at, rate in enumerate((40, 90, 40, 120, 60, 150, 30, 110, 60))
        ],
    }
}
"""Traffic that a fleet which is scaled nervously follows up and down all the time."""
ONE_BY_ONE = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 11}}
CONFIGURATION = {
    "elasticBeanstalk": {
        "aws:autoscaling:updatepolicy:rollingupdate": {
            "RollingUpdateEnabled": True,
            "RollingUpdateType": "Health",
            "MaxBatchSize": 3,
            "MinInstancesInService": 9,
        }
    },
    "update": "configuration",
}
FAILING = {"AfterInstall": {"duration": "20s", "failure": 0.2}}
WAVE = {"MaxBatchSize": 2, "MinInstancesInService": 8, "PauseTime": "PT2M"}
REFRESH = {"MinHealthyPercentage": 80, "InstanceWarmup": 30}
CHECKPOINTS = {"CheckpointPercentages": [20, 100], "CheckpointDelay": 130}
STEPS = [{"setWeight": 20}, {"pause": {"duration": 130}}, {"setWeight": 60}]

BAND = {
    "AlarmName": "alarm",
    "EvaluationPeriods": 1,
    "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
    "ThresholdMetricId": "band",
    "Metrics": [
        {
            "Id": "m",
            "MetricStat": {
                "Metric": {
                    "Namespace": ALB,
                    "MetricName": "RequestCount",
                    "Dimensions": [{"Name": "TargetGroup", "Value": "old"}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        },
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"},
    ],
}
SUPPRESSED = [
    alarm(),
    alarm(AlarmName="quiet", Threshold=5),
    {
        "AlarmName": "both",
        "AlarmRule": "ALARM(alarm)",
        "ActionsSuppressor": "quiet",
        "ActionsSuppressorWaitPeriod": 120,
        "ActionsSuppressorExtensionPeriod": 60,
    },
]

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a period of ten seconds": ("ecs", CANARY, {"alarms": [alarm(Period=10)]}),
    "alarms evaluated within the minute": (
        *("ecs", CANARY),
        {"alarms": [alarm()], "metrics": {"evaluation_offset": 17.5, "phase": 30}},
    ),
    "too few samples": (
        *("ecs", CANARY),
        {"alarms": [latency("p99.9", EvaluateLowSampleCountPercentile="ignore")]},
    ),
    "a trimmed statistic": ("ecs", CANARY, {"alarms": [latency("tm99")]}),
    "a band": ("ecs", CANARY, {"alarms": [BAND]}),
    "a suppressor": ("ecs", CANARY, {"alarms": SUPPRESSED}),
    "utilisation": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 50, "maximumPercent": 100}}),
        {
            "alarms": [
                alarm(
                    Namespace="AWS/ECS",
                    MetricName="CPUUtilization",
                    Dimensions=[],
                    Statistic="Average",
                    Threshold=50,
                )
            ]
        },
    ),
    "requests per target": (
        *("ecs", CANARY),
        {"alarms": [alarm(MetricName="RequestCountPerTarget", Threshold=100)]},
    ),
    "a fleet of which some start again": ("ecs", CANARY, {"faults": [SOME_START, ERRORS]}),
    "tasks of which some start again": ("ecs", {"ecs": {}}, {"faults": [HALF_START, ERRORS]}),
    "alarms that cannot be read": (
        *("ecs", CANARY),
        {"alarms": [alarm()], "control": {"alarm_poll_failure": 0.01}},
    ),
    "people who notice within a minute": (
        *("ecs", CANARY),
        {"on_call": {"notice": "20s"}},
    ),
    "a deadline": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"lifecycle": {"AfterInstall": {"duration": "50m"}}, "quotas": {"in_place_hours": 1}},
    ),
    "zone by zone": (
        "ec2",
        {
            **IN_PLACE,
            "deploymentStyle": "IN_PLACE",
            "zonalConfig": {
                "monitorDurationInSeconds": 60,
                "firstZoneMonitorDurationInSeconds": 90,
            },
        },
        {"lifecycle": FAILING},
    ),
    "batches with a barrier": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"control": {"batches": "barrier"}, "lifecycle": FAILING},
    ),
    "hosts that begin Unhealthy": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"hosts": HOSTS, "lifecycle": FAILING},
    ),
    "a rollback of the whole group": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"control": {"rollback_hosts": "whole_group"}, "alarms": [alarm(Dimensions=[])]},
    ),
    "an Elastic Beanstalk environment": (
        "ec2",
        {
            "elasticBeanstalk": {
                "aws:elasticbeanstalk:command": {"DeploymentPolicy": "Rolling", "BatchSize": 30},
                "aws:elasticbeanstalk:healthreporting:system": {"SystemType": "enhanced"},
            }
        },
        {"lifecycle": FAILING},
    ),
    "traffic splitting": (
        "ec2",
        {
            "elasticBeanstalk": {
                "aws:elasticbeanstalk:command": {"DeploymentPolicy": "TrafficSplitting"},
                "aws:elasticbeanstalk:healthreporting:system": {"SystemType": "enhanced"},
            }
        },
        {},
    ),
    "crashes": ("ecs", CANARY, {"faults": [{"kind": "crash", "per_hour": 20}]}),
    "hosts that crash": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {
            "faults": [
                {"kind": "crash", "per_hour": 20, "instances": 0.5},
                {"kind": "host", "index": 3, "after": "4m"},
            ]
        },
    ),
    "warm-up": (
        *("ecs", CANARY),
        {
            "service": {
                "instances": 12,
                "capacity": 10,
                "warm_up": {"factor": 5, "time": "40s"},
            }
        },
    ),
    "an alarm that stops and does not roll back": (
        *("ecs", CANARY),
        {
            "alarms": [alarm()],
            "deployment_group": {
                "autoRollbackConfiguration": {"enabled": False},
                "alarmConfiguration": {"enabled": True, "alarms": [{"name": "alarm"}]},
            },
        },
    ),
    "hosts that stop half-way": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {
            "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)],
            "deployment_group": {
                "autoRollbackConfiguration": {"enabled": False},
                "alarmConfiguration": {"enabled": True, "alarms": [{"name": "alarm"}]},
            },
        },
    ),
    **{
        f"a rollback that fails at {event} and is tried again": (
            "ec2",
            {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": minimum}},
            {
                "lifecycle": {event: {"duration": "30s", "failure": failure}},
                "service": {"instances": 6, "capacity": 15},
                "on_call": {"respond": "5m", "notice": "1h"},
                "control": {"follow_up": "2h"},
            },
        )
        for event, minimum, failure in (("BeforeInstall", 4, 0.2), ("AfterAllowTraffic", 3, 0.5))
    },
    "tasks that crash while they are replaced": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 50, "maximumPercent": 100}}),
        {
            "faults": [{"kind": "crash", "per_hour": 60}],
            "control": {"steady_state_timeout": "10m"},
        },
    ),
    "a circuit breaker that crashes open": (
        *("ecs", {"ecs": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}}),
        {"faults": [{"kind": "crash", "per_hour": 60}, SOME_START]},
    ),
    "tasks that crash on the way back": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 80, "maximumPercent": 120}}),
        {
            "faults": [{"kind": "crash", "per_hour": 60}, ERRORS],
            "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)],
        },
    ),
    "failures of one instant": (
        "ecs",
        {
            "ecs": {
                "deploymentCircuitBreaker": {"enable": True, "rollback": False},
                "minimumHealthyPercent": 80,
                "maximumPercent": 120,
            }
        },
        {"faults": [{"kind": "startup", "probability": 0.5}, ERRORS]},
    ),
    "instances that crash with a configuration": (
        *("ec2", {"appConfig": "AppConfig.Canary10Percent20Minutes"}),
        {
            "faults": [
                {"kind": "crash", "per_hour": 60},
                {"kind": "host", "index": 0, "after": "2m"},
                ERRORS,
            ],
            "alarms": [alarm(Dimensions=[])],
            "control": {"reroute": "25s"},
        },
    ),
    "instances that crash while fleets are scaled": (
        "ec2",
        CONFIGURATION,
        {
            "faults": [{"kind": "crash", "per_hour": 60}],
            "control": {"steady_state_timeout": "10m"},
        },
    ),
    "a way back that begins in the instant in which the plan would have ended": (
        "ec2",
        {
            "elasticBeanstalk": {
                "aws:autoscaling:updatepolicy:rollingupdate": {
                    "RollingUpdateEnabled": True,
                    "RollingUpdateType": "Time",
                    "MaxBatchSize": 3,
                    "MinInstancesInService": 9,
                }
            },
            "update": "configuration",
        },
        {
            "traffic": {"profile": {"kind": "steps", "points": [["0s", 0], ["5m", 40]]}},
            "alarms": [
                alarm(MetricName="RequestCount", Dimensions=[], EvaluationPeriods=1, Threshold=0)
            ],
            "metrics": {"phase": 0, "delay": 0},
            "on_call": {"respond": "14m"},  # from the alarm after 6 minutes to the last wave's end
        },
    ),
    "instances that crash behind a weight": (
        "ecs",
        {"flagger": {"analysis": {"interval": "1m", "threshold": 3, "stepWeight": 20}}},
        {"faults": [{"kind": "crash", "per_hour": 60, "instances": 0.5}, SOME_START]},
    ),
    **{
        f"an additional batch, {name}": (
            "ec2",
            {
                "elasticBeanstalk": {
                    "aws:elasticbeanstalk:command": {
                        "DeploymentPolicy": "RollingWithAdditionalBatch",
                        "BatchSize": 30,
                    },
                    "aws:elasticbeanstalk:healthreporting:system": {"SystemType": health},
                }
            },
            rest,
        )
        for name, health, rest in (
            ("undone by people", "basic", {"on_call": {"notice": "3m", "respond": "2m"}}),
            ("of which some fail", "enhanced", {"lifecycle": {"Install": FAILING["AfterInstall"]}}),
            (
                "of which some die",
                "enhanced",
                {
                    "faults": [
                        {"kind": "crash", "per_hour": 10},
                        {"kind": "host", "index": 3, "after": "4m"},
                        {"kind": "errors", "rate": 0.01},
                    ]
                },
            ),
        )
    },
    **{
        f"events that end after people stop {notice} s later, {style}": (
            *("ec2", {**IN_PLACE, "deploymentStyle": style}),
            {
                "lifecycle": EVENTS,
                "on_call": {"notice": notice},
                "control": {**LATE, "reroute": "90s"},
            },
        )
        for style, notices in (("IN_PLACE", (70, 95, 120, 160, 200)), ("BLUE_GREEN", (65, 90)))
        for notice in notices
    },
    **{
        f"events that end after alarms, {name}": (
            *("ec2", {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 9}, **strategy}),
            {
                "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)],
                "lifecycle": lifecycle,
                "on_call": {"respond": "3m"},
                "control": LATE,
                **rest,
            },
        )
        for name, strategy, lifecycle, rest in (
            ("in place", {}, EVENTS, {}),
            ("zone by zone", {"zonalConfig": {"monitorDurationInSeconds": 60}}, EVENTS, {}),
            ("all hosts again", {}, EVENTS, {"control": {**LATE, "rollback_hosts": "whole_group"}}),
            ("with a barrier", {}, EVENTS, {"control": {**LATE, "batches": "barrier"}}),
            ("where hosts fail", {}, FAILS_AT_TIMES, {"control": {**LATE, "follow_up": "2h"}}),
            (
                "hosts that were Unhealthy",
                {},
                FAILS_AT_TIMES,
                {"hosts": HOSTS, "control": {**LATE, "follow_up": "2h"}},
            ),
            ("beside another fleet", {"deploymentStyle": "BLUE_GREEN"}, FAILS_AT_TIMES, {}),
            ("with slow start", {}, EVENTS, {"service": SLOW}),
            ("that fails open", {}, EVENTS, {"service": OPEN, "faults": [SOME_START, ERRORS]}),
            (
                "without a rollback",
                {},
                EVENTS,
                {
                    "deployment_group": {
                        "autoRollbackConfiguration": {"enabled": False},
                        "alarmConfiguration": {"enabled": True, "alarms": [{"name": "alarm"}]},
                    }
                },
            ),
        )
    },
    "events that end after a fleet is taken out of service": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "BLUE_GREEN"}),
        {
            "lifecycle": {
                "BlockTraffic": {"duration": "2m"},
                "AfterBlockTraffic": {"duration": "4m"},
            },
            "on_call": {"notice": "75s"},
            "control": LATE,
        },
    ),
    "events that end after a rollback has failed": (
        *("ec2", {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 5}}),
        {
            "hosts": [{"index": at, "healthy": False} for at in range(3)],
            "service": {"instances": 6, "capacity": 15, "startup": 0},
            "lifecycle": {
                **{key: {"duration": 0} for key in (*BLOCK, *INSTALL, "BeforeAllowTraffic")},
                "BeforeBlockTraffic": {"duration": "30s", "failure": 0.4},
                "AllowTraffic": {"duration": "10m"},
                "AfterAllowTraffic": {"duration": "30s", "failure": 0.4},
            },
            "on_call": {"respond": "2m", "notice": "1h"},
            "control": {**LATE, "rollback_hosts": "whole_group", "follow_up": "2h"},
        },
    ),
    "events that end after a batch of which one fails": (
        *("ec2", beanstalk("Rolling")),
        {
            "lifecycle": {"Install": {"duration": {"min": 10, "max": 90}, "failure": 0.1}},
            "faults": [HALF_START, ERRORS],
            "control": LATE,
            "on_call": {"notice": "3m"},
        },
    ),
    "events that end after people stop an additional batch": (
        *("ec2", beanstalk("RollingWithAdditionalBatch")),
        {"on_call": {"notice": "5m"}, "control": LATE},
    ),
    "events that end after a stop, where no host has any": (
        *("ecs", CANARY),
        {"alarms": [alarm()], "control": {"stop_in_flight": "after_event"}},
    ),
    "unhealthy hosts of a group that fails open": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "IN_PLACE"}),
        {"service": OPEN, "faults": [{"kind": "startup", "probability": 1}]},
    ),
    "hosts that crash in a group that fails open": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "IN_PLACE"}),
        {
            "service": {**OPEN, "instances": 3, "capacity": 15, "startup": "3m"},
            "faults": [{"kind": "crash", "per_hour": 60}, ERRORS],
        },
    ),
    "tasks that crash in a group that fails open": (
        *("ecs", CANARY),
        {
            "service": {**OPEN, "instances": 2, "capacity": 30, "startup": "3m"},
            "faults": [{"kind": "crash", "per_hour": 60}],
        },
    ),
    "a rollback in a group that fails open": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "IN_PLACE"}),
        {
            "service": OPEN,
            "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)],
            "lifecycle": {"AllowTraffic": {"duration": "5m", "failure": 0.5}},
        },
    ),
    "hosts with slow start, and a rollback": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"service": SLOW, "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)]},
    ),
    "hosts that crash, with slow start": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "IN_PLACE"}),
        {"service": SLOW, "faults": [{"kind": "crash", "per_hour": 20}]},
    ),
    "tasks with slow start, and a rollback": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 50, "maximumPercent": 100}}),
        {"service": SLOW, "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)]},
    ),
    "a new fleet with slow start": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "BLUE_GREEN"}),
        {"service": SLOW, "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)]},
    ),
    "a fleet that is scaled, with slow start": (
        "ec2",
        {
            "elasticBeanstalk": {
                "aws:elasticbeanstalk:command": {"DeploymentPolicy": "Immutable"},
            }
        },
        {"service": SLOW, "alarms": [alarm(Dimensions=[], EvaluationPeriods=1)]},
    ),
    "bare hosts whose old revision could not be stopped": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "BLUE_GREEN"}),
        {"lifecycle": {"ApplicationStop": {"duration": "9s", "failure": 1}}},
    ),
    "a fleet that is launched again, and fails": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "BLUE_GREEN"}),
        {
            "service": {"instances": 2, "capacity": 40},
            "lifecycle": {"Install": {"duration": "30s", "failure": 0.5}},
            "on_call": {"respond": "3m", "notice": "1h"},
            "control": {"follow_up": "2h"},
        },
    ),
    "hosts that have died and fail on the way back": (
        *("ec2", {"minimumHealthyHosts": NONE, "deploymentStyle": "IN_PLACE"}),
        {
            "faults": [{"kind": "crash", "per_hour": 60}, ERRORS],
            "lifecycle": {"BeforeBlockTraffic": {"duration": "30s", "failure": 0.3}},
            "service": {"instances": 6, "capacity": 10, "startup": "2m"},
            "on_call": {"notice": "2m"},
        },
    ),
    "hosts that have failed and died, and go back under a minimum": (
        *("ec2", {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 2}}),
        {
            "faults": [{"kind": "crash", "per_hour": 60}, ERRORS],
            "lifecycle": {
                "BlockTraffic": {"duration": "150s"},
                "AfterInstall": {"duration": "2s", "failure": 0.2},
                "BeforeAllowTraffic": {"duration": "90s"},
                "AllowTraffic": {"duration": "150s"},
                "AfterAllowTraffic": {"duration": "2m", "failure": 0.5},
            },
            "service": {"instances": 5, "capacity": 10, "startup": "20s"},
            "alarms": [alarm(Dimensions=[], EvaluationPeriods=1, Threshold=200)],
            "on_call": {"respond": "1m", "notice": "1h"},
            "control": {"rollback_hosts": "whole_group", "follow_up": "2h"},
        },
    ),
    "a deployment that takes no time": (
        *("ec2", beanstalk("AllAtOnce")),
        {"lifecycle": {"Install": {"duration": 0, "failure": 0.2}}, "faults": []},
    ),
    "autoscaling of two fleets": ("ecs", CANARY, {"service": SCALED, "traffic": UP_AND_DOWN}),
    "autoscaling before a fleet is launched": (
        *("ecs", CANARY),
        {
            "service": SCALED,
            "traffic": UP_AND_DOWN,
            "lifecycle": {"BeforeInstall": {"duration": "12m"}},
        },
    ),
    "autoscaling, and a rollback": (
        *("ecs", CANARY),
        {
            "service": {**SCALED, "startup": "90s", "autoscaling": NERVOUS},
            "traffic": WAVES,
            "lifecycle": {"BeforeAllowTraffic": {"duration": "7m"}},
            "alarms": [alarm(EvaluationPeriods=1)],
        },
    ),
    "autoscaling, and the old fleet started again": (
        *("ecs", CANARY),
        {
            "service": {**SCALED, "startup": "90s", "autoscaling": NERVOUS},
            "traffic": {"profile": {"kind": "steps", "points": [["0s", 40], ["3065s", 70]]}},
            "on_call": {"notice": "50m"},
        },
    ),
    "autoscaling under an analysis": (
        *("ecs", FLAGGER),
        {"service": {**SCALED, "autoscaling": NERVOUS}, "traffic": WAVES, "faults": []},
    ),
    "autoscaling of two fleets of which some die or do not start": (
        *("ecs", CANARY),
        {
            "service": {**SCALED, "startup": "90s", "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [ERRORS, SOME_START, {"kind": "crash", "per_hour": 20}],
            "on_call": {"notice": "9m"},
        },
    ),
    "autoscaling while tasks are replaced, and on the way back": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 100, "maximumPercent": 110}}),
        {
            "service": {**SCALED, "startup": "90s", "autoscaling": NERVOUS},
            "traffic": WAVES,
            "alarms": [alarm(Dimensions=[], Threshold=300)],
        },
    ),
    "autoscaling of tasks that die or do not start": (
        *("ecs", {"ecs": {"minimumHealthyPercent": 90, "maximumPercent": 110}}),
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [ERRORS, SOME_START, {"kind": "crash", "per_hour": 20}],
            "on_call": {"notice": "10m"},
        },
    ),
    "autoscaling while hosts are updated, and what has joined follows": (
        *("ec2", {**ONE_BY_ONE, "deploymentStyle": "IN_PLACE"}),
        {"service": {**SCALED, "autoscaling": NERVOUS}, "traffic": {"rate": 80}},
    ),
    "autoscaling while hosts are updated, and a rollback": (
        *("ec2", {**ONE_BY_ONE, "deploymentStyle": "IN_PLACE"}),
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "alarms": [alarm(Dimensions=[], Threshold=400)],
            "lifecycle": FAILING,
        },
    ),
    "autoscaling zone by zone of hosts that die": (
        *(
            "ec2",
            {
                **IN_PLACE,
                "deploymentStyle": "IN_PLACE",
                "zonalConfig": {"monitorDurationInSeconds": 61},
            },
        ),
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [SOME_START, {"kind": "crash", "per_hour": 20}],
            "control": {"rollback_hosts": "whole_group"},
        },
    ),
    "autoscaling beside a green fleet, and a rollback": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "BLUE_GREEN"}),
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "alarms": [alarm(Dimensions=[], Threshold=400)],
        },
    ),
    "autoscaling of a green fleet that dies, and blue started again": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "BLUE_GREEN"}),
        {
            "service": {**SCALED, "autoscaling": NERVOUS, "health_check": {"fail_open": 0.4}},
            "traffic": WAVES,
            "faults": [ERRORS, {"kind": "crash", "per_hour": 20}],
            "on_call": {"notice": "50m"},
            "lifecycle": FAILING,
            "deployment_group": {
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {
                        "action": "TERMINATE",
                        "terminationWaitTimeInMinutes": 0,
                    }
                }
            },
        },
    ),
    "autoscaling beside a green fleet of no host": (
        *(
            "ec2",
            {
                "deploymentConfigName": "CodeDeployDefault.OneAtATime",
                "deploymentStyle": "BLUE_GREEN",
            },
        ),
        {
            "service": {"instances": 1, "capacity": 40, "autoscaling": {"max": 4}},
            "hosts": [{"index": 0, "healthy": False}],
        },
    ),
    "a host dies at once or later": (
        *("ec2", {**ONE_BY_ONE, "deploymentStyle": "IN_PLACE"}),
        {
            "faults": [
                {
                    "kind": "host",
                    "index": 3,
                    "after": [{"value": 0, "weight": 0.5}, {"value": "3m", "weight": 0.5}],
                },
                {"kind": "host", "index": 3, "after": "5m"},
            ]
        },
    ),
    "faults of the environment that begin and end within a minute": (
        *("ec2", {**IN_PLACE, "deploymentStyle": "BLUE_GREEN"}),
        {
            "environment": [
                {"kind": "capacity", "at": "70s", "for": "95s", "ramp": "15s", "factor": 0.3},
                {"kind": "errors", "at": "80s", "for": "5m", "rate": 0.1},
                {"kind": "latency", "at": "85s", "for": "3s", "factor": 4},
            ],
        },
    ),
    "a host that was never well, and a stop as it begins": (
        *("ec2", {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0}}),
        {
            "service": {"instances": 1, "capacity": 50},
            "hosts": [{"index": 0, "healthy": False}],
            "alarms": [alarm()],
            "control": {"alarm_poll": 0, "alarm_poll_failure": 1},
        },
    ),
    "autoscaling beside a green fleet, and a stop as it begins": (
        *("ecs", CANARY),
        {
            "service": SCALED,
            "alarms": [alarm()],
            "control": {"alarm_poll": 0, "alarm_poll_failure": 1, "reroute": "30s"},
        },
    ),
    "autoscaling takes hosts whose agents poll at once": (
        *("ec2", {"deploymentConfigName": "CodeDeployDefault.HalfAtATime"}),
        {
            "service": {
                "instances": 14,
                "capacity": 12,
                "autoscaling": {"scale_in_periods": 1},
            },
            "control": {"agent_poll": 0},
        },
    ),
    "autoscaling beside a fleet that does not start in time": (
        *("ec2", {"steps": [{"weight": 20, "pause": "5m"}]}),
        {
            "service": SCALED,
            "faults": [{"kind": "startup", "probability": 0.5}],
            "control": {"steady_state_timeout": "100s", "reroute": "60s"},
        },
    ),
    "tasks that come back when they get no traffic": (
        "ecs",
        {"steps": [{"weight": 1, "pause": "200s"}, {"weight": 0, "pause": "9m"}]},
        {
            "service": {"instances": 12, "capacity": 10},
            "traffic": {
                "profile": {"kind": "steps", "points": [[0, 40], ["284s", 90], ["288s", 40]]}
            },
            "faults": [{"kind": "crash", "per_hour": 200}],
            "on_call": {"notice": "5m"},
        },
    ),
    "sick instances in the place of sick ones, while capacity fades": (
        *("ec2", {"canarySettings": {"percentTraffic": 12.5}, "promoteAfter": "20m"}),
        {
            "faults": [{"kind": "startup", "probability": 0.97}],
            "environment": [{"kind": "capacity", "at": 76, "ramp": 900, "for": 643, "factor": 0.2}],
            "control": {"steady_state_timeout": 420},
        },
    ),
    "AppConfig": ("ec2", {"appConfig": "AppConfig.Canary10Percent20Minutes"}, {}),
    "autoscaling while instances are configured": (
        "ec2",
        {"appConfig": "AppConfig.Linear20PercentEvery6Minutes"},
        {"service": {**SCALED, "autoscaling": NERVOUS}, "traffic": WAVES, "faults": []},
    ),
    "autoscaling while instances are configured and die, and a rollback": (
        "ec2",
        {"appConfig": "AppConfig.Linear20PercentEvery6Minutes"},
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [{"kind": "crash", "per_hour": 20}, ERRORS],
            "alarms": [alarm(Dimensions=[], Threshold=200)],
            "control": {"reroute": "25s"},
        },
    ),
    "autoscaling while a group is updated in waves, and a rollback": (
        "ec2",
        {"AutoScalingRollingUpdate": {**WAVE, "WaitOnResourceSignals": True}},
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [{"kind": "crash", "per_hour": 20}, ERRORS],
            "alarms": [alarm(Dimensions=[], Threshold=300)],
        },
    ),
    "autoscaling while a group is updated in waves that nobody watches": (
        "ec2",
        {"AutoScalingRollingUpdate": WAVE},
        {
            "service": {**SCALED, "startup": "90s", "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [SOME_START],
        },
    ),
    "autoscaling that an update suspends": (
        "ec2",
        {"AutoScalingRollingUpdate": {**WAVE, "SuspendProcesses": ["AlarmNotification"]}},
        {"service": {**SCALED, "autoscaling": NERVOUS}, "traffic": WAVES},
    ),
    "autoscaling during a refresh that replaces what does not start": (
        "ec2",
        {"instanceRefresh": {**REFRESH, **CHECKPOINTS}},
        {
            "service": {**SCALED, "startup": "70s", "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [SOME_START, {"kind": "host", "index": 3, "after": "4m"}],
        },
    ),
    "autoscaling during a refresh, and a rollback": (
        "ec2",
        {"instanceRefresh": {**REFRESH, "AutoRollback": True}},
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "alarms": [alarm(Dimensions=[], Threshold=400)],
        },
    ),
    **{
        f"autoscaling of a rollout, {name}": (
            "ecs",
            {"argoRollout": {"strategy": {"canary": {"steps": STEPS, **canary}}}},
            {
                "service": {**SCALED, "startup": "47s", "autoscaling": NERVOUS},
                "traffic": WAVES,
                "alarms": [alarm(Dimensions=[], Threshold=400)],
                **rest,
            },
        )
        for name, canary, rest in (
            ("routed", {"trafficRouting": {}}, {"faults": [SOME_START]}),
            ("and an abort", {"trafficRouting": {}, "dynamicStableScale": True}, {}),
            ("by numbers of pods", {"maxSurge": "25%"}, {"faults": [SOME_START]}),
            ("by numbers of pods, and an abort", {}, {"on_call": {"notice": "5m"}}),
        )
    },
    **{
        f"autoscaling of Elastic Beanstalk, {policy}": (
            *("ec2", beanstalk(policy)),
            {
                "service": {**SCALED, "startup": "47s", "autoscaling": NERVOUS},
                "traffic": WAVES,
                "faults": [SOME_START, {"kind": "crash", "per_hour": 10}, ERRORS],
                "on_call": {"notice": "7m"},
            },
        )
        for policy in ("RollingWithAdditionalBatch", "Immutable", "TrafficSplitting")
    },
    "autoscaling during a rolling update of a configuration": (
        "ec2",
        CONFIGURATION,
        {
            "service": {**SCALED, "autoscaling": NERVOUS},
            "traffic": WAVES,
            "faults": [{"kind": "crash", "per_hour": 20}, ERRORS],
            "on_call": {"notice": "4m"},
        },
    ),
}


def setup_of(name: str, noise: Literal["expected", "sampled"]) -> Setup:
    platform, strategy, rest = CASES[name]
    rest = dict(rest)
    faults = rest.pop("faults", [ERRORS])
    names = [found["AlarmName"] for found in rest.get("alarms", [])]
    scenario = stratsim.load(
        {
            "name": "feature",
            "platform": platform,
            "traffic": {"rate": 40},
            "service": {"instances": 12, "capacity": 10},
            "release": {
                "outcomes": [{"name": "bad", "probability": 1, "faults": faults}],
            },
            "deployment_group": {
                "autoRollbackConfiguration": {
                    "enabled": True,
                    "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
                },
                "alarmConfiguration": {
                    "enabled": bool(names),
                    "alarms": [{"name": found} for found in names],
                },
            },
            "strategies": [{"name": "it", **strategy}],
            **rest,
        }
    )
    scenario = replace(scenario, noise=noise)
    return prepare(scenario, build_plan(scenario, "it"))


@pytest.mark.parametrize("name", CASES)
def test_both_engines_tell_the_same(name: str) -> None:
    setup = setup_of(name, "expected")
    scenario = setup.scenario
    block = Block(scenario, 7, 0)
    one = tally(setup.plan, [simulate_one(setup, block.row(row, 0)) for row in ROWS])
    many = simulate_many(setup, Worlds(scenario, 7, 0), ROWS, 0)
    for column in COLUMNS:
        expected = np.asarray(getattr(one, column), dtype=float)
        got = np.asarray(getattr(many, column), dtype=float)
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), column


def test_a_host_that_dies_at_once_or_later_as_drawn() -> None:
    """World by world: one that dies at once never works, and its deployment fails in the end."""
    setup = setup_of("a host dies at once or later", "sampled")
    rows = range(40)
    block = Block(setup.scenario, 7, 0)
    one = tally(setup.plan, [simulate_one(setup, block.row(row, 0)) for row in rows])
    many = simulate_many(setup, Worlds(setup.scenario, 7, 0), rows, 0)

    assert 0 < one.succeeded.sum() < len(rows)
    assert one.succeeded.tolist() == many.succeeded.tolist()
    assert one.duration_s == pytest.approx(many.duration_s)


NOISY = (
    "tasks that crash while they are replaced",
    "tasks that crash on the way back",
    "instances that crash while fleets are scaled",
    "an additional batch, of which some die",
    "hosts that crash in a group that fails open",
    "a rollback in a group that fails open",
    "events that end after alarms, where hosts fail",
    "events that end after a rollback has failed",
    "hosts with slow start, and a rollback",
    "tasks with slow start, and a rollback",
    "autoscaling before a fleet is launched",
    "autoscaling, and a rollback",
    "autoscaling under an analysis",
    "autoscaling of two fleets of which some die or do not start",
    "autoscaling while tasks are replaced, and on the way back",
    "autoscaling beside a green fleet, and a rollback",
    "autoscaling while a group is updated in waves, and a rollback",
    "autoscaling of a rollout, and an abort",
)
RUNS, FALSE_FAILURE = 150, 1e-3
"""Runs of each engine, and how probably two equal engines fail the test below."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NOISY)
def test_with_noise_the_laws_are_the_same(name: str, hold_to_one_law: Any) -> None:
    """Two-sample tests on every column, in worlds of different seeds."""
    setup = setup_of(name, "sampled")
    mine, other = Block(setup.scenario, 7, 0), Worlds(setup.scenario, 1234, 0)
    one = tally(setup.plan, [simulate_one(setup, mine.row(row, 0)) for row in range(RUNS)])
    many = simulate_many(setup, other, range(RUNS), 0)
    level = FALSE_FAILURE / (2 * len(NOISY) * len(COLUMNS))
    hold_to_one_law(one, many, COLUMNS, level)
