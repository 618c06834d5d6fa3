"""Renew what pages and notebooks show, so that it is what users get.

    python tools/outputs.py [FILE ...]           write the outputs anew
    python tools/outputs.py --check [FILE ...]   change nothing; end with 1 where one differs

In a page, a block with a file's name behind its language, such as ``yaml orders.yaml``, is
written to that file, for the commands after it to find. A ``console`` block shows commands
behind ``$`` and what they print; a ``text`` block behind a ``python`` block shows what that
code prints. ``[...]`` on a line of its own stands for what was left out: as many lines as
stand before and behind it are kept. Commands other than stratsim's keep what was pasted
below them. Notebooks are executed.
"""

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = "120"
GAP = "[...]"
BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```\n", re.DOTALL | re.MULTILINE)


class Place:
    """A folder to run in: the bundled scenarios in it, and ``stratsim`` on the path."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        (self.work / "scenarios").symlink_to(ROOT / "scenarios")
        script = folder / "stratsim"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m stratsim "$@"\n')
        script.chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
        self.env = {**os.environ, "PATH": path, "COLUMNS": COLUMNS, "PYTHONUTF8": "1"}

    def run(self, *command: str) -> str:
        """Return what a command prints, warnings included."""
        done = subprocess.run(
            command,
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if "Traceback (most recent call last)" in done.stdout:
            sys.exit(f"{shlex.join(command)} failed:\n{done.stdout}")
        return done.stdout


def renew_page(text: str, place: Place) -> str:
    """Return the page with every output as it is now."""
    code = ""

    def block(found: re.Match[str]) -> str:
        nonlocal code
        language, file, body = found.groups()
        if file:
            (place.work / file).write_text(body, encoding="utf-8")
            return found.group()
        before, code = code, body if language == "python" else ""
        if language == "console":
            body = _console(body, place)
        elif language == "text" and before:
            body = _cut(body, place.run(sys.executable, "-W", "ignore", "-c", before))
        return f"```{language}\n{body}```\n"

    return BLOCK.sub(block, text)


def _console(body: str, place: Place) -> str:
    """Return a console block with its outputs anew."""
    parts = re.split(r"^(\$ (?:.*\\\n)*.*\n)", body, flags=re.MULTILINE)
    shown = [parts[0]]
    for command, output in zip(parts[1::2], parts[2::2], strict=True):
        line = command[2:].replace("\\\n", " ").strip()
        ours = line.startswith(("stratsim", "cat "))
        shown += [command, _cut(output, place.run("sh", "-c", line)) if ours else output]
    return "".join(shown)


def _cut(old: str, new: str) -> str:
    """Return `new` with a gap where `old` has one, and its empty lines at the end."""
    text = old.rstrip("\n")
    tail = old[len(text) :][1 if text else 0 :]
    lines = new.rstrip("\n").splitlines()
    shown = text.splitlines()
    if GAP in shown:
        at = shown.index(GAP)
        behind = len(shown) - at - 1
        lines = [*lines[:at], GAP, *lines[len(lines) - behind :]]
    return "".join(f"{line}\n" for line in lines) + tail


def renew_notebook(text: str) -> str:
    """Return the notebook, executed."""
    import nbformat
    from nbclient import NotebookClient

    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    notebook = nbformat.reads(text, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": folder}}, record_timing=False
        ).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
    notebook.metadata.language_info = {"name": "python"}
    return nbformat.writes(notebook) + "\n"


def printed(notebook: str) -> str:
    """Return what a notebook's cells printed, pictures left out."""
    import nbformat

    lines: list[str] = []
    for number, cell in enumerate(nbformat.reads(notebook, as_version=4).cells):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            text = output.get("text") or data.get("text/plain", "")
            lines += (
                [f"cell {number}: a picture"]
                if "image/png" in data
                else [f"cell {number}: {line}" for line in text.splitlines()]
            )
    return "\n".join(lines)


def main() -> int:
    """Renew or check the files named, or all of them."""
    parser = argparse.ArgumentParser(description="Renew what pages and notebooks show.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    wanted = parser.parse_args()
    everything = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    different = 0
    for file in wanted.files or sorted(everything):
        old = file.read_text(encoding="utf-8")
        is_notebook = file.suffix == ".ipynb"
        if is_notebook:
            new = renew_notebook(old)
            was, now = printed(old), printed(new)
        else:
            with tempfile.TemporaryDirectory() as folder:
                new = renew_page(old, Place(Path(folder)))
            was, now = old, new
        only_pictures = is_notebook and wanted.files and not wanted.check and new != old
        if was == now and not only_pictures:  # pictures differ between machines
            continue
        different += 1
        name = os.path.relpath(file, ROOT)
        if wanted.check:
            print("\n".join(difflib.unified_diff(
                was.splitlines(), now.splitlines(), f"{name}: shown", "now", lineterm=""
            )))  # fmt: skip
        else:
            file.write_text(new, encoding="utf-8")
            print(f"renewed {name}")
    if wanted.check and different:
        print("If the new numbers are right, run: python tools/outputs.py", file=sys.stderr)
    return 1 if wanted.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
