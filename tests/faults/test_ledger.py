"""The auditor itself: each fault is planted in a ledger, and found."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.ledger import Audit, Ledger

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import os, signal, sys
from pathlib import Path
from tests.faults.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for batch in range(50):
    ledger.write("record", sys.argv[2], [(str(number), number) for number in range(batch * 100, batch * 100 + 100)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Of two shards: 0, 1 and 2 were processed in one, 3 and 4 in the other."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.write("initialize", "a")
    ledger.write("record", "a", [("10", 0), ("11", 1), ("12", 2)])
    ledger.write("record", "b", [("10", 3), ("13", 4)])
    ledger.write("shutdown_requested", "a")
    return ledger


def audit(ledger: Ledger, put: int = 5) -> Audit:
    return Audit.of(range(put), ledger.read())


def test_what_was_processed_once_is_in_order(ledger: Ledger) -> None:
    """Shards may use the same sequence numbers; what else happened does not count."""
    assert audit(ledger) == Audit(processed=5, lost=frozenset(), duplicates=0, foreign=frozenset())


def test_what_never_came_is_lost(ledger: Ledger) -> None:
    """At the end, and in the middle."""
    assert audit(ledger, 7).lost == {5, 6}
    lines = ledger.path.read_text().splitlines(keepends=True)
    ledger.path.write_text("".join(line for line in lines if not line.endswith(" 11 1\n")))
    assert audit(ledger).lost == {1}


def test_what_came_again_is_a_duplicate_each_time(ledger: Ledger) -> None:
    """Whichever process it came to."""
    ledger.write("record", "a", [("11", 1), ("12", 2)])
    ledger.write("record", "a", [("12", 2)])
    assert (audit(ledger).duplicates, audit(ledger).processed) == (3, 5)


def test_a_number_that_the_producer_put_twice_is_not_a_duplicate(ledger: Ledger) -> None:
    """It has two sequence numbers then."""
    ledger.write("record", "a", [("14", 2)])
    assert (audit(ledger).duplicates, audit(ledger).processed) == (0, 6)


def test_a_number_that_nobody_put_is_foreign(ledger: Ledger) -> None:
    """The ledger is another stream's."""
    assert audit(ledger, 3).foreign == {3, 4}


def test_entries_say_who_wrote_them_and_when(ledger: Ledger) -> None:
    """In the order in which they were written."""
    entries = ledger.read()
    assert [entry.event for entry in entries] == ["initialize", *["record"] * 5, "shutdown_requested"]
    assert {entry.pid for entry in entries} == {os.getpid()}
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)


def test_a_ledger_that_was_not_begun_is_empty(tmp_path: Path) -> None:
    """As before the first start."""
    assert Ledger(tmp_path / "ledger").read() == []


def test_half_a_line_is_not_read_yet(ledger: Ledger) -> None:
    """A reader may come in the middle of a write."""
    whole = ledger.read()
    with ledger.path.open("a") as file:
        file.write("1.0 1 record a 1")
    assert ledger.read() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_processes_that_write_at_once_and_are_killed_leave_whole_lines(tmp_path: Path) -> None:
    """Nothing is mixed, and nothing is missing that was written before the end."""
    ledger = Ledger(tmp_path / "ledger")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(ledger.path), shard]) for shard in "abc"]
    for writer in writers:
        assert writer.wait() == -9
    assert audit(ledger, 5000) == Audit(processed=15000, lost=frozenset(), duplicates=0, foreign=frozenset())
