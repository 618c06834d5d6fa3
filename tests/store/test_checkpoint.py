"""A study that is cut short goes on from its finished blocks, and from no others."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.comparison import Comparison
from stratsim.engine.setup import prepare
from stratsim.engine.tally import Tally
from stratsim.errors import InputError, MachineError
from stratsim.store.blocks import COLUMNS, decode, encode
from stratsim.store.checkpoint import STUDY, Checkpoint
from stratsim.strategies import build_plan
from stratsim.study.jobs import Job

pytest.importorskip("pyarrow", reason="needs the extra 'distributed'")

PROGRAM = [sys.executable, "-m", "stratsim"]
SCENARIO = """\
name: kept
platform: ecs
traffic: {rate: 100}
service: {instances: 1000, capacity: 50}
strategies: [CodeDeployDefault.ECSAllAtOnce, CodeDeployDefault.ECSCanary10Percent5Minutes]
seed: 5
"""
RUNS = 5_000
"""Three batches of each of two strategies: of a large fleet few go together."""

KILLED = """
import os, signal, sys
from stratsim.cli import main

written = []

def watch(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(".parquet"):
        written.append(arguments[1])
        if len(written) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
main()
"""
"""The command, killed when it has written its third block and not yet named it so."""

Bits = Callable[[Comparison], bytes]


def compare(**settings: Any) -> Comparison:
    settings = {"replications": RUNS, "workers": 1, **settings}
    return stratsim.compare(stratsim.load(settings.pop("text", SCENARIO)), **settings)


@cache
def uninterrupted() -> Comparison:
    return compare()


def blocks(folder: Path) -> dict[str, int]:
    """The finished blocks and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}


def cut_short(folder: Path, **settings: Any) -> None:
    """Begin a study and leave it after its second block."""

    def progress(done: int, total: int) -> None:
        if len(blocks(folder)) == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        compare(out=folder, progress=progress, **settings)


class TestGoingOn:
    def test_makes_the_rest_and_finds_the_same_bits(self, tmp_path: Path, bits_of: Bits) -> None:
        cut_short(tmp_path)
        before, told = blocks(tmp_path), []

        found = compare(out=tmp_path, resume=True, progress=lambda *told_of: told.append(told_of))

        assert len(before) == 2
        assert blocks(tmp_path).items() > before.items(), "what was kept is not made again"
        assert len(told) == 4
        assert told[0] == (3 * 2_096, 2 * RUNS)
        assert told[-1] == (2 * RUNS, 2 * RUNS)
        assert bits_of(found) == bits_of(uninterrupted())

    def test_on_other_workers_finds_the_same_bits(self, tmp_path: Path, bits_of: Bits) -> None:
        cut_short(tmp_path)

        assert bits_of(compare(out=tmp_path, resume=True, workers=3)) == bits_of(uninterrupted())

    def test_from_the_end_makes_nothing(self, tmp_path: Path, bits_of: Bits) -> None:
        compare(out=tmp_path)
        told: list[Any] = []

        found = compare(out=tmp_path, resume=True, progress=lambda *made: told.append(made))

        assert told == []
        assert bits_of(found) == bits_of(uninterrupted())

    @pytest.mark.parametrize("left", [[], [f".{STUDY}.123.tmp"]])
    def test_from_nothing_begins(self, tmp_path: Path, left: list[str], bits_of: Bits) -> None:
        """So that one command line serves for every try."""
        for name in left:
            (tmp_path / name).touch()

        assert bits_of(compare(out=tmp_path, resume=True)) == bits_of(uninterrupted())
        assert not any((tmp_path / name).exists() for name in left)

    @pytest.mark.parametrize(
        ("engine", "replications", "more"),
        [
            ("des", 150, "noise: sampled"),  # more than a worker is handed at once
            (
                "batch",
                50,
                "noise: expected\nlifecycle: {AfterInstall: {duration: 9s, failure: 0.5}}",
            ),
        ],
    )
    def test_in_parts_and_by_outcome(
        self, tmp_path: Path, engine: str, replications: int, more: str, bits_of: Bits
    ) -> None:
        small = SCENARIO.replace("instances: 1000", "instances: 4")
        settings = {"text": f"{small}{more}\n", "replications": replications, "engine": engine}

        made = compare(out=tmp_path, **settings)
        kept = compare(out=tmp_path, resume=True, **settings)

        outcomes = 1 if engine == "des" else len(made.outcomes)
        assert len(blocks(tmp_path)) == 2 * outcomes
        assert bits_of(made) == bits_of(kept) == bits_of(compare(**settings))

    def test_looks_for_a_precision_share_their_blocks(self, tmp_path: Path, bits_of: Bits) -> None:
        """Looks at 3,000 and at 5,000 runs: the first batch of each strategy is the same one."""
        asked = {"replications": 3_000, "precision": "failed_requests:0.001%",
                 "max_replications": RUNS}  # fmt: skip

        made = compare(out=tmp_path, **asked)
        before = blocks(tmp_path)
        again = compare(out=tmp_path, resume=True, **asked)

        assert made.precision is not None
        assert made.precision.looks == (3_000, RUNS)
        runs = ["0-2095", "2096-2999", "2096-4191", "4192-4999"]
        assert sorted(before) == [
            f"strategy-{n:03}-runs-{first:08}-{last:08}.parquet"
            for n in range(2)
            for first, last in (map(int, pair.split("-")) for pair in runs)
        ]
        assert blocks(tmp_path) == before
        assert bits_of(made) == bits_of(again) == bits_of(uninterrupted())
        with pytest.raises(InputError, match=r"^precision: must be 'failed_requests:"):
            compare(out=tmp_path, resume=True, **(asked | {"precision": "missed:0.1"}))

    def test_any_reader_of_parquet_reads_the_runs(self, tmp_path: Path) -> None:
        import pandas as pd

        compare(out=tmp_path)
        frame = pd.read_parquet(tmp_path)

        assert list(frame) == ["strategy", "replication", *COLUMNS]
        assert (frame.groupby("strategy")["replication"].nunique() == RUNS).all()

    @pytest.mark.slow
    def test_after_kill_9(self, tmp_path: Path) -> None:
        """The process is killed as it is; the next one prints what an undisturbed one prints."""
        path, folder = tmp_path / "kept.yaml", tmp_path / "out"
        path.write_text(SCENARIO, encoding="utf-8")
        arguments = ["compare", str(path), "-n", "12000", "--json"]
        command = [*PROGRAM, *arguments]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, *arguments, "--out", str(folder)],
            stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        before = blocks(folder)

        resumed, whole = (
            json.loads(subprocess.run(call, stdout=subprocess.PIPE, check=True).stdout)
            for call in ([*command, "--out", str(folder), "--resume"], command)
        )

        assert killed.returncode == -signal.SIGKILL
        assert len(before) == 2
        assert blocks(folder).items() > before.items()
        assert resumed["provenance"].pop("command") != whole["provenance"].pop("command")
        assert resumed == whole


class TestRefusing:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"text": SCENARIO.replace("rate: 100", "rate: 101")}, "scenario_hash: must be '"),
            ({"seed": 6}, "seed: must be 5 as in {}, but got 6."),
            ({"stratify": True}, "stratify: must be False as in {}, but got True."),
            ({"engine": "des"}, "engine: must be 'batch' as in {}, but got 'des'."),
            ({"replications": 99}, "replications: must be 5000 as in {}, but got 99."),
            (
                {"strategies": ["CodeDeployDefault.ECSAllAtOnce"]},
                "but got 'CodeDeployDefault.ECSAllAtOnce'.",
            ),
        ],
    )
    def test_another_study(self, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        cut_short(tmp_path)
        before = blocks(tmp_path)

        with pytest.raises(InputError) as error:
            compare(out=tmp_path, resume=True, **change)

        assert message.format(tmp_path) in str(error.value)
        assert str(error.value).endswith("Another study needs another folder.")
        assert len(error.value.problems) == 1
        assert blocks(tmp_path) == before

    @pytest.mark.parametrize(
        ("name", "value"), [("numpy", "1.0"), ("stratsim", "0.0.1"), ("simpy", None)]
    )
    def test_another_version(self, tmp_path: Path, name: str, value: str | None) -> None:
        cut_short(tmp_path)
        study = json.loads((tmp_path / STUDY).read_text())
        study["versions"][name] = value
        (tmp_path / STUDY).write_text(json.dumps(study))

        with pytest.raises(InputError, match=rf"^versions\.{name}: must be {value!r} as in"):
            compare(out=tmp_path, resume=True)

    def test_a_folder_with_something_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").touch()

        with pytest.raises(InputError, match=r"^out: must be a new or an empty folder, but got"):
            compare(out=tmp_path)
        with pytest.raises(InputError, match=f"^out: must be the folder of a study, with {STUDY}"):
            compare(out=tmp_path, resume=True)

    @pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
    def test_a_folder_of_something_else(self, tmp_path: Path, text: str) -> None:
        (tmp_path / STUDY).write_text(text)

        with pytest.raises(InputError, match=r"^out: must be the folder of a study"):
            compare(out=tmp_path, resume=True)

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "out"
        path.touch()

        with pytest.raises(InputError, match=r"^out: must be a folder, but got"):
            compare(out=path)

    def test_no_folder_at_all(self) -> None:
        with pytest.raises(InputError, match=r"^resume: must be given together with out"):
            compare(resume=True)

    @pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda _: b"", lambda _: b"PAR1"])
    def test_a_damaged_block(self, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
        cut_short(tmp_path)
        path = next(tmp_path.glob("*.parquet"))
        path.write_bytes(damage(path.read_bytes()))

        with pytest.raises(InputError, match=r"must be a whole block of this study.* made anew"):
            compare(out=tmp_path, resume=True)

    def test_a_block_of_another_place(self, tmp_path: Path) -> None:
        cut_short(tmp_path)
        one, other = sorted(tmp_path.glob("*.parquet"))
        one.write_bytes(other.read_bytes())

        with pytest.raises(InputError, match=r"must be a whole block of this study"):
            compare(out=tmp_path, resume=True)

    def test_a_folder_that_another_run_uses(self, tmp_path: Path) -> None:
        pytest.importorskip("fcntl")
        with (
            Checkpoint(tmp_path),
            pytest.raises(InputError, match=r"that no other run is using, but got"),
        ):
            compare(out=tmp_path, resume=True)


class TestMachine:
    def test_a_place_where_no_folder_can_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(MachineError, match=r"Not a directory$"):
            compare(out=tmp_path / "file" / "out")

    @pytest.mark.slow
    def test_no_room_ends_with_one_line_and_leaves_whole_blocks(self, tmp_path: Path) -> None:
        """A limit of the system on the size of files stands for a disk that is full."""
        path, folder = tmp_path / "kept.yaml", tmp_path / "out"
        path.write_text(SCENARIO, encoding="utf-8")
        done = subprocess.run(
            [*PROGRAM, "compare", str(path), "-n", "3000", "--out", str(folder)],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.endswith(": File too large\n")
        assert len(done.stderr.splitlines()) == 1
        assert [path.name for path in folder.iterdir()] == [STUDY]


def test_every_bit_comes_back() -> None:
    """Signed zeros and two kinds of NaN among them."""
    scenario = stratsim.load(SCENARIO)
    setup = prepare(scenario, build_plan(scenario, "CodeDeployDefault.ECSAllAtOnce"))
    odd = np.array([0.0, -0.0, np.nan, 5e-324, np.inf, 1 / 3]).view(np.int64)
    odd = np.append(odd, 0x7FF8DEADBEEF0001).view(np.float64)
    runs = len(odd)
    columns = dict.fromkeys(COLUMNS[3:], odd)
    truth = np.arange(runs) % 2 == 0
    tally = Tally(
        plan=setup.plan, outcome=np.arange(runs), succeeded=truth, automatic=~truth, **columns
    )
    job = Job(1, "batch", 3, None, tuple(range(5, 5 + runs)))

    data = encode(job, tally, "study")
    back = decode(data, job, setup.plan, "study")

    assert back is not None
    for name in COLUMNS:
        before, after = getattr(tally, name), getattr(back, name)
        assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes()), name
    assert decode(data, job, setup.plan, "another study") is None
