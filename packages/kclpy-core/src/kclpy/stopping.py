"""Whether the daemon is being stopped, as `kclpy-helper run` lets the shards' processes know: a file appears."""

from __future__ import annotations

import os

STOPPING_VARIABLE = "KCLPY_STOPPING"
"""The environment variable with the file's path."""
REFUSAL = (
    "the daemon is being stopped: this shard is not initialized, its records are neither processed nor checkpointed, and "
    "the next worker goes on from the last checkpoint"
)
"""What is logged of a shard that is taken up nevertheless."""


def is_stopping() -> bool:
    """Whether the daemon that started this process is being stopped."""
    return os.path.exists(os.environ.get(STOPPING_VARIABLE, ""))
