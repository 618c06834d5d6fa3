"""``stratsim plan``: the timeline of a strategy."""

from dataclasses import replace

from stratsim.cli.options import (
    JsonOption,
    PlotOption,
    ScenarioArgument,
    StrategyArgument,
    check_plot,
    save_plot,
)

EXAMPLE = "stratsim plan checkout-ecs CodeDeployDefault.ECSCanary10Percent5Minutes"


def command(
    scenario: ScenarioArgument,
    strategy: StrategyArgument,
    *,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a strategy will do, minute by minute; nothing is drawn at random."""
    from stratsim.cli.output import print_json, print_text, print_warnings
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.provenance import provenance
    from stratsim.scenario_io import load
    from stratsim.study.first_stops import foresee

    check_plot(plot)
    loaded = load(scenario)
    result = foresee(loaded, strategy)
    print_warnings(loaded.warnings, result.plan.warnings)
    if plot is not None:
        from stratsim.plot import plan_height, plot_plan
        from stratsim.plot.style import new_figure

        figure = new_figure(9.0, plan_height(result))
        plot_plan(result, figure.subplots())
        save_plot(figure, plot)
    if json:
        document = {"schema_version": SCHEMA_VERSION, **result.to_dict()}
        print_json({**document, "provenance": provenance(loaded, command="plan")})
    else:
        # The warnings stand on stderr already.
        print_text(str(replace(result, plan=replace(result.plan, warnings=()))))
