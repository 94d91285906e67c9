"""Whether the daemon is being stopped, as `kclpy-helper run` lets the shards' processes know: a file appears."""

from __future__ import annotations

import os

STOPPING_VARIABLE = "KCLPY_STOPPING"
"""The environment variable with the file's path."""


def is_stopping() -> bool:
    """Whether the daemon that started this process is being stopped."""
    return os.path.exists(os.environ.get(STOPPING_VARIABLE, ""))
