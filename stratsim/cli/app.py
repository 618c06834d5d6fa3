"""The application: one command per file of `stratsim.cli.commands`, a group per folder."""

import sys
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated

import typer

from stratsim.cli import commands
from stratsim.cli.exits import guarded, prepare, wants_plain

SUMMARY = """Simulate AWS deployment strategies before you run them.

Describe a service, its alarms and the deployment configurations under discussion in one \
YAML file; compare them, choose one, export it. The command scenarios lists some to begin with.
"""


def make_app() -> typer.Typer:
    """Return the application with every command; a new command is one new file."""
    app = typer.Typer(
        name="stratsim",
        help=SUMMARY,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    _add_commands(app, commands)
    return app


def _add_commands(app: typer.Typer, package: ModuleType) -> None:
    """Add what a package holds: a module is a command, a package a group of them."""
    for found in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        module = import_module(f"{package.__name__}.{found.name}")
        name = found.name.rstrip("_").replace("_", "-")
        if found.ispkg:
            group = typer.Typer(help=module.__doc__, no_args_is_help=True)
            _add_commands(group, module)
            app.add_typer(group, name=name)
        else:
            app.command(name, epilog=f"Example:\n\n{module.EXAMPLE}")(guarded(module.command))


def run_app() -> None:
    """Run the command line; every way out has its exit code."""
    prepare()
    if wants_plain():
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None  # else help and usage errors stay bold and dim
    app = guarded(make_app())
    app(prog_name="stratsim", args=sys.argv[1:])


def _show_version(wanted: bool) -> None:
    if wanted:
        from stratsim.cli.output import own_version

        typer.echo(f"stratsim {own_version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""
