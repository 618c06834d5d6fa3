"""A small scenario and a handful of designs for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.search.shapes import shapes_of
from stratsim.search.space import Space
from stratsim.search.watches import probes_of

SMALL = """\
name: small
platform: lambda
traffic: {rate: 20}
service: {error_rate: 0.001}
release:
  outcomes:
    - {name: healthy, probability: 0.8}
    - {name: error spike, probability: 0.2, faults: [{kind: errors, rate: 0.2}]}
deployment_group:
  autoRollbackConfiguration:
    {enabled: true, events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
"""


@pytest.fixture(scope="session")
def small() -> Scenario:
    return stratsim.load(SMALL)


@pytest.fixture(scope="session")
def few() -> Callable[..., Space]:
    """Some of a scenario's designs: every so manieth shape and rule, one period."""
    return _few


def _few(scenario: Scenario, shapes: int = 11, rules: int = 7, probes: int = 2) -> Space:
    some = [
        replace(probe, rules=probe.rules[::rules], thresholds=probe.thresholds[::2])
        for probe in probes_of(scenario)[:probes]
    ]
    return Space(shapes_of(scenario)[::shapes], tuple(some))
