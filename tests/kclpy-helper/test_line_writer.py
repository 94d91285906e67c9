"""Lines for a reader that reads, one that has stopped, one that is gone, and a full disk."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_helper import line_writer
from kclpy_helper.line_writer import LineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes are POSIX's")


@pytest.fixture
def pipe() -> Iterator[tuple[io.RawIOBase, io.RawIOBase]]:
    """The reader's end, and the writer's."""
    reader, writer = os.pipe()
    with io.FileIO(reader, "r") as read_end, io.FileIO(writer, "w") as write_end:
        yield read_end, write_end


def lost(count: int) -> bytes:
    return b"%d lost\n" % count


def test_lines_are_written_in_their_order(pipe: tuple[io.RawIOBase, io.RawIOBase]) -> None:
    """All that waits at the end, too."""
    reader, file = pipe
    with LineWriter(file, lost) as writer:
        for number in range(100):
            writer.write(b"%d\n" % number)
    file.close()
    assert reader.readall() == b"".join(b"%d\n" % number for number in range(100))


def test_nobody_waits_for_a_reader_that_has_stopped(
    pipe: tuple[io.RawIOBase, io.RawIOBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is dropped, in one piece, and counted once somebody reads again."""
    monkeypatch.setattr(line_writer, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(line_writer, "CLOSE_SECONDS", 60.0)
    reader, file = pipe
    lines = [b"%05d %s\n" % (number, b"x" * 994) for number in range(3000)]
    with LineWriter(file, lost) as writer:
        start = time.monotonic()
        for line in lines:
            writer.write(line)
        assert time.monotonic() - start < 10
        found: list[bytes] = []
        with os.fdopen(os.dup(reader.fileno()), "rb") as text:
            for line in text:
                found.append(line)
                if b"lost" in line:
                    break
            writer.write(b"later\n")
            assert text.readline() == b"later\n"
    *kept, last = found
    assert kept == lines[: len(kept)]
    assert last == lost(3000 - len(kept))
    assert 900 <= len(kept) < 2000


def test_the_end_does_not_wait_for_a_reader_that_has_stopped() -> None:
    """Nor does the interpreter, when it ends."""
    code = (
        "import sys\nfrom kclpy_helper.line_writer import LineWriter\n"
        "with LineWriter(open(2, 'wb', buffering=0, closefd=False), lambda count: b'') as writer:\n"
        "    writer.write(b'x' * 1_000_000)\n"
        "sys.exit(7)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        assert process.wait(60) == 7


def test_a_full_non_blocking_pipe_is_waited_for(pipe: tuple[io.RawIOBase, io.RawIOBase]) -> None:
    """Another program that has the same pipe may have made it so."""
    reader, file = pipe
    os.set_blocking(file.fileno(), False)
    data = b"x" * 300_000 + b"\n"
    with LineWriter(file, lost) as writer, os.fdopen(os.dup(reader.fileno()), "rb") as text:
        writer.write(data)
        assert text.readline() == data


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_costs_the_lines_and_nothing_else() -> None:
    """They are counted."""
    with Path("/dev/full").open("wb", buffering=0) as full, LineWriter(full, lost) as writer:
        writer.write(b"a\n")
        deadline = time.monotonic() + 30
        while writer._lost != 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_reader_that_has_gone_costs_the_lines_and_nothing_else(pipe: tuple[io.RawIOBase, io.RawIOBase]) -> None:
    """As with `2>&1 | head`."""
    reader, file = pipe
    reader.close()
    with LineWriter(file, lost) as writer:
        writer.write(b"a\n")
        writer.write(b"b\n")
