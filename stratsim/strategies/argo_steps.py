"""Steps of Argo's strategies: canaries by router and by pods, and blue/green.

Source: argoproj/argo-rollouts (commit 9f8d111): rollout/canary.go, rollout/bluegreen.go,
utils/replicaset/canary.go, utils/defaults/defaults.go.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stratsim.model.analysis import Gate, Watch
from stratsim.model.plan import Hold, Retire, Shift, Step
from stratsim.model.scaling import Scale
from stratsim.model.scenario import Scenario
from stratsim.strategies.argo_shapes import ASSUMPTIONS, max_weight, steps_of, template_names
from stratsim.strategies.argo_templates import metrics_named
from stratsim.strategies.fields import span_s
from stratsim.strategies.neighbours import assumed
from stratsim.strategies.replicas import DEFAULT_BOUND, rolling_bounds, routed, unrouted
from stratsim.strategies.shapes import Config, part, whole

# utils/defaults/defaults.go
SCALE_DOWN_DELAY_S = ABORT_SCALE_DOWN_DELAY_S = 30
PROGRESS_DEADLINE_S = 600


@dataclass(frozen=True, slots=True)
class Rollout:
    """A Rollout of one service: its spec, its branch, and what is assumed."""

    scenario: Scenario
    config: Config
    spec: Config
    branch: Config

    @property
    def replicas(self) -> int:
        """All pods; the scenario's fleet."""
        return self.scenario.desired

    @property
    def known(self) -> dict[str, object]:
        """What is assumed."""
        return assumed(self.config, ASSUMPTIONS)

    @property
    def person_s(self) -> float:
        """How long until somebody comes to a rollout that waits."""
        given = span_s(self.known["person_after"])
        return self.scenario.on_call.respond if given is None else given

    def delay_s(self, key: str, default: int) -> float:
        """Return one of the two delays before pods of no more use are removed."""
        return float(whole(self.branch, key, default))

    def scale(self, old: int | None, new: int | None, event: str = "scale") -> Scale:
        """Return a move to so many stable and canary pods."""
        service, control = self.scenario.service, self.scenario.control
        aborts = bool(self.spec.get("progressDeadlineAbort", False))
        deadline_s = float(whole(self.spec, "progressDeadlineSeconds", PROGRESS_DEADLINE_S))
        return Scale(
            event=event,
            old=old,
            new=new,
            startup=service.startup,
            drain_s=service.drain,
            settle_s=float(whole(self.spec, "minReadySeconds")),
            # Past its deadline a rollout only shows that it is late, and goes on trying.
            timeout_s=deadline_s if aborts else control.steady_state_timeout,
            retries=True,
            # Terminating pods hold nobody up.
            awaits_drain=False,
            can_roll_back=aborts,
        )

    def analysis(self, config: Config, event: str) -> Gate:
        """Return an analysis that is waited for."""
        return Gate(
            event=event,
            metrics=metrics_named(template_names(config), self.config),
            person_s=self.person_s,
            person_aborts=self.known["inconclusive"] == "aborts",
        )

    def abort(self) -> tuple[Step, ...]:
        """Return the way back: stable to full size, all traffic to it, then canary away."""
        wait_s = self.delay_s("abortScaleDownDelaySeconds", ABORT_SCALE_DOWN_DELAY_S)
        steps: tuple[Step, ...] = (
            self.scale(self.replicas, None, "abort"),
            Shift(weight=0.0, event="abort"),
            Hold(duration_s=self.scenario.control.reroute + wait_s, event="abort"),
        )
        # A delay of 0 keeps the pods for ever.
        return (*steps, self.scale(None, 0, "abort")) if wait_s else steps


# -- canary with a traffic router -------------------------------------------------------


@dataclass(slots=True)
class _Canary:
    """Pods and weight so far; ``fixed`` is what setCanaryScale has set, if anything."""

    rollout: Rollout
    stable: int
    dynamic: bool
    canary: int = 0
    weight: float = 0.0
    fixed: int | None = None

    def to_weight(self, weight: float) -> list[Step]:
        """Scale up, shift, and scale down what is no longer needed."""
        n, shift = self.rollout.replicas, Shift(weight=weight, event="setWeight")
        canary = self._least(routed(n, weight)) if self.fixed is None else self.fixed
        stable = self._least(routed(n, 1 - weight)) if self.dynamic else n
        steps = self.to_pods(max(stable, self.stable), max(canary, self.canary))
        if weight != self.weight:
            steps.append(shift)
            if stable < self.stable and weight < 1:
                # Pods go when the router has followed.
                wait_s = self.rollout.scenario.control.reroute
                steps.append(Hold(duration_s=wait_s, event="weightVerified"))
        self.weight = weight
        return steps + self.to_pods(stable, canary)

    def _least(self, pods: int) -> int:
        """Return at least minPodsPerReplicaSet, where there are pods at all."""
        return max(pods, whole(self.rollout.branch, "minPodsPerReplicaSet", 1)) if pods else 0

    def to_pods(self, stable: int, canary: int) -> list[Step]:
        """Change the number of pods, where it changes."""
        if (stable, canary) == (self.stable, self.canary):
            return []
        old, new = stable if stable != self.stable else None, canary
        self.stable, self.canary = stable, canary
        return [self.rollout.scale(old, new)]

    def to_scale(self, scale: Config) -> list[Step]:
        """Set the canary's pods by number, by weight, or by the traffic's weight again."""
        n = self.rollout.replicas
        self.fixed = whole(scale, "replicas") if "replicas" in scale else None
        if "weight" in scale:
            self.fixed = routed(n, whole(scale, "weight") / 100)
        pods = self._least(routed(n, self.weight)) if self.fixed is None else self.fixed
        return self.to_pods(self.stable, pods)


def routed_canary(rollout: Rollout) -> tuple[Step, ...]:
    """Return the steps of a canary whose traffic a router splits."""
    canary, n = rollout.branch, rollout.replicas
    dynamic = bool(canary.get("dynamicStableScale", False))
    state = _Canary(rollout, n, dynamic)
    most = max_weight(canary)
    steps = _played(
        rollout,
        lambda percent: state.to_weight(percent / most),
        state.to_scale,
    )
    state.fixed = None
    steps += state.to_weight(1.0)
    if dynamic:
        return _drained(steps)
    wait_s = rollout.delay_s("scaleDownDelaySeconds", SCALE_DOWN_DELAY_S)
    return (*steps, Retire(event="scaleDownDelay", wait_s=wait_s, action="TERMINATE"))


def _played(
    rollout: Rollout,
    to_weight: Callable[[int], list[Step]],
    to_scale: Callable[[Config], list[Step]],
) -> list[Step]:
    """Return the canary's steps, with its background analysis where that begins."""
    background = part(rollout.branch, "analysis")
    begins = whole(background, "startingStep") if background else -1
    steps: list[Step] = []
    listed = steps_of(rollout.branch)
    for number in range(len(listed) + 1):
        if number == begins:
            gate = rollout.analysis(background, "backgroundAnalysis")
            steps.append(
                Watch(
                    event=gate.event,
                    metrics=gate.metrics,
                    person_s=gate.person_s,
                    person_aborts=gate.person_aborts,
                )
            )
        if number == len(listed):
            break
        step = listed[number]
        if "setWeight" in step:
            steps += to_weight(whole(step, "setWeight"))
        elif "setCanaryScale" in step:
            steps += to_scale(part(step, "setCanaryScale"))
        elif "analysis" in step:
            steps.append(rollout.analysis(part(step, "analysis"), "analysis"))
        else:
            steps.append(_pause(rollout, part(step, "pause")))
    return steps


def _drained(steps: list[Step]) -> tuple[Step, ...]:
    """Return the steps such that the last pods have gone at their end."""
    last = steps[-1]
    return (*steps[:-1], replace(last, awaits_drain=True)) if isinstance(last, Scale) else (*steps,)


def _pause(rollout: Rollout, pause: Config) -> Hold:
    given = span_s(pause["duration"]) if "duration" in pause else None
    return Hold(duration_s=rollout.person_s if given is None else given, event="pause")


# -- canary by numbers of pods ----------------------------------------------------------


def bounds_of(rollout: Rollout) -> tuple[int, int]:
    """Return the fewest available and the most running pods of a canary without a router."""
    canary = rollout.branch
    surge, unavailable = (canary.get(k, DEFAULT_BOUND) for k in ("maxSurge", "maxUnavailable"))
    return rolling_bounds(surge, unavailable, rollout.replicas)


def unrouted_canary(rollout: Rollout) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps and the way back, a rolling update both ways."""
    n = rollout.replicas
    lower, upper = bounds_of(rollout)

    def to_weight(percent: int) -> list[Step]:
        canary, stable = unrouted(n, percent, surge=upper > n)
        step = rollout.scale(stable, canary, "setWeight")
        return [replace(step, lower=lower, upper=upper)]

    # setCanaryScale is refused without a router.
    steps = _played(rollout, to_weight, lambda _: [])
    back = replace(rollout.scale(n, 0, "abort"), lower=lower, upper=upper)
    return _drained([*steps, *to_weight(100)]), (back,)


# -- blue/green -------------------------------------------------------------------------


def blue_green(rollout: Rollout) -> tuple[Step, ...]:
    """Return the steps of a preview that becomes the active ReplicaSet."""
    green, n = rollout.branch, rollout.replicas
    preview = whole(green, "previewReplicaCount", n)
    steps: list[Step] = [rollout.scale(None, preview, "preview")]
    if "prePromotionAnalysis" in green:
        before = part(green, "prePromotionAnalysis")
        steps.append(rollout.analysis(before, "prePromotionAnalysis"))
    wait_s = float(whole(green, "autoPromotionSeconds"))
    if not wait_s and not green.get("autoPromotionEnabled", True):
        wait_s = rollout.person_s
    if wait_s:
        steps.append(Hold(duration_s=wait_s, event="promotion"))
    if preview != n:
        steps.append(rollout.scale(None, n, "preview"))
    steps.append(Shift(weight=1.0, event="switch"))
    if "postPromotionAnalysis" in green:
        after = part(green, "postPromotionAnalysis")
        steps.append(rollout.analysis(after, "postPromotionAnalysis"))
    wait_s = rollout.delay_s("scaleDownDelaySeconds", SCALE_DOWN_DELAY_S)
    return (*steps, Retire(event="scaleDownDelay", wait_s=wait_s, action="TERMINATE"))
