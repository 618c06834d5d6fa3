"""Each message of the sections: what must be, what was given, and a hint."""

from collections.abc import Callable
from typing import Any

import pytest

Told = Callable[..., list[str]]

RULES = [
    # the scenario's own
    ({"name": 5}, "name: must be a name of 1 to 128 characters, but got 5. Put it in quotes."),
    ({"name": ""}, "name: must be a name of 1 to 128 characters, but got ''."),
    ({"name": "a\nb"}, "name: must be a name of 1 to 128 characters on one line, without control characters, but got 'a\\nb'."),
    ({"name": None}, "name: must be a name of 1 to 128 characters, but got nothing."),
    ({"platform": "esc"}, "platform: must be one of ec2, ecs, lambda, but got 'esc'. Did you mean 'ecs'?"),
    ({"platform": None}, "platform: must be one of ec2, ecs, lambda, but got nothing."),
    ({"noise": "none"}, "noise: must be one of sampled, expected, but got 'none'."),
    ({"replications": 0}, "replications: must be a whole number in [1, 10000000], but got 0."),
    ({"replications": 10**8}, "replications: must be a whole number in [1, 10000000], but got 100000000."),
    ({"replications": 2.5}, "replications: must be a whole number in [1, 10000000], but got 2.5."),
    ({"seed": "7"}, "seed: must be a whole number in [0, 9223372036854775807], but got '7'. Write plain digits."),
    ({"alarm": []}, "alarm: must be a known key, but got 'alarm'. Did you mean 'alarms'?"),
    ({"zzz": 1}, "zzz: must be a known key, but got 'zzz'. Known: name, platform, description,"),
    # traffic
    ({"traffic": []}, "traffic: must be a mapping with keys among rate, profile, dispersion, users, retries, but got []."),
    ({"traffic": {"rate": True}}, "traffic.rate: must be a number in [0, 1e+07], but got True."),
    ({"traffic": {"rate": 1e300}}, "traffic.rate: must be a number in [0, 1e+07], but got 1e+300."),
    ({"traffic": {"rate": None}}, "traffic.rate: must be a number in [0, 1e+07], but got nothing. Remove the key, or give it a value."),
    ({"traffic": {"rate": 1, "profile": {"kind": "diurnal", "mean": 1}}}, "traffic.profile: must be absent where rate is given,"),
    ({"traffic": {"profile": {"kind": "dirunal"}}}, "traffic.profile.kind: must be one of diurnal, steps, trace, but got 'dirunal'. Did you mean 'diurnal'?"),
    ({"traffic": {"profile": {"mean": 4}}}, "traffic.profile.kind: must be one of diurnal, steps, trace, but got nothing."),
    ({"traffic": {"profile": {"kind": "diurnal"}}}, "traffic.profile.mean: must be given, but got nothing."),
    ({"traffic": {"profile": {"kind": "diurnal", "mean": 9e6}}}, "traffic.profile.mean: must be a mean whose peak is at most 1e+07 requests/s, but got a peak of"),
    ({"traffic": {"profile": {"kind": "diurnal", "mean": 1, "start": "24:00"}}}, "traffic.profile.start: must be a time of day from 00:00 to 23:59, but got '24:00'. Write it as HH:MM"),
    ({"traffic": {"profile": {"kind": "diurnal", "mean": 1, "start": 840}}}, "traffic.profile.start: must be a time of day from 00:00 to 23:59, but got 840."),
    ({"traffic": {"profile": {"kind": "steps", "points": []}}}, "traffic.profile.points: must be a list of 1 to 10000 pairs"),
    ({"traffic": {"profile": {"kind": "steps", "points": [[0, 1], [0, 2]]}}}, "traffic.profile.points: must be a list of pairs whose times rise,"),
    ({"traffic": {"profile": {"kind": "steps", "points": [[0, 1], [9]]}}}, "traffic.profile.points: must be a list of pairs [time, requests per second]; number 2 is none,"),
    ({"traffic": {"profile": {"kind": "steps", "points": [["x", 1]]}}}, "traffic.profile.points: must be a list of pairs [time, rate]; in number 1 expected is a duration in"),
    ({"traffic": {"dispersion": -1}}, "traffic.dispersion: must be a number in [0, 1e+06], but got -1."),
    ({"traffic": {"users": {"sticky": "yes"}}}, "traffic.users.sticky: must be true or false, but got 'yes'. Write true."),
    ({"traffic": {"retries": {"share": 1.1}}}, "traffic.retries.share: must be a number in [0, 1], but got 1.1."),
    # service
    ({"service": 7}, "service: must be a mapping with keys among instances, zones,"),
    ({"service": {"instances": 0}}, "service.instances: must be a whole number in [1, 100000], but got 0."),
    ({"service": {"instances": 200_000}}, "service.instances: must be a whole number in [1, 100000], but got 200000."),
    ({"service": {"capacity": 0}}, "service.capacity: must be a number in (0, 1e+09], but got 0."),
    ({"service": {"drain": "-5s"}}, "service.drain: must be a duration in [0s, 1h], but got '-5s'. Write 90s, 5m, 1h30m, 80ms or a number of seconds."),
    ({"service": {"drain": -5}}, "service.drain: must be a duration in [0s, 1h], but got -5."),
    ({"service": {"drain": "2h"}}, "service.drain: must be a duration in [0s, 1h], but got '2h'."),
    ({"service": {"drain": "5 minutes"}}, "service.drain: must be a duration in [0s, 1h], but got '5 minutes'. Write"),
    ({"service": {"error_rate": "5%"}}, "service.error_rate: must be a number in [0, 1], but got '5%'. Write a fraction."),
    ({"service": {"latency": {"median": "2s", "p99": "1s"}}}, "service.latency: must be a p99 of at least the median, but got"),
    ({"service": {"startup": {"median": "90s", "p59": "180s"}}}, "service.startup: must be a value, {min, max}, {median, p90},"),
    ({"service": {"startup": {"min": 5, "max": 4}}}, "service.startup: must be a range whose min is at most its max,"),
    ({"service": {"startup": {"median": 5, "p95": 4}}}, "service.startup: must be a median above 0 and at most its p95,"),
    ({"service": {"startup": {"median": 5, "sigma": 40}}}, "service.startup.sigma: must be a number in [0, 10], but got 40."),
    ({"service": {"startup": {"median": "-90s", "sigma": 1}}}, "service.startup.median: must be a duration in [0s, 366d], but got '-90s'. Write 90s,"),
    ({"service": {"startup": {"median": "-90s", "p95": "10s"}}}, "service.startup.median: must be a duration in [0s, 366d], but got '-90s'. Write 90s,"),
    ({"service": {"startup": {"median": "9s", "p99": "ten"}}}, "service.startup.p99: must be a duration in [0s, 366d], but got 'ten'. Write 90s,"),
    ({"service": {"startup": {"min": None, "max": 4}}}, "service.startup.min: must be a duration in [0s, 366d], but got nothing. Remove the key,"),
    ({"service": {"startup": {"min": 1, "max": "4 s"}}}, "service.startup.max: must be a duration in [0s, 366d], but got '4 s'. Write 90s,"),
    ({"service": {"startup": [{"weight": 0.5, "value": "x"}, {"weight": 0.5, "value": 2}]}}, "service.startup.0.value: must be a duration in [0s, 366d], but got 'x'. Write 90s,"),
    ({"service": {"startup": [{"weight": 0.5, "value": 1}, {"weight": 0.5, "median": -2, "p90": 3}]}}, "service.startup.1.median: must be a duration in [0s, 366d], but got -2."),
    ({"service": {"startup": [{"weight": 0.5, "value": {"min": 1, "max": "y"}}, {"weight": 0.5, "value": 2}]}}, "service.startup.0.value.max: must be a duration in [0s, 366d], but got 'y'."),
    ({"service": {"startup": [{"weight": 1.5, "value": 1}, {"weight": -0.5, "value": 2}]}}, "service.startup.0.weight: must be a number in [0, 1], but got 1.5."),
    ({"service": {"startup": [{"weight": "half", "value": 1}, {"weight": 0.5, "value": 2}]}}, "service.startup.0.weight: must be a number in [0, 1], but got 'half'."),
    ({"release": {"outcomes": [{"name": "a", "probability": 1, "faults": [{"kind": "errors", "rate": {"min": 0.1, "max": 2}}]}]}}, "release.outcomes.0.faults.0.rate.max: must be a number in [0, 1], but got 2."),
    ({"service": {"startup": [{"weight": 0.5, "value": 1}, {"weight": 0.4, "value": 2}]}}, "service.startup: must be a list of 2 to 10 forms, each with a weight, whose weights sum to 1,"),
    ({"service": {"memory": 512}}, "service.memory: must be absent on platform ecs (it has instances,"),
    ({"service": {"instancs": 5}}, "service.instancs: must be a known key, but got 'instancs'. Did you mean 'instances'?"),
    ({"service": {"instances": 5, "autoscaling": {"min": 6}}}, "service.instances: must be in [6, 100], the bounds of service.autoscaling, but got 5."),
    ({"service": {"autoscaling": {"min": 6, "max": 5}}}, "service.autoscaling.min: must be at most autoscaling.max (5), but got 6."),
    # lifecycle, hosts
    ({"lifecycle": {"AfterInstal": {"duration": 1}}}, "lifecycle.AfterInstal: must be a known key, but got 'AfterInstal'. Did you mean 'AfterInstall'?"),
    ({"lifecycle": {"AfterInstall": {}}}, "lifecycle.AfterInstall.duration: must be given, but got nothing."),
    ({"lifecycle": 5}, "lifecycle: must be a mapping of lifecycle events (BeforeInstall,"),
    ({"hosts": []}, "hosts: must be absent: only platform ec2 has hosts, but got []."),
    # release
    ({"release": {"outcomes": []}}, "release.outcomes: must be a list of 1 to 100 outcomes, but got 0 of them."),
    ({"release": {"outcomes": [{"name": "a", "probability": 0.9}, {"name": "b", "probability": 0.4}]}}, "release.outcomes: must be outcomes whose probabilities sum to 1, but got a sum of 1.3."),
    ({"release": {"outcomes": [{"name": "a", "probability": 0.5}, {"name": "a", "probability": 0.5}]}}, "release.outcomes.1.name: must be a name that no other outcome has, but got 'a'."),
    ({"release": {"outcomes": [{"name": "a", "probability": 1, "fault": []}]}}, "release.outcomes.0.fault: must be a known key, but got 'fault'. Did you mean 'faults'?"),
    ({"release": {"outcomes": {"a": 1}}}, "release.outcomes: must be a list, but got {'a': 1}."),
    # environment
    ({"environment": {"kind": "errors"}}, "environment: must be a list of at most 20 faults,"),
    ({"environment": [{"kind": "startup", "probability": 1}]}, "environment.0.kind: must be one of errors, latency, capacity in environment, but got 'startup'."),
    ({"environment": [{"kind": "errors", "rate": 0.1, "after": 5}]}, "environment.0.after: must be absent on a fault of kind errors (it takes rate, ramp, zones, instances, at, for), but got 5. It begins at `at`."),
    ({"environment": [{"kind": "errors", "rate": 0.1, "for": -1}]}, "environment.0.for: must be a duration in [0s, 366d], but got -1."),
    # alarms
    ({"alarms": 5}, "alarms: must be a list of alarms, but got 5."),
    ({"alarms": [5]}, "alarms.0: must be a mapping of PutMetricAlarm's keys, but got 5."),
    # the rest
    ({"metrics": {"phase": "60s"}}, "metrics.phase: must be random or a duration in [0s, 1m), but got '60s'."),
    ({"metrics": {"evaluation_range_extra": -1}}, "metrics.evaluation_range_extra: must be a whole number in [0, 100], but got -1."),
    ({"control": {"batches": "both"}}, "control.batches: must be one of sliding_window, barrier, but got 'both'."),
    ({"control": {"watch_termination_wait": 1}}, "control.watch_termination_wait: must be true or false, but got 1."),
    ({"quotas": {"shift_minute": 1}}, "quotas.shift_minute: must be a known key, but got 'shift_minute'. Did you mean 'shift_minutes'?"),
    ({"quotas": {"shift_minutes": "many"}}, "quotas.shift_minutes: must be a number in [0, 1e+09], but got 'many'."),
    ({"quotas": 5}, "quotas: must be a mapping with keys among increment_percent,"),
    ({"names": {"rol": "x"}}, "names.rol: must be a known key, but got 'rol'. Did you mean 'role'?"),
    ({"names": {"cluster": ["x"]}}, "names.cluster: must be an ECS cluster's name or ARN, but got ['x']."),
    ({"names": {"port": 99999999}}, "names.port: must be a port from 1 to 65535, but got '99999999'."),
    ({"names": []}, "names: must be a mapping with keys among"),
    ({"on_call": {"respond": None}}, "on_call.respond: must be a duration in [0s, 366d], but got nothing. Remove the key, or give it a value."),
    ({"cost": {"instance_hour": -1}}, "cost.instance_hour: must be a number in [0, 1e+12], but got -1."),
    ({"slo": {"availability": 1}}, "slo.availability: must be a number in (0, 1), but got 1."),
    ({"slo": {"latency": 0}}, "slo.latency: must be a duration in (0s, 366d], but got 0."),
    # strategies
    ({"strategies": []}, "strategies: must be a list of 1 to 64 strategies, but got 0 of them. Leave the key out"),
    ({"strategies": [f"s{i}" for i in range(65)]}, "strategies: must be a list of 1 to 64 strategies, but got 65 of them."),
    ({"strategies": "CodeDeployDefault.ECSAllAtOnce"}, "strategies: must be a list of 1 to 64 strategies, but got 'CodeDeployDefault.ECSAllAtOnce'."),
    ({"strategies": [7]}, "strategies.0: must be a predefined configuration's name or a mapping, but got 7."),
    ({"strategies": ["CodeDeployDefault.ECSAllAtOnc"]}, "strategies.0: must be one of CodeDeployDefault.ECSAllAtOnce, "),
    ({"strategies": [{"trafficRoutingConfig": {"type": "AllAtOnce"}}]}, "strategies.0.name: must be a name of 1 to 255 characters, but got nothing."),
    ({"strategies": ["CodeDeployDefault.ECSAllAtOnce"] * 2}, "strategies.1: must be a name that no other strategy has, but got 'CodeDeployDefault.ECSAllAtOnce'."),
    ({"strategies": [{"name": "x", "steps": []}, {"name": "x", "steps": [{"weight": 5}]}]}, "strategies.1.name: must be a name that no other strategy has, but got 'x'."),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "message"), RULES, ids=lambda v: str(v)[:60])
def test_a_rule_and_its_message(told: Told, sections: dict[str, Any], message: str) -> None:
    assert any(line.startswith(message) for line in told(**sections)), told(**sections)


def test_all_problems_come_at_once_and_in_the_order_of_the_file(told: Told) -> None:
    lines = told(
        traffic={"rate": -1, "users": {"active": 0}},
        service={"instances": 0, "latency": {"median": -1}},
        cost={"attended": 2},
        seed=-1,
        sed=5,
    )

    assert len(lines) == 7, lines
    assert all(": must be " in line and ", but got " in line for line in lines)


@pytest.mark.parametrize(
    ("key", "value"), [("instances", 5), ("zones", 2), ("drain", 5), ("capacity", 4)]
)
def test_lambda_has_no_instances(told: Told, key: str, value: int) -> None:
    assert told("lambda", service={key: value}) == [
        (
            f"service.{key}: must be absent on platform lambda (it has runtime, memory, "
            "provisioned_concurrency, error_rate, error_dispersion, latency, startup, cold_starts), "
            f"but got {value}."
        )
    ]


def test_an_unknown_runtime_without_a_startup(told: Told) -> None:
    message = told("lambda", service={"runtime": "pyton3.12"})[0]

    assert message.startswith(
        "service.runtime: must be a runtime whose start is known (python3.12,"
    )
    assert message.endswith(
        "unless startup is given, but got 'pyton3.12'. Did you mean 'python3.12'?"
    )


def test_hosts_are_numbered_within_the_fleet_and_once(told: Told) -> None:
    hosts = [{"index": 1}, {"index": 1}, {"index": 4}, {"index": 0, "groop": "a"}]

    assert told("ec2", service={"instances": 4}, hosts=hosts[:3]) == [
        "hosts.1.index: must be a host that is not described before, but got 1.",
        "hosts.2.index: must be a host from 0 to 3 (service.instances), but got 4.",
    ]
    assert told("ec2", hosts=hosts[3:]) == [
        "hosts.0.groop: must be a known key, but got 'groop'. Did you mean 'group'?"
    ]


def test_no_message_of_the_libraries_shows(told: Told) -> None:
    text = "\n".join("\n".join(told(**sections)) for sections, _ in RULES)

    for word in ("Input should", "validation error", "pydantic", "Value error", "Traceback"):
        assert word not in text


def test_more_problems_than_anybody_reads_are_counted(told: Told) -> None:
    lines = told(traffic={f"k{i}": 1 for i in range(1500)})

    assert len(lines) == 1001
    assert lines[-1] == "scenario: must be free of further problems, but got 500 more."
