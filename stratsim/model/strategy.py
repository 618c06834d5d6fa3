"""A strategy as the scenario declares it; `strategies` turns it into a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stratsim.model.settings import DeploymentGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """One entry of ``strategies``.

    ``family`` names the builder in `stratsim.strategies` (its registry's key) and
    ``config`` holds that builder's own keys, in AWS's or the tool's shape;
    ``group`` is the deployment group after the strategy's overrides.
    """

    name: str
    family: str
    config: Mapping[str, object] = field(default_factory=dict)
    group: DeploymentGroup = field(default_factory=DeploymentGroup)
