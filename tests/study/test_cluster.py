"""Studies on executors that are not ours: processes, and a Dask cluster whose workers die."""

import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stratsim
from stratsim.comparison import Comparison
from stratsim.engine.tally import Tally
from stratsim.errors import InputError, MachineError
from stratsim.study.identity import deciding_versions
from stratsim.study.jobs import Job
from stratsim.study.workers import _work_anywhere

START_S = 120
"""How long a process may take to come up on a busy machine."""

SCENARIO = """
name: spread
platform: ecs
traffic: {rate: 100}
service: {instances: 4, capacity: 50}
strategies: [CodeDeployDefault.ECSAllAtOnce, CodeDeployDefault.ECSCanary10Percent5Minutes]
seed: 5
"""
RUNS = {"des": 500, "batch": 17_000}
"""By engine: enough for parts that a cluster is at when it is disturbed."""

Bits = Callable[[Comparison], bytes]


class Cluster(NamedTuple):
    """The address of a scheduler, its process, and those of its workers."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: "list[subprocess.Popen[bytes]]"


def compare(engine: str, **settings: Any) -> Comparison:
    return stratsim.compare(stratsim.load(SCENARIO), RUNS[engine], engine=engine, **settings)


@cache
def alone(engine: str) -> Comparison:
    """What this process finds without help."""
    return compare(engine, workers=1)


@contextmanager
def started(*arguments: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the command ``dask``; it is gone at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--no-dashboard"],
            stdout=out, stderr=out, cwd=log.parent,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + START_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers of one thread each, on free ports of the loopback."""
    distributed = pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    known = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        options = ["--port", "0", "--scheduler-file", str(known)]
        scheduler = stack.enter_context(
            started("scheduler", *options, log=tmp_path / "scheduler.log")
        )
        until(lambda: known.exists() and known.read_text().endswith("}"), "no scheduler came up")
        address = json.loads(known.read_text())["address"]
        options = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0"]
        workers = [
            stack.enter_context(
                started("worker", address, *options, log=tmp_path / f"worker-{number}.log")
            )
            for number in range(2)
        ]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=START_S)
        yield Cluster(address, scheduler, workers)


@pytest.mark.slow
class TestDask:
    def test_finds_the_same_though_a_worker_is_killed(
        self, cluster: Cluster, bits_of: Bits
    ) -> None:
        """The batch engine first, on both; SimPy then, and one dies by kill -9 on the way."""
        assert bits_of(compare("batch", dask=cluster.address)) == bits_of(alone("batch"))

        told: list[tuple[int, int]] = []

        def progress(done: int, total: int) -> None:
            if not told:
                cluster.workers[0].kill()
            told.append((done, total))

        found = compare("des", dask=cluster.address, progress=progress)

        assert told[0][0] < told[0][1] == told[-1][0], "it was killed before the end"
        assert cluster.workers[0].wait() == -signal.SIGKILL
        assert cluster.workers[1].poll() is None
        assert bits_of(found) == bits_of(alone("des"))

    def test_without_its_scheduler_ends_with_one_line(self, cluster: Cluster) -> None:
        with pytest.raises(MachineError, match=r"^dask: the scheduler at .* was lost$"):
            compare("des", dask=cluster.address, progress=lambda *_: cluster.scheduler.kill())

    def test_ends_at_once_after_an_interrupt(self, cluster: Cluster, tmp_path: Path) -> None:
        path = tmp_path / "spread.yaml"
        path.write_text(SCENARIO, encoding="utf-8")
        out = tmp_path / "out"
        running = subprocess.Popen(
            [sys.executable, "-m", "stratsim", "compare", str(path), "-n", "2000000",
             "--dask", cluster.address, "--out", str(out)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: any(out.glob("*.parquet")), "no block was finished")
            running.send_signal(signal.SIGINT)
            printed = running.communicate(timeout=20)
        finally:
            running.kill()

        assert running.returncode == 130
        assert printed == ("", "interrupted\n")


def test_a_worker_of_another_version_refuses() -> None:
    """As it would answer from afar: the numbers might differ in a bit."""
    stamp = {**deciding_versions(), "numpy": "1.0"}

    with pytest.raises(
        MachineError, match=r"^a worker has .* the study was begun with .*numpy 1\.0"
    ):
        _work_anywhere(stamp, b"", Job(0, "des", 0, None, (0,)))


def test_an_address_without_a_scheduler_is_told_soon() -> None:
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    with pytest.raises(MachineError, match=r"^dask: no scheduler answers at 127.0.0.1:1 within"):
        compare("des", dask="127.0.0.1:1")


@pytest.mark.parametrize("address", ["nowhere", "host:port", "http://10.0.0.5:8786", ""])
def test_what_is_no_address_is_bad_input(address: str) -> None:
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    with pytest.raises(InputError, match=r"^dask: must be the address of a Dask scheduler"):
        compare("des", dask=address)


def test_who_makes_the_runs_is_said_once() -> None:
    with pytest.raises(InputError, match=r"^workers: must be left out where dask is given"):
        compare("des", dask="127.0.0.1:1", workers=2)


@pytest.mark.parametrize("given", [{"dask": "127.0.0.1:1"}, {"out": "no-such-folder"}])
def test_the_exact_engine_has_no_runs_to_share(given: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"must be left out with the exact engine"):
        stratsim.compare(stratsim.load(SCENARIO), engine="exact", **given)

    assert not Path("no-such-folder").exists()


@pytest.mark.slow
@pytest.mark.parametrize("engine", RUNS)
def test_somebody_else_s_processes_find_the_same(engine: str, bits_of: Bits) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        assert bits_of(compare(engine, executor=executor)) == bits_of(alone(engine))


@pytest.mark.slow
def test_a_worker_process_that_dies_ends_the_study_with_one_line() -> None:
    def progress(*_: int) -> None:
        for process in get_context("spawn").active_children():
            os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(MachineError, match=r"^a worker process died"):
        compare("des", workers=2, progress=progress)


def die_half_way(*_: object) -> Tally:
    """Die as a worker does that is killed while it writes a result, its lock in hand."""
    frame = sys._getframe()
    while "result_queue" not in frame.f_locals:
        assert frame.f_back is not None
        frame = frame.f_back
    results = frame.f_locals["result_queue"]
    results._wlock.acquire()
    os.write(results._writer.fileno(), struct.pack("!i", 20_000) + b"the rest never comes")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.slow
def test_a_worker_process_that_dies_half_way_through_a_result_does_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python's own pool would wait for the rest of it for ever."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    found = importlib.import_module(Path(__file__).stem)
    monkeypatch.setattr("stratsim.study.workers._work", found.die_half_way)
    monkeypatch.setattr("stratsim.study.pools.PULSE_S", 1.0)

    with pytest.raises(MachineError, match=r"^a worker process died"):
        compare("des", workers=2)
