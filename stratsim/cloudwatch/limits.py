"""Every word and figure that CloudWatch documents for alarms, with its page.

Sources: [API] service model of botocore 1.44.5 (PutMetricAlarm,
PutCompositeAlarm, MetricDataQuery); [UG] CloudWatch user guide, pages
AlarmThatSendsEmail, alarm-evaluation, alarm-combining, using-metric-math,
Statistics-definitions and cloudwatch_concepts.
"""

import re

OPERATORS = {  # [API] ComparisonOperator, for a number
    "GreaterThanOrEqualToThreshold": ">=",
    "GreaterThanThreshold": ">",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
BAND_OPERATORS = (  # [API] ComparisonOperator, for an anomaly band
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")  # [API] TreatMissingData
LOW_SAMPLES = ("evaluate", "ignore")  # [API] EvaluateLowSampleCountPercentile
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")  # [API] Statistic

_SCALES = ("", "Kilo", "Mega", "Giga", "Tera")
_SIZES = tuple(
    scale + size.lower() if scale else size for size in ("Bytes", "Bits") for scale in _SCALES
)
UNITS = (  # [API] StandardUnit
    *("Seconds", "Microseconds", "Milliseconds"),
    *_SIZES,
    *("Percent", "Count"),
    *(f"{size}/Second" for size in _SIZES),
    *("Count/Second", "None"),
)

SHORT_PERIODS_S = (10, 20, 30)  # [API] the only periods below a minute
MINUTE_S = 60
LONG_PERIOD_S = 3600  # [API] from here on the window may span a week
SHORT_WINDOW_S = 86_400  # [API] EvaluationPeriods x Period, shorter periods
LONG_WINDOW_S = 604_800  # [API] EvaluationPeriods x Period, from LONG_PERIOD_S on
LARGEST_VALUE = 2.0**360  # [UG] cloudwatch_concepts: values lie within +-2^360

NAME_LENGTH = 255  # [API] AlarmName, MetricName, Namespace, Id
DESCRIPTION_LENGTH = 1024  # [API] AlarmDescription
ACTIONS = 5  # [API] per state
ACTION_LENGTH = 1024  # [API]
DIMENSIONS = 30  # [API]
DIMENSION_VALUE_LENGTH = 1024  # [API]
METRICS = 10  # [UG] using-metric-math: metrics of one alarm
EXPRESSION_LENGTH = 2048  # [API] MetricExpression
RULE_LENGTH = 10_240  # [API] AlarmRule
RULE_CHILDREN = 100  # [API] PutCompositeAlarm
RULE_ELEMENTS = 500  # [API] PutCompositeAlarm: children, TRUE/FALSE and parentheses
SUPPRESSOR_LENGTH = 1600  # [API] ActionsSuppressor
EXCLUDED_RANGES = 10  # [UG] CloudWatch_Anomaly_Detection

METRIC_ID = re.compile(r"[a-z][A-Za-z0-9_]*", re.ASCII)  # [API] MetricDataQuery Id
BAND_FUNCTION = "ANOMALY_DETECTION_BAND"

_NUMBER = r"[0-9]+(?:\.[0-9]{1,10})?"
# [UG] Statistics-definitions: pNN, trimmed and winsorized forms, ranges in
# percent or in the metric's unit, with one end allowed to be open.
EXTENDED_STATISTIC = re.compile(
    rf"IQM|(?P<short>p|tm|tc|ts|wm)(?P<percent>{_NUMBER})"
    rf"|(?P<range>TM|TC|TS|WM)\((?P<low>{_NUMBER}%?)?:(?P<high>{_NUMBER}%?)?\)"
    rf"|PR\((?P<from>{_NUMBER})?:(?P<to>{_NUMBER})?\)",
    re.ASCII,
)

ACTION_KEYS = ("OKActions", "AlarmActions", "InsufficientDataActions")
EC2_ACTION = re.compile(r"arn:aws[\w-]*:(automate:[^:]*:ec2:|swf:.*:action/actions/AWS_EC2)")
SCALING_ACTION = re.compile(r"arn:aws[\w-]*:autoscaling:")

METRIC_ALARM_KEYS = (  # [API] PutMetricAlarm, those that are modelled
    *("AlarmName", "AlarmDescription", "ActionsEnabled"),
    *ACTION_KEYS,
    *("Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic"),
    *("Period", "Unit", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"),
    *("ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile"),
    *("Metrics", "ThresholdMetricId"),
)
METRIC_ALARM_CARRIED = (  # [API] PutMetricAlarm, written back as they came
    *("Tags", "EvaluationWindow", "WarmUpConfiguration", "ActionConfiguration"),
)
METRIC_ALARM_REFUSED = {  # [API] other kinds of alarm behind the same call
    "EvaluationCriteria": "Alarms on a PromQL query are not simulated.",
    "EvaluationInterval": "Only alarms on a PromQL query have their own interval.",
}
COMPOSITE_KEYS = (  # [API] PutCompositeAlarm
    *("AlarmName", "AlarmDescription", "AlarmRule", "ActionsEnabled"),
    *ACTION_KEYS,
    *("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"),
)
COMPOSITE_CARRIED = ("Tags", "ActionConfiguration")  # [API]
READ_ONLY_KEYS = frozenset(  # [API] what DescribeAlarms adds to the configuration
    {
        *("AlarmArn", "AlarmConfigurationUpdatedTimestamp", "EvaluationState"),
        *("StateValue", "StateReason", "StateReasonData"),
        *("StateUpdatedTimestamp", "StateTransitionedTimestamp"),
        *("ActionsSuppressedBy", "ActionsSuppressedReason"),
    }
)
QUERY_KEYS = ("Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId")
METRIC_STAT_KEYS = ("Metric", "Period", "Stat", "Unit")
METRIC_KEYS = ("Namespace", "MetricName", "Dimensions")
