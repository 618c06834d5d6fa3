"""Pictures in two layers: `numbers` are pure and tested, the rest draws them.

Every drawing takes ``ax=`` and returns the axes; nothing is shown, no style is set,
and matplotlib is loaded when something is drawn.
"""

from stratsim.plot.drawn_backtest import plot_backtest
from stratsim.plot.drawn_characteristic import plot_characteristic
from stratsim.plot.drawn_comparison import plot_comparison, plot_tradeoffs
from stratsim.plot.drawn_plan import plan_height, plot_plan
from stratsim.plot.drawn_power import plot_power
from stratsim.plot.drawn_run import plot_run
from stratsim.plot.drawn_sensitivity import plot_ranking, plot_sweep, plot_tornado

__all__ = [
    "plan_height",
    "plot_backtest",
    "plot_characteristic",
    "plot_comparison",
    "plot_plan",
    "plot_power",
    "plot_ranking",
    "plot_run",
    "plot_sweep",
    "plot_tornado",
    "plot_tradeoffs",
]
