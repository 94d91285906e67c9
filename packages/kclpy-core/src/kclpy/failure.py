"""What happens when a processor raises: the same call again after a while, and then `Stop`, `Skip` or `DeadLetter`.

Nothing is acknowledged that failed, unless the user chose a policy that says so.
"""

from __future__ import annotations

from kclpy.errors import SetupError
from kclpy.log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

    from kclpy.messages import Record

ON_ERROR_VARIABLE = "KCLPY_ON_ERROR"
"""The environment variable that chooses the policy where the program does not: `stop` or `skip`."""


class Backoff:
    """`attempts` tries in all, with a random wait of at most `base`, 2 x `base`, ... `cap` seconds between them.

    ("Full jitter", AWS Architecture Blog, Exponential Backoff And Jitter.)
    """

    def __init__(self, attempts: int, base: float, cap: float) -> None:
        if attempts < 1 or base < 0 or cap < 0:
            raise SetupError(f"a backoff takes attempts >= 1, base >= 0 and cap >= 0, not {attempts}, {base}, {cap}")
        self.attempts = attempts
        self.base = base
        self.cap = cap

    def delays(self) -> Iterator[float]:
        """The waits in seconds, one fewer than the attempts."""
        from random import uniform

        for retry in range(self.attempts - 1):
            yield uniform(0, min(self.cap, self.base * 2**retry))


class FailurePolicy:
    """When to try again, and what to do in the end. Use `Stop`, `Skip` or `DeadLetter`, or a subclass of your own.

    `attempts`, `base` and `cap` (seconds) are the backoff's; the default gives up within 15 s of waiting. With
    `per="record"` every record is delivered, retried and given up by itself.
    """

    def __init__(
        self,
        *,
        attempts: int = 5,
        base: float = 1.0,
        cap: float = 8.0,
        per: Literal["batch", "record"] = "batch",
    ) -> None:
        if per not in ("batch", "record"):
            raise SetupError(f"per is 'batch' or 'record', not {per!r}")
        self.backoff = Backoff(attempts, base, cap)
        self.per = per

    def give_up(self, method: str, records: Sequence[Record], error: Exception) -> bool:
        """Whether to acknowledge all the same, after the last attempt at `method` raised `error`.

        `method` is the v3 name (`process_records`, ...), `records` what it was given, if it was given any.
        """
        raise NotImplementedError


class Stop(FailurePolicy):
    """Exit without acknowledging: the daemon stops, and the batch comes again from the last checkpoint."""

    def give_up(self, method: str, records: Sequence[Record], error: Exception) -> bool:
        return False


class Skip(FailurePolicy):
    """Acknowledge, with the loss logged and counted (`skipped`, in records).

    A failed `initialize` or `shard_ended` stops all the same: there is nothing that could be skipped.
    """

    skipped = 0

    def give_up(self, method: str, records: Sequence[Record], error: Exception) -> bool:
        if method in ("initialize", "shard_ended"):
            return False
        self.skipped += len(records)
        which = f" {_counted(records, self.skipped)}" if records else ""
        logger().error("skipped %s%s after it failed", method, which, exc_info=error)
        return True


class DeadLetter(FailurePolicy):
    """Hand what failed to `callback(records, error)`, and acknowledge it once that has returned.

    What was handed over is logged and counted (`handed_over`, in records). If the callback raises, the program stops without acknowledging. What holds no records (`initialize`,
    `shard_ended`, ...) stops as under `Stop`.
    """

    handed_over = 0

    def __init__(
        self,
        callback: Callable[[Sequence[Record], Exception], object],
        *,
        attempts: int = 5,
        base: float = 1.0,
        cap: float = 8.0,
        per: Literal["batch", "record"] = "batch",
    ) -> None:
        super().__init__(attempts=attempts, base=base, cap=cap, per=per)
        self.callback = callback

    def give_up(self, method: str, records: Sequence[Record], error: Exception) -> bool:
        if method != "process_records":
            return False
        self.callback(records, error)
        self.handed_over += len(records)
        which = _counted(records, self.handed_over)
        logger().error("handed %s to the dead letter after %s failed", which, method, exc_info=error)
        return True


def policy_from_environment(value: str | None, default: FailurePolicy) -> FailurePolicy:
    """The policy that `KCLPY_ON_ERROR` names, `default` if it is not set. Raises SetupError for another value."""
    if not value:
        return default
    if value not in ("stop", "skip"):
        raise SetupError(f"{ON_ERROR_VARIABLE} is 'stop' or 'skip', not {value!r}")
    return Stop() if value == "stop" else Skip()


def _counted(records: Sequence[Record], so_far: int) -> str:
    span = f"sequence numbers {records[0].sequence_number} to {records[-1].sequence_number}"
    return f"{len(records)} records ({span}; {so_far} so far)"
