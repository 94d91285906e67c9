"""What was put into a stream, what a record processor did with it, and whether the two agree.

A processor appends one line to a file for whatever happens to it; many processes write the same file. Used by the
programs that break things and count what that cost.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Entry(NamedTuple):
    """One line of a ledger."""

    time: float
    pid: int
    event: str
    """`record`, or what the processor was asked for."""
    shard: str
    sequence_number: str = ""
    number: int = 0


class Ledger:
    """A file of entries, to which each write is one append: a process that is killed leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, shard: str, records: Iterable[tuple[str, int]] = (("", 0),)) -> None:
        """Append an entry for each sequence number and number."""
        now, pid = time.time(), os.getpid()
        lines = "".join(f"{now:.3f} {pid} {event} {shard} {sequence} {number}\n" for sequence, number in records)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, lines.encode())
        finally:
            os.close(file)

    def read(self) -> list[Entry]:
        """All entries so far; of a write that is going on, those that are whole."""
        if not self.path.exists():
            return []
        entries = []
        for line in self.path.read_text(encoding="utf-8").split("\n")[:-1]:
            moment, pid, event, shard, sequence_number, number = line.split(" ")
            entries.append(Entry(float(moment), int(pid), event, shard, sequence_number, int(number)))
        return entries


@dataclass(frozen=True)
class Audit:
    """How the records of a ledger compare with the numbers that were put.

    A record is known by its shard and sequence number: a producer that retries puts a number twice, and that is not a
    delivery that came twice.
    """

    processed: int
    lost: frozenset[int]
    duplicates: int
    """How many deliveries came on top of the first ones."""
    foreign: frozenset[int]
    """Numbers that nobody put."""

    @classmethod
    def of(cls, put: Iterable[int], entries: Iterable[Entry]) -> Audit:
        """Compare `put` with the entries of records."""
        records = [entry for entry in entries if entry.event == "record"]
        deliveries = Counter((entry.shard, entry.sequence_number) for entry in records)
        expected, seen = frozenset(put), {entry.number for entry in records}
        return cls(
            processed=len(deliveries),
            lost=expected - seen,
            duplicates=deliveries.total() - len(deliveries),
            foreign=frozenset(seen - expected),
        )
