"""How many pods Kubernetes and Argo Rollouts run for a percentage.

Source: argoproj/argo-rollouts, utils/replicaset/canary.go (commit 9f8d111), and the
Kubernetes documentation of Deployments ("Max Surge", "Max Unavailable").
"""

from math import ceil, floor

# Kubernetes and Argo Rollouts: a quarter of the replicas each.
DEFAULT_BOUND = "25%"


def routed(replicas: int, weight: float) -> int:
    """Return the pods for the share `weight` where a router splits the traffic: rounded up."""
    return ceil(round(replicas * weight, 9))


def unrouted(replicas: int, percent: int, *, surge: bool) -> tuple[int, int]:
    """Return canary and stable pods whose ratio comes nearest to `percent`.

    Without a router the pods are the weight. The canary is rounded up or down;
    with `surge` the total may be one more. Only 0 and 100 % leave a side empty,
    and of a tie the larger canary wins.
    """
    exact = replicas * percent / 100
    up, down = ceil(exact), floor(exact)
    pure = percent in (0, 100) or (replicas == 1 and not surge)
    found: list[tuple[int, int]] = []
    for total in (replicas, replicas + 1)[: 1 + surge]:
        # With one pod more even a canary of `replicas` leaves one for the old revision.
        if up < total or pure:
            found.append((up, total))
        if (down or pure) and (total * percent / 100) % 1 != 0.5:
            found.append((down, total))
    canary, total = min(found, key=lambda pair: abs(100 * pair[0] / pair[1] - percent))
    return canary, total - canary


def bound(value: object, replicas: int, *, up: bool) -> int:
    """Return maxSurge (rounded up) or maxUnavailable (rounded down) in pods."""
    if isinstance(value, str) and value.endswith("%"):
        exact = replicas * float(value[:-1]) / 100
        return ceil(exact) if up else floor(exact)
    return int(str(value))


def rolling_bounds(surge: object, unavailable: object, replicas: int) -> tuple[int, int]:
    """Return the fewest available and the most running pods of a rolling update.

    Where both bounds come out as 0 one pod may be unavailable, or nothing could move.
    """
    more, fewer = bound(surge, replicas, up=True), bound(unavailable, replicas, up=False)
    if not (more or fewer):
        fewer = 1
    return max(replicas - fewer, 0), replicas + more
