"""Coverage-guided fuzzing of what a daemon may send: nothing but a message, or an error that is documented.

`hatch run fuzz:lines -max_total_time=60` (atheris; where it does not install, Hypothesis does the same in test_codec.py).
Each input is a few lines; they go through the codec, with msgspec and without, and through a child that answers them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    import kclpy
    from kclpy import codec
    from kclpy.child import Child
    from kclpy.failure import Backoff, Stop
    from kclpy.messages import Record


class PureRecord(Record):
    """A record that msgspec does not decode."""

    __slots__ = ()


codec._fast_decoders[PureRecord] = None

SEEDS = b"""\
{"action":"initialize","shardId":"shardId-000000000000","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}
{"action":"processRecords","records":[{"data":"aMOpbGxv","partitionKey":"k","sequenceNumber":"49",\
"approximateArrivalTimestamp":1700000000123,"subSequenceNumber":0,"action":"record"}],"millisBehindLatest":42}
{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null,"error":"ThrottlingException"}
{"action":"shutdownRequested"}
{"action":"shutdown","reason":"TERMINATE"}
"""


class Processor(kclpy.RecordProcessor):
    """Looks at everything, and checkpoints."""

    def process_records(self, process_records_input: kclpy.ProcessRecordsInput) -> None:
        for record in process_records_input.records:
            repr((record, record.binary_data, record["sequenceNumber"]))
        process_records_input.checkpointer.checkpoint()


class Lines:
    """The lines of one input; what is answered has to be a child's message."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.splitlines(keepends=True)

    def read_line(self) -> bytes:
        return self._lines.pop(0) if self._lines else b""

    def write_line(self, line: bytes) -> None:
        codec.decode_child(line)


def outcome(line: bytes, record_class: type[Record]) -> object:
    try:
        return codec.decode(line, record_class)
    except kclpy.MalformedMessageError as error:
        return error.place, error.reason


def one_input(data: bytes) -> None:
    """What must hold for any bytes."""
    for line in data.splitlines():
        fast, pure = outcome(line, Record), outcome(line, PureRecord)
        if fast != pure:
            raise AssertionError(fast, pure)
    child = Child(Lines(data), Processor(), Stop(attempts=1), backoff=Backoff(attempts=2, base=0, cap=0))
    try:
        while child.step() is not None:
            pass
    except kclpy.KclpyError:
        pass


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as corpus:
        Path(corpus, "a life").write_bytes(SEEDS)
        dictionary = Path(__file__).with_suffix(".dict")
        atheris.Setup([*sys.argv, f"-dict={dictionary}", "-max_len=4096", corpus], one_input)
        atheris.Fuzz()
