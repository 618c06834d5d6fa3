"""A Dask cluster as an executor; the extra `distributed` brings what it takes."""

from __future__ import annotations

import asyncio
import logging
import warnings
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stratsim.errors import InputError, MachineError, Problem, UnsupportedError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

PATIENCE_S = 5
"""How long the scheduler may take to answer at first."""

CLOSING_S = 1
"""How long a farewell may take; the scheduler forgets a client that is gone anyway."""


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Give an executor whose workers are those of the Dask scheduler at `address`.

    A worker that dies costs what it was at: the scheduler gives that to another one.

    Raises
    ------
    UnsupportedError
        Dask is not installed.
    InputError
        `address` is no address.
    MachineError
        No scheduler answers, it is lost on the way, or its workers die of the work.
    """
    distributed = _library()
    with _silence():
        _reach(distributed, address)
        client = distributed.Client(
            address, timeout=PATIENCE_S, set_as_default=False, name="stratsim"
        )
        try:
            if not client.scheduler_info()["workers"]:
                text = f"the cluster at {address} has no workers yet; waiting for the first"
                warnings.warn(text, stacklevel=4)
            yield client.get_executor(pure=False)
        except CancelledError as error:
            msg = f"dask: the scheduler at {address} was lost"
            raise MachineError(msg) from error
        except distributed.scheduler.KilledWorker as error:
            msg = "dask: the workers died of the work, perhaps for lack of memory"
            raise MachineError(msg) from error
        finally:
            client.close(timeout=CLOSING_S)


def _library() -> Any:
    try:
        import distributed
    except ImportError:
        msg = "a Dask cluster needs the extra 'distributed': pip install 'stratsim[distributed]'"
        raise UnsupportedError(msg) from None
    return distributed


def _reach(distributed: Any, address: str) -> None:
    """Say what is wrong with `address` before a client is made, which could not be closed."""

    async def knock() -> None:
        comm = await distributed.comm.connect(address, timeout=PATIENCE_S)
        await comm.close()

    pool = ThreadPoolExecutor(1)  # a notebook has a loop running in this thread
    try:
        pool.submit(asyncio.run, knock()).result()
    except (ValueError, TypeError) as error:
        rule = "the address of a Dask scheduler, such as tcp://10.0.0.5:8786"
        raise InputError([Problem("dask", rule, shorten(address), f"{error}.")]) from None
    except OSError:
        msg = f"dask: no scheduler answers at {address} within {PATIENCE_S} s"
        raise MachineError(msg) from None
    finally:
        pool.shutdown(wait=False)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Dask's log off the terminal; what matters becomes an error."""
    names = ("distributed", "distributed.client", "tornado.application")
    loud = [log for log in map(logging.getLogger, names) if not log.disabled]
    for log in loud:
        log.disabled = True
    try:
        yield
    finally:
        for log in loud:
            log.disabled = False
