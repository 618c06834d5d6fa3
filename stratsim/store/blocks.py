"""One finished job as a Parquet file: a row per run, every bit of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.engine.tally import Tally
from stratsim.errors import UnsupportedError

if TYPE_CHECKING:
    from stratsim.model.plan import Plan
    from stratsim.study.jobs import Job

COLUMNS = tuple(name for name in Tally.__dataclass_fields__ if name != "plan")
STAMP = b"stratsim"
"""Key of a file's metadata that says which job of which study it holds."""


def parquet() -> Any:
    """Return pyarrow with its Parquet module, which is loaded for checkpoints only."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        msg = "checkpoints need the extra 'distributed': pip install 'stratsim[distributed]'"
        raise UnsupportedError(msg) from None
    return pa


def encode(job: Job, tally: Tally, study: str) -> bytes:
    """Return the bytes of the file of a job.

    Without dictionaries, in which 0.0 and -0.0 would meet.
    """
    pa = parquet()
    columns = {
        "strategy": np.full(len(job.replications), job.strategy, np.int32),
        "replication": np.array(job.replications, np.int64),
        **{name: getattr(tally, name) for name in COLUMNS},
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({STAMP: _stamp(job, study)})
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, compression="zstd", use_dictionary=False)
    return bytes(sink.getvalue())


def decode(data: bytes, job: Job, plan: Plan, study: str) -> Tally | None:
    """Return the tally in the bytes of a file; None where they are not those of the job."""
    pa = parquet()
    try:
        table = pa.parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError):  # cut short, or not written by us
        return None
    if (table.schema.metadata or {}).get(STAMP) != _stamp(job, study):
        return None
    columns = {name: table.column(name).to_numpy() for name in COLUMNS}
    return Tally(plan=plan, **columns)


def _stamp(job: Job, study: str) -> bytes:
    last = (job.replications[0], job.replications[-1], len(job.replications))
    return json.dumps([study, job.strategy, job.engine, job.block, job.outcome, *last]).encode()
