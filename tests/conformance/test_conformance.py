"""What real daemons of KCL 1.x, 2.x and 3.x have said is understood, and answered as it was then."""

from __future__ import annotations

from pathlib import Path

import pytest
from kclpy.codec import decode, decode_child, encode
from kclpy.messages import ProcessRecords
from kclpy.testing import TranscriptError, replay
from kclpy_samples.wordcount import WordCounter

TRANSCRIPTS = sorted(Path(__file__).parent.glob("transcripts/*.transcript"))
LOCKS = Path(__file__).parents[2] / "packages/kclpy-jars/locks"

each_transcript = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)


@pytest.mark.parametrize("end", ["graceful-stop", "lease-lost", "shard-ended"])
def test_every_kcl_that_is_bundled_was_recorded(end):
    """There is a transcript of each version that kclpy-jars has a lock of, for each way in which a shard's life ends."""
    recorded = {path.name for path in TRANSCRIPTS if path.stem.endswith(end)}
    assert recorded == {f"kcl-{path.stem}-{end}.transcript" for path in LOCKS.glob("*.json")}


@each_transcript
def test_a_recorded_life_is_answered_as_it_was(path):
    """The processor that was recorded sends the same statuses and checkpoints again."""
    replay(path.read_text(encoding="utf-8"), WordCounter)


@each_transcript
def test_another_answer_than_the_recorded_one_is_noticed(path):
    """A check that cannot fail is none: without its last answer the transcript no longer replays."""
    lines = path.read_text(encoding="utf-8").splitlines()
    last = max(index for index, line in enumerate(lines) if line.startswith("< "))
    with pytest.raises(TranscriptError):
        replay("\n".join(lines[:last] + lines[last + 1 :]), WordCounter)


@each_transcript
def test_every_recorded_line_survives_the_codec_both_ways(path):
    """What is decoded and encoded again means the same; the batches are those of the daemon's own layout."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("> "):
            message = decode(line[2:].encode())
            assert decode(encode(message)) == message
            if isinstance(message, ProcessRecords):
                assert all(record.binary_data for record in message.records)
        elif line.startswith("< "):
            message = decode_child(line[2:].encode())
            assert decode_child(encode(message)) == message
