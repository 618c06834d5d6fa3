"""Results on disk: finished blocks of a study, from which it goes on."""

from stratsim.store.checkpoint import Checkpoint
from stratsim.store.comparing import compare_kept

__all__ = ["Checkpoint", "compare_kept"]
