"""Cold starts of a new Lambda version.

Every environment of a version that was just published is cold, and each serves its
first request late. How many are needed at once follows from Little's law.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment
lifecycle" and "Configuring provisioned concurrency"; that provisioned concurrency is
divided by the alias's weights is inferred.
"""


class ColdStarts:
    """The environments of one new version that have been started.

    Parameters
    ----------
    busy_s
        How long a request keeps an environment busy [s].
    added_s
        What a cold start adds to the answer [s].
    provisioned
        Environments that are kept warm for the alias.
    """

    def __init__(self, busy_s: float, added_s: float, provisioned: int) -> None:
        self.busy_s, self.added_s, self.provisioned = busy_s, added_s, provisioned
        self._warm = 0.0
        self._usual = 0.0

    def over(self, rate_rps: float, share: float) -> float:
        """Return the cold starts of a stretch that the deployment is to blame for.

        What the growth of the traffic alone would have started is left out.
        """
        total = rate_rps * self.busy_s
        needed = max(total * share, 1.0)  # the first request needs one in any case
        ready = max(self._warm, self.provisioned * share)
        grown = max(total - self._usual, 0.0) if self._usual else 0.0
        self._usual = max(self._usual, total)
        self._warm = max(self._warm, needed)
        return max(needed - ready - grown * share, 0.0)


def chilled(
    parts: tuple[tuple[float, float, float], ...], share: float, added_s: float
) -> tuple[tuple[float, float, float], ...]:
    """Return a mixture (weight, factor, added) of which `share` meets a cold start."""
    if share <= 0:
        return parts
    warm = tuple((weight * (1 - share), factor, add) for weight, factor, add in parts)
    cold = tuple((weight * share, factor, add + added_s) for weight, factor, add in parts)
    return warm + cold
