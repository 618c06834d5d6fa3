"""HCL, Terraform's language: just enough of it, laid out as ``terraform fmt`` does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression that stands as it is, such as ``aws_codedeploy_app.this.name``."""

    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its type, its labels, its arguments and the blocks within it.

    Arguments that are ``None`` are left out.
    """

    kind: str
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, object] = field(default_factory=dict)
    blocks: tuple["Block", ...] = ()

    def lines(self) -> list[str]:
        """Return the block's lines."""
        head = " ".join([self.kind, *(_quoted(label) for label in self.labels), "{"])
        body = _arguments({k: v for k, v in self.arguments.items() if v is not None})
        for block in self.blocks:
            body += ([""] if body else []) + block.lines()
        return [head, *(f"  {line}" if line else "" for line in body), "}"]


def hcl_text(blocks: list[Block]) -> str:
    """Return the text of a file with `blocks`."""
    return "\n\n".join("\n".join(block.lines()) for block in blocks) + "\n"


def _arguments(arguments: Mapping[str, object]) -> list[str]:
    """Return the arguments: one-liners with their signs aligned, maps after them."""
    short = {k: v for k, v in arguments.items() if not isinstance(v, Mapping)}
    width = max((len(key) for key in short), default=0)
    lines = [f"{key:<{width}} = {_value(value)}" for key, value in short.items()]
    for key, value in arguments.items():
        if isinstance(value, Mapping):
            inner = _arguments({_map_key(str(name)): item for name, item in value.items()})
            lines += ([""] if lines else []) + [f"{key} = {{", *(f"  {i}" for i in inner), "}"]
    return lines


def _map_key(key: str) -> str:
    return key if key.isascii() and key.isidentifier() else _quoted(key)


def _value(value: object) -> str:
    if isinstance(value, Reference):
        return value.text
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    r"""Return a quoted string; ``${`` and ``%{`` would begin a template.

    Characters outside ASCII stand as they are: HCL reads no pairs of ``\u`` escapes.
    """
    quoted = json.dumps(text, ensure_ascii=False)
    quoted = quoted.replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return quoted.replace("${", "$${").replace("%{", "%%{")
