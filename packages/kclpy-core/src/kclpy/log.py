"""Logging to stderr, one line a record with the shard's id, for programs that set up none of their own.

`logging` is never imported for an idle child: it costs as much memory and time as the rest of kclpy together.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

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


def log_end(error: BaseException) -> bool:
    """Log `error`, for which the program ends, with the traceback of its cause, if the program uses `logging`.

    True if a handler wrote it to stderr: it is not to be written there again.
    """
    if "logging" not in sys.modules:
        return False
    import logging

    source: logging.Logger | None = logger()
    logger().error("%s", error, exc_info=error.__cause__ or error)
    handlers: list[Any] = []
    while source is not None:
        handlers += source.handlers
        source = source.parent if source.propagate else None
    return logger().isEnabledFor(logging.ERROR) and any(
        handler.level <= logging.ERROR and _is_stderr(handler) for handler in handlers or [logging.lastResort]
    )


def _is_stderr(handler: Any) -> bool:
    """Whether `handler` writes to file descriptor 2, or to 1, which the runner has made the same."""
    try:
        number: int = handler.stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return number in (1, 2)


def logger() -> logging.Logger:
    """The logger of kclpy's own records."""
    import logging

    configure_if_imported()
    return logging.getLogger("kclpy")
