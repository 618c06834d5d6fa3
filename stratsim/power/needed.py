"""How many requests it takes to tell a bad release from a good one, whatever the alarm."""

from math import inf


def requests_to_tell(good: float, bad: float, false: float, missed: float) -> float:
    """Return the fewest requests that tell a rate of errors from a larger one.

    Among all ways of deciding by Poisson counts of errors, to stop above a limit is
    the best (J. Neyman and E. S. Pearson, 1933); any alarm sees no more than these
    counts, and with overdispersion less.

    Parameters
    ----------
    good, bad
        Shares of requests that fail, ``good`` < ``bad``.
    false
        Largest probability to stop a good release.
    missed
        Largest probability to let a bad one pass.

    Returns
    -------
    float
        Requests served by the new revision; infinite where the two do not differ.
    """
    if not good < bad:
        return inf
    low, high = 0.0, 1.0 / bad
    while not _tells(high * good, high * bad, false, missed):
        low, high = high, 2 * high
    while high / max(low, 1e-12) > 1.001:
        middle = (low + high) / 2
        if _tells(middle * good, middle * bad, false, missed):
            high = middle
        else:
            low = middle
    return high


def _tells(good: float, bad: float, false: float, missed: float) -> bool:
    """Whether some limit tells apart counts with these means."""
    from scipy.special import pdtr, pdtrik

    # pdtrik solves P(count <= limit) = share for a real limit
    limit = 0.0 if good <= 0 else max(0.0, float(pdtrik(1 - false, good)))
    whole = int(limit)
    while good > 0 and 1 - pdtr(whole, good) > false:
        whole += 1
    return float(pdtr(whole, bad)) <= missed
