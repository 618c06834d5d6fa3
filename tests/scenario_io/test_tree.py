"""Text to plain data: what is read, where it stands, and what is refused."""

import pytest

from stratsim.errors import InputError
from stratsim.scenario_io.tree import MAX_BYTES, parse_text


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_text(text, "s.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        ("007", 7),
        ("0x1f", 31),
        ("0o17", 15),
        (".5", 0.5),
        ("14:00", "14:00"),
        ("2014-04-10T08:00:00Z", "2014-04-10T08:00:00Z"),
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("1_000", "1_000"),
        ("!!str 5", "5"),
        ("1" * 41, float("1" * 41)),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = parse_text(f"a: {text}").data["a"]

    assert found == value
    assert type(found) is type(value)


def test_a_tab_that_indents_is_named() -> None:
    assert refused("a:\n\tb: 1\n") == (
        "s.yaml:2: must be YAML or JSON that can be read, but got 'b: 1'. "
        "Indent with spaces: YAML takes no tabs there."
    )


def test_every_key_and_entry_knows_its_line() -> None:
    tree = parse_text("a: 1\nb:\n  c: [1, 2]\n  d:\n    - x\n    - {e: 1,\n       f: 2}\n")

    assert tree.lines["a"] == 1
    assert tree.lines["b.c.1"] == 3
    assert tree.lines["b.d.0"] == 5
    assert tree.lines["b.d.1.f"] == 7


def test_aliases_and_merge_keys_are_expanded() -> None:
    tree = parse_text("a: &x {b: 1, c: 2}\nd: *x\ne:\n  <<: *x\n  c: 3\nf: {<<: [*x, {g: 4}]}\n")

    assert tree.data["d"] == {"b": 1, "c": 2}
    assert tree.data["e"] == {"b": 1, "c": 3}
    assert tree.data["f"] == {"b": 1, "c": 2, "g": 4}


def test_json_is_read_with_tabs_and_escaped_surrogates() -> None:
    assert parse_text('{\n\t"a": "\\ud83d\\ude00", "b": [1e2]}').data == {"a": "😀", "b": [100.0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml:1: must be a mapping of scenario keys, but got nothing. A minimal"),
        ("# only a comment\n", "s.yaml:1: must be a mapping of scenario keys, but got nothing."),
        ("- 1\n", "s.yaml:1: must be a mapping of scenario keys, but got [1]."),
        ("text", "s.yaml:1: must be a mapping of scenario keys, but got 'text'."),
        ("a: b: c", "s.yaml:1: must be YAML or JSON that can be read, but got 'a: b: c'. The YAML"),
        ("a: 1\nb: [1", "s.yaml:3: must be YAML or JSON that can be read"),
        ("a: 1\n--- \nb: 2\n", "s.yaml:2: must be one YAML document, but got a second one."),
        ("? [1]\n: 2\n", "s.yaml:1: must be a text as key, but got a mapping or a list."),
        ("a: &k x\n*k : 1\n", "s.yaml:2: must be a text as key, but got an alias."),
        ("a: *b\n", "s.yaml:1: must be an alias of an anchor above, but got 'b'."),
        ("a: &x [*x]\n", "s.yaml:1: must be an alias of an anchor above, but got 'x'."),
        ("a: " + "[" * 60, "s.yaml:1: must be nested at most 50 deep, but got more."),
        ("a: \x07", "s.yaml:1: must be YAML or JSON that can be read"),
        ('a: "\\UFFFFFFFF"', "s.yaml:1: must be YAML or JSON that can be read"),
        ("a: " + "x" * MAX_BYTES, "s.yaml: must be at most 1,000,000 bytes, but got 1,000,003"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, message: str) -> None:
    assert refused(text).startswith(message)


def test_a_bomb_of_aliases_is_defused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]

    message = refused("\n".join(rows))

    assert "at most 2,000,000 characters and nodes with its aliases expanded" in message


def test_depth_made_of_aliases_counts() -> None:
    rows = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100))]

    assert "must be nested at most 50 deep" in refused("\n".join(rows))


@pytest.mark.parametrize(
    ("text", "path", "rule"),
    [
        ("a: !Ref x", "a", "a plain value without a tag"),
        ("a: !!python/object:os.system {}", "a", "a plain value without a tag"),
        ("a: [1, .nan]", "a.1", "a finite number"),
        ("a: -.inf", "a", "a finite number"),
        ("a: 1e999", "a", "a finite number"),
        ("a: 1\na: 2", "a", "given once"),
        ("a: {<<: 5}", "a.<<", "a mapping, or a list of them"),
    ],
)
def test_other_problems_do_not_end_the_reading(text: str, path: str, rule: str) -> None:
    tree = parse_text(text)

    assert [(p.where, p.rule) for p in tree.problems] == [(path, rule)]


def test_the_second_of_two_equal_keys_is_the_one_told() -> None:
    tree = parse_text("a: 1\nb: 2\na: 3\n")

    assert tree.problems[0].got == "the key a second time (first in line 1)"
    assert tree.lines["a"] == 3
    assert tree.data["a"] == 1
