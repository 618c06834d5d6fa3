"""The common job of `stratsim.benchmark` in general simulators, request by request.

Requests arrive at random at a fleet of 20 instances with 10 places each and stay 10 ms
in the mean. After 5 minutes 2 new instances take 10 % of the traffic for 10 minutes,
then all. Old ones fail 0.1 %, new ones 5 %; at each full minute the share that the new
ones failed is judged against 1 %, and above it all traffic goes back. None of these
simulators knows revisions, errors or alarms: `Rollout` is what they lack.
"""

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

END_S, PERIOD_S = 1800.0, 60.0
CANARY_S, FULL_S = 300.0, 900.0
INSTANCES, NEW_INSTANCES, PLACES, SERVICE_S = 20, 2, 10, 0.010
P_OLD, P_NEW, LIMIT = 0.001, 0.05, 0.01


class Rollout:
    """Who serves a request, whether it fails, and when all traffic goes back."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random
        self.back_at: float | None = None
        self.blast_radius = self._sent = self._failed = self._next = 0

    def goes_new(self, now: float) -> bool:
        if self.back_at is not None or now < CANARY_S:
            return False
        return self.random() < (0.1 if now < FULL_S else 1.0)

    def serve(self, *, new: bool) -> None:
        failed = self.random() < (P_NEW if new else P_OLD)
        if new:
            self._sent += 1
            self._failed += failed
            self.blast_radius += failed

    def judge(self, now: float) -> None:
        if self.back_at is None and self._failed > LIMIT * self._sent:
            self.back_at = now
        self._sent = self._failed = 0


def with_simpy(seed: int, rate: float) -> Rollout:
    """A process for each request, a resource for each instance."""
    simpy = importlib.import_module("simpy")
    rollout, draws, env = Rollout(seed), Random(seed + 1), simpy.Environment()
    fleets = [
        [simpy.Resource(env, PLACES) for _ in range(size)] for size in (INSTANCES, NEW_INSTANCES)
    ]

    def request(instance: Any, new: bool) -> Any:
        with instance.request() as place:
            yield place
            yield env.timeout(draws.expovariate(1 / SERVICE_S))
        rollout.serve(new=new)

    def clients() -> Any:
        turn = 0
        while True:
            yield env.timeout(draws.expovariate(rate))
            new = rollout.goes_new(env.now)
            turn += 1
            env.process(request(fleets[new][turn % len(fleets[new])], new))

    def alarm() -> Any:
        while True:
            yield env.timeout(PERIOD_S)
            rollout.judge(env.now)

    env.process(clients())
    env.process(alarm())
    env.run(until=END_S)
    return rollout


def with_salabim(seed: int, rate: float) -> Rollout:
    """A component for each request, a resource for each instance; its monitors are off."""
    salabim = importlib.import_module("salabim")
    salabim.yieldless(False)
    rollout, draws, env = Rollout(seed), Random(seed + 1), salabim.Environment(trace=False)

    def instance(name: str) -> Any:
        made = salabim.Resource(name, capacity=PLACES)
        for monitored in (made, made.requesters(), made.claimers()):
            monitored.monitor(False)
        return made

    fleets = [
        [instance(f"{kind}{number}") for number in range(size)]
        for kind, size in (("old", INSTANCES), ("new", NEW_INSTANCES))
    ]

    class Request(salabim.Component):
        def setup(self, instance: Any, new: bool) -> None:
            self.instance, self.new = instance, new

        def process(self) -> Any:
            yield self.request(self.instance)
            yield self.hold(draws.expovariate(1 / SERVICE_S))
            self.release()
            rollout.serve(new=self.new)

    class Clients(salabim.Component):
        def process(self) -> Any:
            turn = 0
            while True:
                yield self.hold(draws.expovariate(rate))
                new = rollout.goes_new(env.now())
                turn += 1
                Request(instance=fleets[new][turn % len(fleets[new])], new=new)

    class Alarm(salabim.Component):
        def process(self) -> Any:
            while True:
                yield self.hold(PERIOD_S)
                rollout.judge(env.now())

    Clients()
    Alarm()
    env.run(till=END_S)
    return rollout


def with_ciw(seed: int, rate: float) -> Rollout:
    """A queueing network; a fleet is one node with all its places, a router is the rollout."""
    ciw = importlib.import_module("ciw")
    ciw.seed(seed)
    rollout, minutes = Rollout(seed), [PERIOD_S]

    class Router(ciw.routing.NodeRouting):
        def next_node(self, _: Any) -> Any:
            now = self.simulation.current_time
            while now >= minutes[0]:
                rollout.judge(minutes[0])
                minutes[0] += PERIOD_S
            new = rollout.goes_new(now)
            rollout.serve(new=new)
            return self.simulation.nodes[3 if new else 2]

    served = ciw.dists.Exponential(rate=1 / SERVICE_S)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=rate), None, None],
        service_distributions=[ciw.dists.Deterministic(0.0), served, served],
        number_of_servers=[float("inf"), INSTANCES * PLACES, NEW_INSTANCES * PLACES],
        routing=ciw.routing.NetworkRouting(
            routers=[Router(), ciw.routing.Leave(), ciw.routing.Leave()]
        ),
    )
    ciw.Simulation(network).simulate_until_max_time(END_S)
    return rollout


PEERS: dict[str, Callable[[int, float], Rollout]] = {
    "simpy": with_simpy,
    "ciw": with_ciw,
    "salabim": with_salabim,
}
