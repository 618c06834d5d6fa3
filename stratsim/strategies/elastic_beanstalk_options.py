"""Elastic Beanstalk's option settings: what may stand there, and what they mean.

Source: Elastic Beanstalk Developer Guide, "General options for all environments" and
"Deployment policies and settings".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from stratsim.errors import Problem, shorten, unknown_name
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MINUTE_S
from stratsim.strategies.fields import (
    Rule,
    anything,
    fields,
    flag,
    iso,
    iso_s,
    one_of,
    plain_values,
    real_in,
    span,
    whole_in,
)
from stratsim.strategies.neighbours import Assumption
from stratsim.strategies.shapes import Config, part, whole

KEY = "elasticBeanstalk"
COMMAND = "aws:elasticbeanstalk:command"
SPLITTING = "aws:elasticbeanstalk:trafficsplitting"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
GROUP = "aws:autoscaling:asg"
ROLLING = "aws:autoscaling:updatepolicy:rollingupdate"
POLICY_NAMES = (
    "AllAtOnce",
    "Rolling",
    "RollingWithAdditionalBatch",
    "Immutable",
    "TrafficSplitting",
)
DEFAULT_TIMEOUT_S, INTERNAL_TIMEOUT_S = 600, 240
"""Elastic Beanstalk adds four minutes to the command timeout."""
DEFAULT_PERCENT, DEFAULT_EVALUATION_MIN = 10, 5
DEFAULT_UPDATE_TIMEOUT_S = 1800.0
# "Enhanced health reporting": an instance is healthy after 12 checks in a row, each of 10 s.
CHECKS, CHECK_S = 12, 10.0
SAMPLE_S = 2.0
"""How finely a check's ten seconds are counted; a choice of stratsim's own."""

_NAMESPACES: dict[str, dict[str, Rule]] = {
    COMMAND: {
        "DeploymentPolicy": one_of(*POLICY_NAMES),
        "Timeout": whole_in(1, 3600),
        "BatchSizeType": one_of("Percentage", "Fixed"),
        "BatchSize": whole_in(1, 10_000),
        "IgnoreHealthCheck": flag,
    },
    SPLITTING: {"NewVersionPercent": whole_in(1, 100), "EvaluationTime": whole_in(3, 600)},
    HEALTH: {
        "SystemType": one_of("basic", "enhanced"),
        "ConfigDocument": anything,
        "EnhancedHealthAuthEnabled": anything,
        "HealthCheckSuccessThreshold": one_of("Ok", "Warning", "Degraded", "Severe"),
    },
    ROLLING: {
        "RollingUpdateEnabled": flag,
        "RollingUpdateType": one_of("Time", "Health", "Immutable"),
        "MaxBatchSize": whole_in(1, 10_000),
        "MinInstancesInService": whole_in(0, 9999),
        "PauseTime": iso(3600.0),
        "Timeout": iso(3600.0),
    },
}
_SIZES = {"MinSize": whole_in(0, 10_000), "MaxSize": whole_in(0, 10_000)}

ASSUMPTIONS = {
    "batch_rounding": Assumption(
        one_of("up", "down", "nearest"), "up", "how a percentage of the fleet becomes a batch"
    ),
    "degraded_error_share": Assumption(
        real_in(0, 1),
        0.10,
        "the share of failing requests from which enhanced health is no longer OK",
    ),
    "time_based_pause": Assumption(
        span, 300.0, "PauseTime of a time-based configuration update, where it is computed"
    ),
}


def option_settings(value: object) -> object:
    """Return options by namespace; AWS's own list of Namespace, OptionName, Value too."""
    if isinstance(value, list | tuple):
        found: dict[str, dict[str, object]] = {}
        for entry in value:
            if not (isinstance(entry, Mapping) and {"Namespace", "OptionName"} <= set(entry)):
                return value
            found.setdefault(str(entry["Namespace"]), {})[str(entry["OptionName"])] = entry.get(
                "Value"
            )
        value = found
    if not isinstance(value, Mapping):
        return value
    return {
        str(name): plain_values(options) if isinstance(options, Mapping) else options
        for name, options in value.items()
    }


def check_options(value: object, where: str) -> list[Problem]:
    """Return what Elastic Beanstalk would refuse about the options that matter to a run."""
    settings = option_settings(value)
    if not isinstance(settings, Mapping):
        rule = "options by namespace, or a list of Namespace, OptionName and Value"
        return [Problem(where, rule, shorten(value))]
    problems: list[Problem] = []
    for name, options in settings.items():
        at = f"{where}.{name}"
        if name in _NAMESPACES:
            problems += fields(_NAMESPACES[name])(options, at)
        elif name == GROUP and isinstance(options, Mapping):
            sizes = {key: options[key] for key in _SIZES if key in options}
            problems += fields(_SIZES)(sizes, at)
        elif not name.startswith("aws:") or get_close_matches(name, _NAMESPACES, 1, 0.9):
            problems.append(unknown_name(at, name, (*_NAMESPACES, GROUP)))
    command = part(settings, COMMAND)
    percent = command.get("BatchSizeType", "Percentage") == "Percentage"
    if not problems and percent and whole(command, "BatchSize", 100) > 100:
        rule = "at most 100 where BatchSizeType is Percentage"
        problems.append(Problem(f"{where}.{COMMAND}.BatchSize", rule, str(command["BatchSize"])))
    return problems


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one environment, with Elastic Beanstalk's defaults."""

    settings: Config
    known: Mapping[str, object]
    scenario: Scenario

    def _of(self, namespace: str) -> Config:
        return part(self.settings, namespace)

    @property
    def policy(self) -> str:
        """The deployment policy."""
        return str(self._of(COMMAND).get("DeploymentPolicy", "AllAtOnce"))

    @property
    def timeout_s(self) -> float:
        """How long a command may take, with what is added internally."""
        return float(whole(self._of(COMMAND), "Timeout", DEFAULT_TIMEOUT_S) + INTERNAL_TIMEOUT_S)

    @property
    def checks_health(self) -> bool:
        """Whether enhanced health decides about a batch."""
        ignored = self._of(COMMAND).get("IgnoreHealthCheck", False)
        return self._of(HEALTH).get("SystemType", "basic") == "enhanced" and not ignored

    @property
    def degraded_share(self) -> float:
        """Share of failing requests from which an instance is not OK."""
        share = self.known["degraded_error_share"]
        assert isinstance(share, int | float)
        return float(share)

    @property
    def batch(self) -> int:
        """Instances in one batch."""
        n, command = self.scenario.desired, self._of(COMMAND)
        size = whole(command, "BatchSize", 100)
        if command.get("BatchSizeType", "Percentage") == "Fixed":
            return min(size, n)
        rounding = self.known["batch_rounding"]
        exact = {"up": -(-n * size // 100), "down": n * size // 100}
        return max(1, exact.get(str(rounding), (2 * n * size + 100) // 200))

    @property
    def percent(self) -> float:
        """Share of clients that are sent to the new version while it is evaluated."""
        return whole(self._of(SPLITTING), "NewVersionPercent", DEFAULT_PERCENT) / 100

    @property
    def evaluation_s(self) -> float:
        """How long it is evaluated."""
        return whole(self._of(SPLITTING), "EvaluationTime", DEFAULT_EVALUATION_MIN) * MINUTE_S

    # -- updates of the configuration ---------------------------------------------

    @property
    def update_type(self) -> str:
        """How instances are replaced: Time, Health, Immutable, or Disabled."""
        rolling = self._of(ROLLING)
        if not rolling.get("RollingUpdateEnabled", False):
            return "Disabled"
        return str(rolling.get("RollingUpdateType", "Time"))

    @property
    def sizes(self) -> tuple[int, int]:
        """MinSize and MaxSize of the Auto Scaling group."""
        group, n = self._of(GROUP), self.scenario.desired
        scaling = self.scenario.service.autoscaling
        low, high = (scaling.min, scaling.max) if scaling else (n, n)
        return min(whole(group, "MinSize", low), n), max(whole(group, "MaxSize", high), n)

    @property
    def update_batch(self) -> int:
        """MaxBatchSize: by default a third of MinSize, rounded up."""
        return whole(self._of(ROLLING), "MaxBatchSize", max(1, -(-self.sizes[0] // 3)))

    @property
    def update_minimum(self) -> int:
        """MinInstancesInService: by default MinSize, or one less than MaxSize."""
        low, high = self.sizes
        return whole(self._of(ROLLING), "MinInstancesInService", max(0, min(low, high - 1)))

    @property
    def update_pause_s(self) -> float:
        """PauseTime of a time-based update."""
        given = iso_s(self._of(ROLLING).get("PauseTime"))
        pause = self.known["time_based_pause"] if given is None else given
        assert isinstance(pause, int | float)
        return float(pause)

    @property
    def update_timeout_s(self) -> float:
        """How long a batch may take to become healthy."""
        given = iso_s(self._of(ROLLING).get("Timeout"))
        return DEFAULT_UPDATE_TIMEOUT_S if given is None else given
