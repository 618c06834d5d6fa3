"""How the command line ends: an exit code and, where it fails, plain lines on stderr.

0 done; 1 done, and the answer is no; 2 bad input; 3 the machine failed; 130 after
Ctrl-C. Nothing here prints a traceback.
"""

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TextIO

from stratsim.errors import StratsimError

NO = 1
BAD_INPUT = 2
MACHINE = 3
INTERRUPTED = 130
GRACE_S = 3.0
"""Longest that the way out after Ctrl-C may take."""

P = ParamSpec("P")


class _State:
    """What the end of the process has to know."""

    interrupted = False


def _insist() -> None:
    """End with the code of an interrupt, as the last thing that happens.

    An interpreter that was interrupted at certain moments would end itself by the
    signal, without an exit code.
    """
    if _State.interrupted:
        os._exit(INTERRUPTED)


def tell(text: str) -> None:
    """Print a line on stderr; one that nobody can read any more is no failure."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def warn(text: object) -> None:
    """Print a warning on stderr."""
    tell(f"warning: {text}")


def prepare() -> None:
    """Let warnings be lines, and characters that a terminal lacks be question marks."""
    atexit.register(_insist)  # before all others, hence after them
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the process
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  (open to the end)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    warnings.showwarning = _show_warning


def wants_plain() -> bool:
    """Whether the user wants no escape codes: NO_COLOR is set (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    warn(message)


def guarded(function: Callable[P, object]) -> Callable[P, None]:
    """Return `function` with every way out turned into an exit code."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            _interrupted()
        except BrokenPipeError:
            _leave_quietly()
        except StratsimError as error:
            _end(str(error), error.exit_code)
        except MemoryError:
            _end("the machine is out of memory; fewer replications need less", MACHINE)
        except OSError as error:
            _end(_os_message(error), MACHINE)
        except Exception as error:  # noqa: BLE001  (the last resort: never a traceback)
            _end(_unforeseen(error), MACHINE)

    return inside


def _end(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        tell(line)
    _flush_or_drop()
    raise SystemExit(code)


PACKAGE = Path(__file__).parents[1]


def _os_message(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC and not where:
        where = "stdout: "
    return f"{where}{error.strerror or type(error).__name__}"


def _unforeseen(error: Exception) -> str:
    """Return one line for what should not happen, with the place, to be reported."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).is_relative_to(PACKAGE):
            place = f" at {Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"internal error{place}: {type(error).__name__}: {text} (please report it)"


def _leave_quietly() -> NoReturn:
    """End as wanted by a reader who has seen enough, such as ``head``."""
    _drop(sys.stdout)
    raise SystemExit(0)


def _flush_or_drop() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop(sys.stdout)


def _drop(stream: TextIO) -> None:
    """Point a stream at nothing, so that the interpreter's own flush cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupted() -> NoReturn:
    """End soon and quietly: a second Ctrl-C and busy workers neither delay nor dirty it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "multiprocessing" in sys.modules:
        import multiprocessing

        # The way out waits for the workers, and they are in the middle of something.
        for worker in multiprocessing.active_children():
            worker.terminate()
    tell("interrupted")
    _flush_or_drop()
    # Python's own pools may trip over each other's closed pipes on the way out, and say so.
    _drop(sys.stderr)
    last_resort = threading.Timer(GRACE_S, os._exit, (INTERRUPTED,))
    last_resort.daemon = True
    last_resort.start()
    _State.interrupted = True
    raise SystemExit(INTERRUPTED)
