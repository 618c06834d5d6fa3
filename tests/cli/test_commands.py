"""Each command on the real engine: what it prints, what it writes, how it ends."""

from pathlib import Path
from typing import Any

import pytest

CONFIG = "CodeDeployDefault.ECSAllAtOnce"


class TestPlan:
    def test_prints_the_timeline(self, cli: Any, scenario: str) -> None:
        ended = cli("plan", scenario, "careful")

        assert ended.code == 0
        assert "AllowTraffic" in ended.out
        assert "5%" in ended.out

    def test_document_has_the_keys_of_the_contract(self, cli: Any, scenario: str) -> None:
        document = cli("plan", scenario, "careful", "--json").document

        assert {
            "scenario",
            "strategy",
            "duration_s",
            "steps",
            "minimum_healthy",
            "concurrency",
        } <= (set(document))
        assert {"time_s", "event", "new_share"} <= set(document["steps"][0])
        assert document["schema_version"] == 1
        assert document["provenance"]["command"].startswith("stratsim plan ")

    def test_takes_a_predefined_configuration_that_is_not_listed(
        self, cli: Any, scenario: str
    ) -> None:
        assert cli("plan", scenario, "CodeDeployDefault.ECSCanary10Percent5Minutes").code == 0

    @pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
    def test_draws(self, cli: Any, scenario: str, tmp_path: Path, suffix: str) -> None:
        picture = tmp_path / f"plan.{suffix}"
        ended = cli("plan", scenario, "careful", "--plot", str(picture))

        assert ended.code == 0
        assert picture.stat().st_size > 1000


class TestRun:
    def test_tells_what_happened(self, cli: Any, scenario: str) -> None:
        ended = cli("run", scenario, CONFIG, "--outcome", "error spike")

        assert ended.code == 0
        assert "small-5xx: OK -> ALARM" in ended.out
        assert "rollback" in ended.out

    def test_document_has_the_keys_of_the_contract(self, cli: Any, scenario: str) -> None:
        document = cli("run", scenario, "careful", "--seed", "3", "--json").document

        assert {
            "scenario", "strategy", "seed", "outcome_name", "status", "outcome",
            "events", "weights", "alarms", "metrics",
        } <= set(document)  # fmt: skip
        assert document["seed"] == 3
        assert set(document["weights"][0]) == {"time_s", "new_share"}

    def test_same_seed_same_document(self, cli: Any, scenario: str) -> None:
        arguments = ("run", scenario, CONFIG, "--seed", "5", "--replication", "3", "--json")

        assert cli(*arguments).out == cli(*arguments).out

    def test_draws(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        picture = tmp_path / "run.png"

        assert cli("run", scenario, CONFIG, "--plot", str(picture)).code == 0
        assert picture.stat().st_size > 1000


class TestCompare:
    def test_prints_a_table_for_people(self, cli: Any, scenario: str) -> None:
        ended = cli("compare", scenario)

        assert ended.code == 0
        assert "small: 2 strategies, 40 replications" in ended.out
        assert "ECSAllAtOnce" in ended.out
        assert "failed requests" in ended.out

    def test_document_has_the_keys_of_the_contract(self, cli: Any, scenario: str) -> None:
        document = cli(
            "compare", scenario, "--seed", "9", "--replications", "10", "--json"
        ).document
        first = document["strategies"][0]

        assert (document["seed"], document["replications"]) == (9, 10)
        assert first["strategy"] == CONFIG
        assert set(first["probabilities"]) == {"rollback", "false_rollback", "missed"}
        assert set(first["by_outcome"]) == {"healthy", "error spike"}
        assert sum(part["replications"] for part in first["by_outcome"].values()) == 10

    def test_reference_adds_paired_differences(self, cli: Any, scenario: str) -> None:
        table = cli("compare", scenario, "--reference", "careful")
        document = cli("compare", scenario, "--reference", "careful", "--json").document

        assert "Paired differences from careful" in table.out
        name, head = (
            f"\n{CONFIG.removeprefix('CodeDeployDefault.')}\n",
            "difference   worse   equal",
        )
        assert head in table.out.partition(name)[2].splitlines()[0]
        assert {row["strategy"] for row in document["differences"]} == {CONFIG}

    def test_differences_are_whole_in_a_narrow_terminal(self, cli: Any, scenario: str) -> None:
        ended = cli("compare", scenario, "--reference", "careful", columns=80)
        lines = ended.out.splitlines()
        page = lines[next(i for i, line in enumerate(lines) if "Paired" in line) :]

        assert [line for line in page if len(line) > 80] == []
        assert "\u2026" not in "".join(page)
        assert any(line.startswith(" infrastructure_cost_usd ") for line in page)

    def test_a_name_as_tables_shorten_it_is_told_whole(self, cli: Any, scenario: str) -> None:
        ended = cli("compare", scenario, "--reference", CONFIG.partition(".")[2])

        assert ended.code == 2
        assert f"Did you mean {CONFIG!r}?" in ended.err

    def test_a_precision_is_reached_or_not_and_said(self, cli: Any, scenario: str) -> None:
        arguments = ("compare", scenario, "--stratify", "--precision", "failed_requests:5%")
        wide = cli(*arguments, "--replications", "20")
        tight = cli(*arguments, "--precision", "missed:0.0001", "--max-replications", "60")

        assert wide.code == 0
        assert "Precision failed_requests:5% reached after" in wide.out
        assert tight.code == 1
        assert "Precision missed:0.0001 cannot be reached with 60 replications" in tight.out

    def test_a_precision_is_in_the_document(self, cli: Any, scenario: str) -> None:
        ended = cli("compare", scenario, "--precision", "missed:0.2", "--json")

        assert ended.document["precision"]["reached"] is True
        assert ended.document["precision"]["looks"] == [40]

    def test_workers_do_not_change_the_numbers(self, cli: Any, scenario: str) -> None:
        arguments = ("compare", scenario, "--replications", "140", "--engine", "des", "--json")
        alone, shared = (cli(*arguments, "--workers", n).document for n in ("1", "2"))

        assert alone["strategies"] == shared["strategies"]

    def test_draws(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        picture = tmp_path / "compare.png"

        assert cli("compare", scenario, "--plot", str(picture)).code == 0
        assert picture.stat().st_size > 1000


class TestRecommend:
    def test_names_a_strategy_and_why(self, cli: Any, scenario: str) -> None:
        ended = cli("recommend", scenario, "--require", "missed<=0.5")

        assert ended.code == 0
        assert ended.out.startswith("careful\n- careful has the lowest failed_requests")

    def test_exit_1_where_none_meets(self, cli: Any, scenario: str) -> None:
        ended = cli("recommend", scenario, "--require", "deployment_duration_s<=1", "--json")

        assert ended.code == 1
        assert ended.document["verdict"] == "none meets"
        assert ended.document["strategy"] is None

    def test_exit_1_where_it_cannot_tell(self, cli: Any, scenario: str) -> None:
        ended = cli("recommend", scenario, "--replications", "1")

        assert ended.code == 1
        assert ended.out.startswith("Cannot tell")

    def test_equals_is_an_upper_limit(self, cli: Any, scenario: str) -> None:
        document = cli(
            "recommend",
            scenario,
            "--require",
            "missed=50%",
            "--require",
            "min_capacity=0.1",
            "--json",
        ).document

        assert [row["operator"] for row in document["requirements"]] == ["<=", ">="]

    def test_writes_the_export(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        out = tmp_path / "out"
        document = cli("recommend", scenario, "--export", str(out), "--json").document

        assert document["files"]
        assert {Path(file) for file in document["files"]} == set(out.iterdir())

    def test_exports_nothing_without_a_winner(
        self, cli: Any, scenario: str, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        ended = cli("recommend", scenario, "--replications", "1", "--export", str(out))

        assert ended.code == 1
        assert not out.exists()
        assert "nothing is exported" in ended.err


class TestExport:
    def test_writes_what_the_command_line_of_aws_takes(
        self, cli: Any, scenario: str, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        ended = cli("export", scenario, "careful", "--out", str(out))

        assert ended.code == 0
        assert (out / "deployment-config.json").is_file()
        assert f"wrote {out / 'deployment-config.json'}" in ended.out
        assert "placeholder: " in ended.err

    def test_overwrites_only_when_told(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        arguments = ("export", scenario, "careful", "--out", str(tmp_path / "out"))
        assert cli(*arguments).code == 0

        refused = cli(*arguments)

        assert refused.code == 2
        assert "--force" in refused.err
        assert cli(*arguments, "--force").code == 0

    def test_document_lists_files_and_what_was_made_up(
        self, cli: Any, scenario: str, tmp_path: Path
    ) -> None:
        document = cli(
            "export", scenario, "careful", "--out", str(tmp_path / "out"), "--json"
        ).document

        assert document["files"]
        assert {"key", "where", "value"} == set(document["placeholders"][0])
        assert document["provenance"]["scenario_hash"]


class TestLists:
    def test_scenarios_are_listed(self, cli: Any) -> None:
        listed = cli("scenarios", "--json").document["scenarios"]

        assert "checkout-ecs" in [entry["name"] for entry in listed]
        assert listed[0]["name"] in cli("scenarios").out

    def test_a_scenario_is_printed_to_begin_with(self, cli: Any, tmp_path: Path) -> None:
        mine = tmp_path / "mine.yaml"
        mine.write_text(cli("scenarios", "checkout-ecs").out, encoding="utf-8")

        assert cli("plan", str(mine), CONFIG).code == 0

    def test_an_unknown_scenario_names_the_nearest(self, cli: Any) -> None:
        ended = cli("scenarios", "checkout-esc")

        assert ended.code == 2
        assert "Did you mean 'checkout-ecs'" in ended.err

    def test_schema_is_a_json_schema(self, cli: Any) -> None:
        schema = cli("schema").document

        assert schema["$schema"].startswith("https://json-schema.org/")
        assert "traffic" in schema["properties"]


class TestPower:
    def test_tells_rollbacks_and_the_smallest_size(self, cli: Any, scenario: str) -> None:
        ended = cli("power", scenario, "careful", "-n", "20", "--error-rate", "0.5")

        assert ended.code == 0
        assert "careful: a healthy release is rolled back in 0%" in ended.out
        assert "healthy" in ended.out

    def test_prints_one_document(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        picture = tmp_path / "power.png"
        arguments = ("power", scenario, "careful", "-n", "20", "--error-rate", "0.5")
        document = cli(*arguments, "--json", "--plot", str(picture)).document

        sizes = [point["size"] for point in document["strategies"][0]["curve"]]
        assert sizes == [0.0, 0.5]
        assert document["schema_version"] == 1
        assert document["provenance"]["command"].startswith("stratsim power")
        assert picture.read_bytes().startswith(b"\x89PNG")


class TestSweep:
    PATH = "strategies.careful.trafficRoutingConfig.timeBasedCanary.canaryPercentage"

    def test_shows_each_combination_and_the_best(self, cli: Any, scenario: str) -> None:
        ended = cli("sweep", scenario, "--set", f"{self.PATH}=5,20", "-n", "20")

        assert ended.code == 0
        assert "2 combinations, 20 replications each" in ended.out
        assert ended.out.count("ECSAllAtOnce") == 2
        assert "careful *" in ended.out

    def test_prints_one_document(self, cli: Any, scenario: str, tmp_path: Path) -> None:
        picture = tmp_path / "sweep.png"
        arguments = ("--set", f"{self.PATH}=5,20", "--set", "on_call.respond=5m", "-n", "10")
        ended = cli("sweep", scenario, *arguments, "--json", "--plot", str(picture))

        values = [one["values"] for one in ended.document["combinations"]]
        assert values == [{self.PATH: p, "on_call.respond": "5m"} for p in (5, 20)]
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_a_picture_of_three_paths_is_refused_before_the_work(
        self, cli: Any, scenario: str, tmp_path: Path
    ) -> None:
        paths = ("traffic.rate=1,2", "traffic.dispersion=1,2", f"{self.PATH}=5,20")
        sets = [part for path in paths for part in ("--set", path)]
        picture = tmp_path / "sweep.png"

        ended = cli("sweep", scenario, *sets, "-n", "1000000000", "--plot", str(picture))

        assert ended.code == 2
        assert "--plot: must be asked of a sweep over one or two paths" in ended.err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("service.zone=1,2", "Did you mean 'zones'?"),
            ("service.zones", "--set: must be PATH=V1,V2,..."),
            ("service.zones=[", "YAML"),
        ],
    )
    def test_refuses_what_it_cannot_read(
        self, cli: Any, scenario: str, text: str, message: str
    ) -> None:
        ended = cli("sweep", scenario, "--set", text)

        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err
