"""Analyses inside a run: they measure telemetry and decide by their own counters."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import simpy

from stratsim.analysis.argo import ERROR_RETRY_S, WORSE, Counts, Phase, assess, measure
from stratsim.analysis.flagger import Action, Climb, tick
from stratsim.engine.clock import us
from stratsim.engine.failure import NO_CODE, StepFailedError
from stratsim.engine.scrapes import Scrapes
from stratsim.model.analysis import Check, Gate, Ladder, Metric, Tick, Watch, longest_window_s
from stratsim.model.plan import Plan

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


def scrapes_of(run: "Deployment", plan: Plan) -> Scrapes | None:
    """Return the scrapes that the analyses of `plan` need; none where it has none."""
    longest_s = longest_window_s(plan.steps)
    return Scrapes(run, us(plan.scrape_s), us(longest_s)) if longest_s > 0 else None


def value(run: "Deployment", step_query: Metric | Check) -> float | None:
    """Return what a metric or a check finds now."""
    assert run.scrapes is not None
    return run.scrapes.value(step_query.query)


class Measuring:
    """One analysis: its metrics, each at its own pace, until one ends it or all are done."""

    def __init__(self, run: "Deployment", metrics: Sequence[Metric]) -> None:
        self.run = run
        self.counts = {metric.name: Counts() for metric in metrics}
        self.due = {metric.name: run.now + us(metric.initial_delay_s) for metric in metrics}
        self.open = {metric.name: metric for metric in metrics}

    def play(self) -> Generator[Any, Any, Phase]:
        """Measure until the analysis has a phase, and return it."""
        while self.open:
            at = min(self.due[name] for name in self.open)
            if at > self.run.now:
                yield self.run.wait(at - self.run.now)
            phases = [self._measure(m) for m in list(self.open.values()) if self.due[m.name] <= at]
            worst = max(phases, key=_badness)
            if _badness(worst) > _badness(Phase.SUCCESSFUL):
                return worst
        return Phase.SUCCESSFUL

    def _measure(self, metric: Metric) -> Phase:
        """Take one measurement; return the metric's phase, which a dry run never shows."""
        found = value(self.run, metric)
        outcome = measure(metric, found)
        counts = self.counts[metric.name] = self.counts[metric.name].after(outcome)
        phase = assess(metric, counts)
        shown = "no data" if found is None else f"{found:.6g}"
        self.run.note("analysis", f"{metric.name}: {shown} {outcome.value}")
        if phase is not Phase.RUNNING:
            del self.open[metric.name]
            self.run.note("analysis", f"{metric.name} ends {phase.value}: {_tell(counts)}")
            return Phase.SUCCESSFUL if metric.dry_run else phase
        pause_s = ERROR_RETRY_S if metric.interval_s is None else metric.interval_s
        self.due[metric.name] = self.run.now + us(pause_s)
        return Phase.RUNNING


def _badness(phase: Phase) -> int:
    return WORSE.index(phase) if phase in WORSE else -1


def _tell(counts: Counts) -> str:
    return f"{counts.failed} failed, {counts.inconclusive} inconclusive of {counts.taken}"


def gate(run: "Deployment", step: Gate) -> Process:
    """Wait for an analysis."""
    run.note("lifecycle", f"{step.event} begins")
    phase = yield from Measuring(run, step.metrics).play()
    run.note("lifecycle", f"{step.event} ends {phase.value}")
    if phase is Phase.INCONCLUSIVE:
        yield run.wait(us(step.person_s))
    _decide(run, step, phase)


def _decide(run: "Deployment", step: Gate | Watch, phase: Phase) -> None:
    """Fail the deployment by a bad phase, or by the person who has looked at an unclear one."""
    bad = phase in (Phase.FAILED, Phase.ERROR)
    if phase is Phase.INCONCLUSIVE:
        bad = step.person_aborts
        run.note("people", "abort the deployment" if bad else "let it go on")
    if bad:
        raise StepFailedError(NO_CODE)


def watch(run: "Deployment", step: Watch) -> Process:
    """Begin an analysis beside the steps that follow."""
    run.note("lifecycle", f"{step.event} begins")
    run.watchers.append(run.env.process(_watch(run, step)))
    yield run.wait(0)


def _watch(run: "Deployment", step: Watch) -> Process:
    try:
        phase = yield from Measuring(run, step.metrics).play()
        run.note("lifecycle", f"{step.event} ends {phase.value}")
        if phase is Phase.INCONCLUSIVE:
            run.paused = run.env.event()
            yield run.wait(us(step.person_s))
            run.paused.succeed()
            run.paused = None
        _decide(run, step, phase)
    except StepFailedError as failure:
        run.abort(failure)
    except simpy.Interrupt:
        return


def wait_for_tick(run: "Deployment", interval_s: float, count: int = 1) -> Process:
    """Wait for the `count`-th tick after now; ticks are counted from the creation."""
    every = us(interval_s)
    yield run.wait((run.now // every + count) * every - run.now)


def next_tick(run: "Deployment", step: Tick) -> Process:
    """Wait for the next tick."""
    yield from wait_for_tick(run, step.interval_s, step.count)
    run.note("lifecycle", step.event)


def climb(run: "Deployment", step: Ladder) -> Process:
    """Climb through the weights, tick by tick."""
    state, action = Climb(), Action.HALT
    run.note("lifecycle", f"{step.event} begins")
    while action is not Action.PROMOTE:
        yield from wait_for_tick(run, step.interval_s)
        levels, threshold = len(step.weights), step.threshold
        state, action = tick(state, lambda: _check(run, step), levels=levels, threshold=threshold)
        if action is Action.ROLL_BACK:
            run.note("analysis", f"{state.failed} checks have failed")
            raise StepFailedError(NO_CODE)
        if action is Action.ADVANCE:
            run.order_weight(step.weights[state.level - 1], step.event)
    run.note("lifecycle", f"{step.event} ends: {state.failed} checks failed")


def _check(run: "Deployment", step: Ladder) -> bool:
    """Make the checks in turn; the first that fails decides."""
    for check in step.checks:
        found = value(run, check)
        if found is None and step.unseen_passes:
            continue
        low, high = check.low, check.high
        out = found is None or (low is not None and found < low)
        if out or (high is not None and found is not None and found > high):
            shown = "no values found" if found is None else f"{found:.6g}"
            run.note("analysis", f"halt: {check.name} {shown}")
            return False
    return True
