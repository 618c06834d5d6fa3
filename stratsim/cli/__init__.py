"""The command line: argument, one call of the library, print. The only room that prints."""

import sys


def main() -> None:
    """Run ``stratsim`` with the arguments of the process."""
    try:
        from stratsim.cli.app import run_app

        run_app()
    except KeyboardInterrupt:  # before a command runs: there is nothing to tidy up
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
