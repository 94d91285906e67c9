"""Logging to stderr, one line a record with the shard's id, for programs that set up none of their own.

`logging` is never imported for an idle child: it costs as much memory and time as the rest of kclpy together.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

_enabled = False
_shard_id = "no shard yet"


def enable() -> None:
    """From now on see to it that records of `logging` get to stderr; the runner's word, never a test's."""
    global _enabled
    _enabled = True
    configure_if_imported()


def set_shard_id(shard_id: str) -> None:
    """The shard that records are about from now on."""
    global _shard_id
    _shard_id = shard_id


def configure_if_imported() -> None:
    """Give the root logger a handler if the program uses `logging` and has given it none."""
    global _enabled
    if not _enabled or "logging" not in sys.modules:
        return
    _enabled = False
    import logging

    root = logging.getLogger()
    if root.handlers:
        return

    class OneLine(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            record.shard_id = _shard_id
            return super().format(record).replace("\r", "\\r").replace("\n", "\\n")

    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s [%(shard_id)s] %(name)s: %(message)s"))
    root.addHandler(handler)
    if root.level == logging.WARNING:
        root.setLevel(logging.INFO)


def logger() -> logging.Logger:
    """The logger of kclpy's own records."""
    import logging

    configure_if_imported()
    return logging.getLogger("kclpy")
