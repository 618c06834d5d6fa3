"""Alarms made ready for many runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.anomaly import AnomalyModel
from stratsim.cloudwatch.composite import alarm_name, compile_rule, order_composites
from stratsim.cloudwatch.evaluation import State
from stratsim.cloudwatch.low_samples import low_sample_limit
from stratsim.cloudwatch.math_alarm import band_of, compile_queries
from stratsim.cloudwatch.metric_math import Expression, compile_expression
from stratsim.errors import UnsupportedError
from stratsim.model.alarm import CompositeAlarm, MetricAlarm
from stratsim.model.scenario import Scenario
from stratsim.signals import Series, series
from stratsim.watch.past import train

# Functions that look at one point at a time; any other needs the whole window.
_POINTWISE = {"IF", "ABS", "CEIL", "FLOOR", "LOG", "LOG10"}


@dataclass(frozen=True, slots=True)
class Watched:
    """An anomaly band: its model, None where there is no history, and its width."""

    model: AnomalyModel | None
    width: float


@dataclass(frozen=True, slots=True)
class MetricProgram:
    """A metric alarm made ready for many runs.

    ``minutes`` is the period in minutes, ``size`` the evaluation range in
    periods; ``readers`` are the series by Id, None where nothing is emitted.
    """

    alarm: MetricAlarm
    readers: tuple[tuple[str, Series | None], ...]
    expression: Expression | None
    minutes: int
    size: int
    pointwise: bool
    band: Watched | None = None

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.alarm.AlarmName

    @property
    def history(self) -> int:
        """Minutes before an evaluation that can matter to it."""
        return self.minutes * self.size + (60 if self.hourly else 0)

    @property
    def short(self) -> bool:
        """Whether the period is below a minute: evaluated every 10 seconds."""
        return self.alarm.period_s < limits.MINUTE_S

    @property
    def hourly(self) -> bool:
        """Whether the window is longer than a day: evaluated on the hour."""
        return self.alarm.n * self.alarm.period_s > limits.SHORT_WINDOW_S

    @property
    def wants_samples(self) -> bool:
        """Whether the state is kept while a percentile has too few samples."""
        ignores = self.alarm.EvaluateLowSampleCountPercentile == "ignore"
        return ignores and low_sample_limit(self.alarm.ExtendedStatistic) is not None

    @property
    def instant(self) -> bool:
        """Whether each minute can be judged once, when it ends."""
        return self.minutes == 1 and self.pointwise and not self.short

    @property
    def acts(self) -> bool:
        """Whether its actions are switched on, so that people hear of it."""
        return self.alarm.ActionsEnabled is not False


@dataclass(frozen=True, slots=True)
class CompositeProgram:
    """A composite alarm made ready: its rule over the states of its children."""

    alarm: CompositeAlarm
    children: tuple[str, ...]
    evaluate: Callable[[dict[str, State]], bool]

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.alarm.AlarmName

    @property
    def suppressor(self) -> str | None:
        """The name of the alarm that holds back its actions, if there is one."""
        found = self.alarm.ActionsSuppressor
        return None if found is None else alarm_name(found)

    @property
    def acts(self) -> bool:
        """Whether its actions are switched on, so that people hear of it."""
        return self.alarm.ActionsEnabled is not False


Program = MetricProgram | CompositeProgram


def compile_alarms(scenario: Scenario, *, one_target_group: bool) -> tuple[Program, ...]:
    """Return the scenario's alarms ready to be watched, children first.

    Raises
    ------
    UnsupportedError
        For an anomaly band of an expression, and for an expression that reads the
        clock, by the alarm's name.
    """
    metric = [
        _metric_program(alarm, scenario, one_target_group=one_target_group)
        for alarm in scenario.alarms
        if isinstance(alarm, MetricAlarm)
    ]
    composite = [_composite_program(alarm) for alarm in order_composites(scenario.alarms)]
    return (*metric, *composite)


def _metric_program(
    alarm: MetricAlarm, scenario: Scenario, *, one_target_group: bool
) -> MetricProgram:
    settings = scenario.metrics
    read = partial(series, one_target_group=one_target_group, settings=settings)
    expression = None
    if alarm.Metrics:
        readers = [(q.Id, read(q.MetricStat)) for q in alarm.Metrics if q.MetricStat is not None]
        expression = _answer(alarm)
    else:
        readers = [("m", read(alarm.metric_stats[0]))]
    minutes = max(1, alarm.period_s // limits.MINUTE_S)
    return MetricProgram(
        alarm=alarm,
        readers=tuple(readers),
        expression=expression,
        minutes=minutes,
        size=alarm.n + settings.evaluation_range_extra,
        pointwise=expression is None or _is_pointwise(expression),
        band=_band(alarm, dict(readers), minutes, scenario) if alarm.banded else None,
    )


def _answer(alarm: MetricAlarm) -> Expression | None:
    """Return the expression that the alarm watches, with nested ones written in."""
    where = f"{alarm.AlarmName}.Metrics"
    joined = compile_queries(alarm.Metrics, where, alarm.ThresholdMetricId)
    returned = [q.Id for q in alarm.Metrics if q.returned and q.Id != alarm.ThresholdMetricId]
    if not returned:
        return None
    answer = joined.get(returned[0]) or compile_expression(returned[0])
    if answer.reads_clock:
        msg = (
            f"alarms.{alarm.AlarmName}: functions of the clock are not simulated, since a "
            "deployment has no date; `stratsim alarm test` replays them"
        )
        raise UnsupportedError(msg)
    return answer


def _is_pointwise(expression: Expression) -> bool:
    return not expression.uses_metrics and expression.functions <= _POINTWISE


def _band(
    alarm: MetricAlarm, readers: dict[str, Series | None], minutes: int, scenario: Scenario
) -> Watched:
    """Return the band, trained on two weeks of the scenario's own traffic."""
    text = next(q.Expression or "" for q in alarm.Metrics if q.Id == alarm.ThresholdMetricId)
    band = band_of(text, f"{alarm.AlarmName}.Metrics")
    if band.watched not in readers:
        msg = f"alarms.{alarm.AlarmName}: the anomaly band of an expression is not simulated"
        raise UnsupportedError(msg)
    reader = readers[band.watched]
    return Watched(None if reader is None else train(scenario, reader, minutes), band.width)


@lru_cache(maxsize=256)
def _rule(text: str) -> tuple[tuple[str, ...], Callable[[dict[str, State]], bool]]:
    rule = compile_rule(text)
    return tuple(rule.children), rule.evaluate


def _composite_program(alarm: CompositeAlarm) -> CompositeProgram:
    children, evaluate = _rule(alarm.AlarmRule)
    return CompositeProgram(alarm, children, evaluate)
