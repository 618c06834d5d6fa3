"""What the tests of two engines share."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from stratsim.engine.tally import Tally

Compare = Callable[[Tally, Tally, Sequence[str], float], None]


@pytest.fixture(scope="session")
def hold_to_one_law() -> Compare:
    """Two-sample tests on columns of two samples, each of two tests at a level."""

    def compare(one: Tally, many: Tally, columns: Sequence[str], level: float) -> None:
        for column in columns:
            first, second = (np.asarray(getattr(t, column), dtype=float) for t in (one, many))
            gaps = [int(np.isnan(values).sum()) for values in (first, second)]
            table = [[gap, len(first) - gap] for gap in gaps]
            assert stats.fisher_exact(table).pvalue > level, f"{column}: how often it is absent"
            # rounding makes ties of what differs in the last digit of a float
            a, b = (values[~np.isnan(values)].round(7) for values in (first, second))
            if len(a) and len(b):
                assert stats.ks_2samp(a, b, method="asymp").pvalue > level, column

    return compare
