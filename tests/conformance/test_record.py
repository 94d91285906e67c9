"""The recorder between daemon and child: neither may notice it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RECORD = Path(__file__).with_name("record.py")
CHILD = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(b"<" + line)
    sys.stdout.buffer.flush()
sys.stdout.buffer.write(b"the end")
sys.exit(7)
"""


def test_every_byte_passes_in_both_directions_and_is_written_down_in_order(tmp_path: Path) -> None:
    """Lines that are no text, a carriage return, and a last line without an end; the exit code is the child's."""
    said = [b'{"data": "h\xc3\xa9llo"}\n', b"\x00\xff\xfe\r\n", b"\n"]
    command = [sys.executable, str(RECORD), str(tmp_path), sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as recorder:
        assert recorder.stdin
        assert recorder.stdout
        for line in said:
            recorder.stdin.write(line)
            recorder.stdin.flush()
            assert recorder.stdout.readline() == b"<" + line
        recorder.stdin.close()
        assert recorder.stdout.read() == b"the end"
        assert recorder.wait() == 7
    [transcript] = tmp_path.glob("*.transcript")
    exchanged = b"".join(b"> " + line + b"< <" + line for line in said)
    assert transcript.read_bytes() == exchanged + b"< the end"


def test_a_child_that_ends_first_ends_the_recorder(tmp_path: Path) -> None:
    """The daemon, which still holds the other end of stdin, sees its child's end as without a recorder."""
    command = [sys.executable, str(RECORD), str(tmp_path), sys.executable, "-c", "import sys; sys.exit(3)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as recorder:
        assert recorder.stdout
        assert recorder.stdout.read() == b""
        assert recorder.wait() == 3
