"""A series from a CSV file: what it becomes, and which files are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stratsim.errors import InputError, MachineError
from stratsim.model.traffic import Trace
from stratsim.scenario_io import load

Load = Callable[..., Trace]

ROWS = "2014-04-10T00:00:00Z,600\n2014-04-10T00:05:00Z,900\n2014-04-10T00:10:00Z,300\n"


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., Any]:
    """A function that writes a CSV file and loads a scenario beside it."""

    def loaded(csv: str | bytes = "timestamp,value\n" + ROWS, **keys: Any) -> Any:
        contents = csv if isinstance(csv, bytes) else csv.encode()
        (tmp_path / "elb.csv").write_bytes(contents)
        profile = {"kind": "trace", "file": "elb.csv", "period": "5m", **keys}
        fields = ", ".join(f"{key}: {value}" for key, value in profile.items() if value is not None)
        file = tmp_path / "s.yaml"
        file.write_text(f"name: x\nplatform: ecs\ntraffic:\n  profile: {{{fields}}}\n")
        return load(file)

    return loaded


def refused(series: Callable[..., Any], tmp_path: Path, *args: Any, **keys: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        series(*args, **keys)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def profile_of(scenario: Any) -> Trace:
    profile = scenario.traffic.profile
    assert isinstance(profile, Trace)
    return profile


def test_counts_start_at_the_first_stamp(series: Load) -> None:
    profile = profile_of(series())

    assert profile.counts.tolist() == [600.0, 900.0, 300.0]
    assert (profile.period_s, profile.before_s, profile.end_s) == (300.0, 0.0, 900.0)
    assert profile.arrivals(np.array([300.0, 450.0])).tolist() == [600.0, 1050.0]


def test_rates_and_scale(series: Load) -> None:
    profile = profile_of(series(unit="rate", scale=0.5))

    assert profile.counts.tolist() == [90_000.0, 135_000.0, 45_000.0]


def test_start_lies_within_the_series(series: Load) -> None:
    profile = profile_of(series(start="2014-04-10T00:07:30Z"))

    assert profile.before_s == 450.0
    assert profile.end_s == 450.0
    assert profile.arrivals(np.array([150.0]))[0] == pytest.approx(450.0)


def test_a_start_without_a_zone_is_utc(series: Load) -> None:
    assert profile_of(series(start="'2014-04-10 00:05:00'")).before_s == 300.0


def test_gaps_are_filled_in_a_line_and_told(series: Load) -> None:
    csv = "timestamp,value\n" + ROWS.replace("00:10", "00:20")

    scenario: Any = series(csv)

    assert profile_of(scenario).counts.tolist() == [600.0, 900.0, 700.0, 500.0, 300.0]
    assert scenario.warnings[0] == (
        "elb.csv: 1 gap in the series, filled by linear interpolation (in all 2 x 5m)."
    )


def test_the_period_is_the_commonest_step(series: Load) -> None:
    assert profile_of(series(period=None)).period_s == 300.0


def test_other_columns_blank_lines_and_order_of_columns_do_not_matter(series: Load) -> None:
    csv = "label, value ,timestamp\n,600,2014-04-10T00:00:00Z\n\nx,900,2014-04-10T00:05:00Z\n"

    assert profile_of(series(csv)).counts.tolist() == [600.0, 900.0]


def test_the_fleet_is_sized_for_the_peak(series: Load) -> None:
    csv = "timestamp,value\n" + ROWS.replace("900", "360000")

    assert series(csv).service.instances == 100  # 1,200 / (0.6 * 20)


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("", "elb.csv:1: header: must be a header that names timestamp and value, but got nothing."),
        ("a,b\n1,2\n", "elb.csv:1: header: must be a header that names timestamp and value, but got 'a,b'."),
        ("timestamp,value\n", "elb.csv:1: timestamp: must be followed by at least one row, but got none."),
        ("timestamp,value\n2014-04-10T00:00:00Z,\n", "elb.csv:2: value: must be a number in [0, 1e+12], but got nothing."),
        ("timestamp,value\n2014-04-10T00:00:00Z\n", "elb.csv:2: value: must be a number in [0, 1e+12], but got nothing."),
        ("timestamp,value\n2014-04-10T00:00:00Z,nan\n", "elb.csv:2: value: must be a number in [0, 1e+12], but got 'nan'."),
        ("timestamp,value\n2014-04-10T00:00:00Z,-1\n", "elb.csv:2: value: must be a number in [0, 1e+12], but got '-1'."),
        ("timestamp,value\n2014-04-10T00:00:00Z,1e300\n", "elb.csv:2: value: must be a number in [0, 1e+12], but got '1e300'."),
        ("timestamp,value\nyesterday,1\n", "elb.csv:2: timestamp: must be an ISO 8601 time stamp, but got 'yesterday'."),
        ("timestamp,value\n" + ROWS + "2014-04-10T00:10:00Z,1\n", "elb.csv:5: timestamp: must be later than the row before, but got '2014-04-10T00:10:00Z'."),
        ("timestamp,value\n" + ROWS + "2014-04-10T00:17:00Z,1\n", "elb.csv:5: timestamp: must be a whole number of periods of 5m after the row before, but got 7m after it."),
        ("timestamp,value\n" + ROWS + "2044-04-10T00:00:00Z,1\n", "elb.csv:5: timestamp: must be within 1,000,000 periods of the first, but got more."),
    ],
    ids=lambda v: str(v)[-40:],
)  # fmt: skip
def test_bad_rows_are_told_with_their_line(
    series: Callable[..., Any], tmp_path: Path, csv: str, message: str
) -> None:
    assert refused(series, tmp_path, csv) == [message]


def test_many_bad_rows_are_cut_short(series: Callable[..., Any], tmp_path: Path) -> None:
    csv = "timestamp,value\n" + "x,y\n" * 50

    lines = refused(series, tmp_path, csv)

    assert len(lines) == 11
    assert lines[-1] == "elb.csv: must be free of such rows, but got 90 more."


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"file": "no.csv"}, "s.yaml:4: traffic.profile.file: must be a CSV file that can be read, but got no such file: no.csv. Its place is relative to the scenario file."),
        ({"file": "."}, "s.yaml:4: traffic.profile.file: must be a CSV file that can be read, but got a folder. Its"),
        ({"file": "x" * 2000}, "s.yaml:4: traffic.profile.file: must be the name of a CSV file of 1 to 1024 characters, but got"),
        ({"file": '"a\\0b"'}, "s.yaml:4: traffic.profile.file: must be the name of a CSV file of 1 to 1024 characters on one line,"),
        ({"start": "2013-01-01T00:00:00Z"}, "s.yaml:4: traffic.profile.start: must be in [2014-04-10T00:00:00Z, 2014-04-10T00:15:00Z), the time of the series, but got '2013-01-01T00:00:00Z'."),
        ({"start": "2014-04-10T00:15:00Z"}, "s.yaml:4: traffic.profile.start: must be in [2014-"),
        ({"start": "noon"}, "s.yaml:4: traffic.profile.start: must be an ISO 8601 time stamp, but got 'noon'."),
        ({"unit": "counts"}, "s.yaml:4: traffic.profile.unit: must be one of count, rate, but got 'counts'. Did you mean 'count'?"),
        ({"scale": 0}, "s.yaml:4: traffic.profile.scale: must be a number in (0, 1e+06], but got 0."),
        ({"period": "0s"}, "s.yaml:4: traffic.profile.period: must be a duration in [1s, 1d], but got '0s'."),
        ({"unit": "rate", "scale": 1e6}, "s.yaml:4: traffic.profile: must be a series of at most 1e+07 requests/s, but got 9e+08."),
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_bad_keys_are_told(
    series: Callable[..., Any], tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    lines = refused(series, tmp_path, **keys)

    assert len(lines) == 1
    assert lines[0].startswith(message)


@pytest.mark.parametrize(
    "csv", [b"timestamp,value\n\xff\xfe,1\n", b"timestamp,value\n" + b"x" * 200_000]
)
def test_files_that_are_no_text_tables(
    series: Callable[..., Any], tmp_path: Path, csv: bytes
) -> None:
    assert refused(series, tmp_path, csv)[0].startswith(
        "s.yaml:4: traffic.profile.file: must be a CSV file that can be read, but got "
    )


def test_one_row_needs_its_period(series: Callable[..., Any], tmp_path: Path) -> None:
    csv = "timestamp,value\n2014-04-10T00:00:00Z,5\n"

    assert refused(series, tmp_path, csv, period=None) == [
        "s.yaml:4: traffic.profile.period: must be given for a series of one row, but got nothing."
    ]


def test_a_series_without_permission(series: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open  # the reader alone gives a newline

    def denied(self: Path, *args: Any, **keys: Any) -> Any:
        if self.suffix == ".csv" and "newline" in keys:
            raise PermissionError
        return opened(self, *args, **keys)

    monkeypatch.setattr(Path, "open", denied)

    with pytest.raises(MachineError, match=r"elb\.csv: no permission to read it"):
        series()


def test_a_real_series_of_a_load_balancer(shared: Path) -> None:
    """NAB's ELB request counts: 4,032 rows of 5 minutes, with eight gaps of 10."""
    file = shared / "data" / "traces" / "nab_elb_request_count_5min.csv"
    if not file.is_file():
        pytest.skip("needs NAB's series")
    profile = {"kind": "trace", "file": str(file), "period": "5m", "start": "2014-04-10T08:04:00Z"}

    scenario = load({"name": "x", "platform": "ecs", "traffic": {"profile": profile}})
    found = profile_of(scenario)

    values = [float(line.split(",")[1]) for line in file.read_text().splitlines()[1:]]
    assert (found.gaps, len(found.counts)) == (8, 4040)
    assert (
        "8 gaps in the series, filled by linear interpolation (in all 8 x 5m)"
        in scenario.warnings[0]
    )
    assert found.counts.sum() >= sum(values)
    assert found.before_s == 8 * 3600
    # what lies before and after the deployment is the whole series
    total = (
        found.arrivals(np.array([found.end_s]))[0] - found.arrivals(np.array([-found.before_s]))[0]
    )
    assert total == pytest.approx(found.counts.sum())
