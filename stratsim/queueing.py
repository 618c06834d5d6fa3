"""Response times of an instance: log-normal service behind an M/M/c queue.

An instance works on ``c`` requests at once and serves ``capacity`` requests/s,
so one slot serves ``capacity / c``. Requests that find all slots busy wait; by
Erlang's C formula they are a share ``C(c, rho)``, and their wait is exponential
with rate ``capacity * (1 - rho)`` [1]_. The response time is the service's
log-normal latency plus that wait. The approximation: the wait is that of
exponential service, whatever the shape of the latency.

.. [1] L. Kleinrock, *Queueing Systems*, vol. 1, 1975, section 3.5 (M/M/m).
"""

import math
from functools import lru_cache

import numpy as np

from stratsim.model.quantities import Array
from stratsim.model.service import Latency, Service

_RHO_CELLS = 256
_T_CELLS = 320
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FAR = 8.0

SAME = 1 + 1e-9
"""Factor between loads that are one load: rounding makes no difference."""


def erlang_c(servers: int, rho: float) -> float:
    """Return the probability that a request waits in M/M/c at utilisation `rho`.

    `rho` in [0, inf); at 1 and above every request waits.
    """
    if rho >= 1:
        return 1.0
    if rho <= 0:
        return 0.0
    load = servers * rho
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked / (1 - rho * (1 - blocked))


def mean_wait_s(servers: int, capacity_rps: float, rho: float) -> float:
    """Return the mean wait of all requests [s]; infinite at `rho` >= 1."""
    if rho >= 1:
        return math.inf
    return erlang_c(servers, rho) / (capacity_rps * (1 - rho))


class ResponseTimes:
    """Tables of the response time's survival function over utilisation and time.

    Parameters
    ----------
    latency
        The service's log-normal latency at low load.
    servers
        Requests that one instance works on at once (c).
    capacity_rps
        Requests that one instance serves per second.
    """

    def __init__(self, latency: Latency, servers: int, capacity_rps: float) -> None:
        self.median, self.sigma = latency.median, max(latency.sigma, 1e-9)
        self.servers, self.capacity_rps = servers, capacity_rps
        self.mean_s = self.median * math.exp(self.sigma**2 / 2)
        self.rhos = np.linspace(0.0, 1.0, _RHO_CELLS + 1)
        longest = max(self.median * math.exp(6 * self.sigma), 60.0)
        self.log_times = np.linspace(
            math.log(self.median) - 6 * self.sigma, math.log(longest), _T_CELLS
        )
        self.times = np.exp(self.log_times)
        self.table = np.array([self._survival(rho, self.times) for rho in self.rhos])
        self.waits = np.array([mean_wait_s(servers, capacity_rps, r) for r in self.rhos[:-1]])
        self._columns: dict[float, list[float]] = {}
        self._lines: dict[float, Array] = {}

    def _survival(self, rho: float, times: Array) -> Array:
        """P(S + W > t) for each of `times`, by quadrature over the service time."""
        z = (np.log(times) - math.log(self.median)) / self.sigma
        slow = _normal_tail(z)
        if rho >= 1:
            return np.ones_like(times)
        waits = erlang_c(self.servers, rho)
        if waits == 0:
            return slow
        theta = self.capacity_rps * (1 - rho)
        top = np.clip(z, -_FAR, _FAR)
        half = (top + _FAR) / 2
        nodes = -_FAR + half[:, None] * (1 + _NODES)
        rest = times[:, None] - self.median * np.exp(self.sigma * nodes)
        density = np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
        late = np.exp(-theta * np.maximum(rest, 0.0)) * density
        return np.asarray(np.minimum(slow + waits * half * (late @ _WEIGHTS), 1.0))

    def survival(self, rho: float, t_s: float) -> float:
        """P(response time > `t_s`) at utilisation `rho`, from the table."""
        if t_s <= 0:
            return 1.0
        column = self._columns.get(t_s)
        if column is None:
            column = self._column(t_s)
            if len(self._columns) < 256:
                self._columns[t_s] = column
        if rho >= 1:
            return column[-1]
        at = rho * _RHO_CELLS
        low = int(at)
        return column[low] + (at - low) * (column[low + 1] - column[low])

    def survival_many(self, rho: Array, t_s: Array) -> Array:
        """`survival` of arrays; the two are broadcast."""
        rho, t_s = np.broadcast_arrays(rho, t_s)
        step = self.log_times[1] - self.log_times[0]
        at = (np.log(np.maximum(t_s, 1e-300)) - self.log_times[0]) / step
        low = np.clip(at.astype(np.int64), 0, _T_CELLS - 2)
        part = np.clip(at - low, 0.0, 1.0)
        up = np.clip(rho, 0.0, 1.0) * _RHO_CELLS
        row = np.minimum(up.astype(np.int64), _RHO_CELLS - 1)
        rise = up - row
        table = self.table
        here = table[row, low] + part * (table[row, low + 1] - table[row, low])
        above = table[row + 1, low] + part * (table[row + 1, low + 1] - table[row + 1, low])
        return np.asarray(np.where(t_s <= 0, 1.0, here + rise * (above - here)))

    def survival_along(self, rho: Array, t_s: float) -> Array:
        """`survival_many` at one time."""
        if t_s <= 0:
            return np.ones_like(rho)
        line = self._lines.get(t_s)
        if line is None:
            line = self.survival_many(self.rhos, np.full(len(self.rhos), t_s))
            if len(self._lines) < 256:
                self._lines[t_s] = line
        up = np.minimum(np.maximum(rho, 0.0), 1.0) * _RHO_CELLS
        row = np.minimum(up.astype(np.int64), _RHO_CELLS - 1)
        here = line[row]
        return np.asarray(here + (up - row) * (line[row + 1] - here))

    def mean_many(self, rho: Array) -> Array:
        """`mean` of an array."""
        at = np.clip(rho, 0.0, 1.0) * _RHO_CELLS
        low = np.minimum(at.astype(np.int64), _RHO_CELLS - 2)
        wait = self.waits[low] + (at - low) * (self.waits[low + 1] - self.waits[low])
        return np.asarray(self.mean_s + wait)

    def _column(self, t_s: float) -> list[float]:
        """P(response time > `t_s`) at each utilisation of the table."""
        step = self.log_times[1] - self.log_times[0]
        at = (math.log(t_s) - self.log_times[0]) / step
        low = min(max(int(at), 0), _T_CELLS - 2)
        part = min(max(at - low, 0.0), 1.0)
        column: list[float] = (
            self.table[:, low] + part * (self.table[:, low + 1] - self.table[:, low])
        ).tolist()
        return column

    def survival_at(self, rho: float, factor: float, add_s: float) -> Array:
        """P(factor * T + add > t) on the table's times, shape (times,)."""
        at = min(max(rho, 0.0), 1.0) * _RHO_CELLS
        low = min(int(at), _RHO_CELLS - 1)
        row = self.table[low] + (at - low) * (self.table[low + 1] - self.table[low])
        if factor == 1.0 and add_s == 0.0:
            return np.asarray(row)
        inner = (self.times - add_s) / factor
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(inner > 0, np.log(np.maximum(inner, 1e-300)), -np.inf)
        return np.asarray(np.interp(logs, self.log_times, row, left=1.0))

    def mean(self, rho: float) -> float:
        """Mean response time at utilisation `rho` [s]; capped at the table's last row."""
        at = min(max(rho, 0.0), 1.0) * _RHO_CELLS
        low = min(int(at), _RHO_CELLS - 2)
        wait = self.waits[low] + (at - low) * (self.waits[low + 1] - self.waits[low])
        return float(self.mean_s + wait)


def _normal_tail(z: Array) -> Array:
    return np.array([math.erfc(x / math.sqrt(2)) / 2 for x in z])


@lru_cache(maxsize=64)
def _response_times(median: float, p99: float, servers: int, capacity: float) -> ResponseTimes:
    return ResponseTimes(Latency(median=median, p99=p99), servers, capacity)


def response_times(service: Service) -> ResponseTimes:
    """Return the tables for `service`, built once per process."""
    latency = service.latency
    return _response_times(latency.median, latency.p99, service.concurrency, service.capacity)
