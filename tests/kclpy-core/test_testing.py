"""The test kit: FakeDaemon, the builders, replay and the pytest fixture."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import kclpy
import pytest
from kclpy.testing import SHARD_END, FakeDaemon, TranscriptError, record, records, replay

pytest_plugins = ["pytester"]
DOCS = Path(__file__).parents[2] / "docs"


class Checkpoints(kclpy.RecordProcessor):
    """Checkpoints each batch at its last record."""

    def process_records(self, process_records_input):
        process_records_input.checkpointer.checkpoint()


class Remembers(kclpy.RecordProcessor):
    """Keeps what it was given."""

    def __init__(self):
        self.given = []

    def initialize(self, initialize_input):
        self.given.append((initialize_input.shard_id, initialize_input.sequence_number))

    def process_records(self, process_records_input):
        self.given.append([item.binary_data for item in process_records_input.records])
        self.checkpointer = process_records_input.checkpointer

    def lease_lost(self, lease_lost_input):
        self.given.append("lost")


def test_a_life_from_initialize_to_shard_end_is_acknowledged_action_by_action():
    """Each verb is one action of the daemon's, and `initialize` comes first by itself."""
    with FakeDaemon(Checkpoints) as daemon:
        batch = records("cat", b"dog")
        daemon.process_records(batch)
        daemon.shutdown_requested()
        daemon.shard_ended()
    assert daemon.acknowledged == ["initialize", "processRecords", "shutdownRequested", "shardEnded"]
    assert daemon.checkpoints == [batch[-1].sequence_number, batch[-1].sequence_number, SHARD_END]


def test_what_is_delivered_is_what_was_given():
    """Data reaches the processor as bytes, text as UTF-8, in order."""
    processor = Remembers()
    with FakeDaemon(processor, shard_id="shardId-7", sequence_number="LATEST") as daemon:
        daemon.process_records(["é", b"\xff", record("x")])
        daemon.lease_lost()
    assert processor.given == [("shardId-7", "LATEST"), ["é".encode(), b"\xff", b"x"], "lost"]


def test_a_checkpoint_before_anything_was_delivered_is_where_the_lease_began():
    """As in the KCL, `checkpoint()` without a record repeats the initial position."""
    with FakeDaemon(Checkpoints) as daemon:
        daemon.shutdown_requested()
    assert daemon.checkpoints == ["TRIM_HORIZON"]


def test_resharding_ends_the_parent_and_starts_each_child_afresh():
    """`reshard` needs the end of the shard to be checkpointed, and gives a daemon for each child."""
    with FakeDaemon(Checkpoints) as parent:
        children = parent.reshard("shardId-1", "shardId-2")
    for child in children:
        child.process_records(["x"])
        child.close()
    assert parent.checkpoints == [SHARD_END]
    assert [len(child.checkpoints) for child in children] == [1, 1]


def test_failed_checkpoints_are_answered_in_order_and_retried_when_throttled():
    """Two throttled answers are retried at once; another error is raised by its class."""
    with FakeDaemon(Checkpoints) as daemon:
        daemon.fail_checkpoints("ThrottlingException", "KinesisClientLibDependencyException")
        daemon.process_records(["x"])
        assert len(daemon.checkpoints) == 1
    daemon = FakeDaemon(Checkpoints)
    daemon.fail_checkpoints("InvalidStateException")
    with pytest.raises(kclpy.ProcessorFailedError) as failure:
        daemon.process_records(["x"])
    assert isinstance(failure.value.__cause__, kclpy.InvalidStateError)


@pytest.mark.parametrize("reason", ["TERMINATE", "ZOMBIE"])
def test_kcl_1_ends_are_driven_too(reason):
    """`shutdown` is what a daemon of KCL 1.x sends."""
    with FakeDaemon(Checkpoints) as daemon:
        daemon.shutdown(reason)
    assert daemon.checkpoints == ([SHARD_END] if reason == "TERMINATE" else [])


def at(position):
    """A processor that checkpoints at `position(records)`."""

    class At(kclpy.RecordProcessor):
        def process_records(self, process_records_input):
            process_records_input.checkpointer.checkpoint(*position(process_records_input.records))

    return At


@pytest.mark.parametrize(
    "position",
    [
        lambda batch: ["nonsense"],
        lambda batch: [str(int(batch[-1].sequence_number) + 1)],
        lambda batch: [batch[-1].sequence_number, 1],
    ],
)
def test_the_fake_refuses_a_checkpoint_past_what_was_delivered(position):
    """The KCL answers IllegalArgumentException outside the range from the last checkpoint to the last record."""
    with pytest.raises(kclpy.ProcessorFailedError) as failure:
        FakeDaemon(at(position)).process_records(["x", "y"])
    assert isinstance(failure.value.__cause__, kclpy.InvalidSequenceNumberError)


def test_the_fake_refuses_a_checkpoint_before_the_last_one():
    """A checkpoint never goes back."""
    first = record("x")
    daemon = FakeDaemon(at(lambda batch: [batch[-1] if batch[-1] is batch[0] else first]))
    daemon.process_records([first])
    daemon.process_records(["y"])
    with pytest.raises(kclpy.ProcessorFailedError):
        daemon.process_records(["z", "z"])


def test_a_processor_that_raises_makes_the_verb_raise_and_is_not_acknowledged():
    """ProcessorFailedError comes from the processor's exception, and nothing more can be sent."""
    daemon = FakeDaemon(lambda batch: 1 / 0)
    with pytest.raises(kclpy.ProcessorFailedError) as failure:
        daemon.process_records(["x"])
    assert isinstance(failure.value.__cause__, ZeroDivisionError)
    assert daemon.acknowledged == ["initialize"]
    daemon.close()


def test_a_function_is_checkpointed_after_each_batch():
    """What holds for `kclpy.run` holds here: a function needs no checkpoint of its own."""
    seen = []
    with FakeDaemon(seen.extend) as daemon:
        daemon.process_records(["x", "y"])
    assert [item.binary_data for item in seen] == [b"x", b"y"]
    assert len(daemon.checkpoints) == 1


TRANSCRIPT = """\
a remark
> {"action":"initialize","shardId":"shardId-0","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}
< {"action":"status","responseFor":"initialize"}
> {"action":"shutdownRequested"}
< {"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null}
> {"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null,"error":null}
< {"action":"status","responseFor":"shutdownRequested"}
"""


def test_replay_accepts_the_answers_that_were_recorded():
    """A transcript replays as text and as lines."""
    replay(TRANSCRIPT, Checkpoints)
    replay(TRANSCRIPT.splitlines(keepends=True), Checkpoints)


@pytest.mark.parametrize(
    ("transcript", "line", "found"),
    [
        (TRANSCRIPT.replace('"responseFor":"initialize"', '"responseFor":"leaseLost"'), 3, "sent"),
        (TRANSCRIPT.replace('"action":"shutdownRequested"', '"action":"leaseLost"'), 5, "sent"),
        ("\n".join(TRANSCRIPT.splitlines()[:-1]), 7, "sent"),
        (TRANSCRIPT + '< {"action":"status","responseFor":"leaseLost"}\n', 8, "waited"),
    ],
)
def test_replay_names_the_first_line_that_differs(transcript, line, found):
    """A wrong answer, one too many and one too few are each a TranscriptError at their line."""
    with pytest.raises(
        TranscriptError, match=rf"line {line} of the transcript: .* but the child {found}"
    ) as difference:
        replay(transcript, Checkpoints)
    assert difference.value.line == line


def test_replay_passes_on_what_the_processor_raises():
    """A failure of the processor is no difference between transcripts."""
    with pytest.raises(kclpy.ProcessorFailedError):
        replay(
            TRANSCRIPT.replace('"action":"shutdownRequested"', '"action":"processRecords","records":[]'),
            lambda batch: 1 / 0,
        )


def test_the_fixture_makes_daemons_and_closes_them(pytester):
    """Pytest finds `fake_daemon` through the entry point, and what it made is closed after the test."""
    pytester.makepyfile("""
        import pytest, kclpy
        made = []

        def test_one(fake_daemon):
            made.append(fake_daemon(lambda batch: None, shard_id="shardId-3"))
            made[0].process_records(["x"])
            with pytest.raises(kclpy.ProcessorFailedError):
                fake_daemon(lambda batch: 1 / 0).process_records(["x"])

        def test_two():
            assert made[0].closed
    """)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)


@pytest.mark.parametrize("document", ["testing.md"])
def test_the_snippets_of_the_docs_are_tests_that_pass(document, pytester):
    """What the docs show about testing runs as it stands."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / document).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    pytester.makepyfile(
        my_app=textwrap.dedent("""
            import kclpy

            class Orders(kclpy.RecordProcessor):
                def process_records(self, batch):
                    batch.checkpointer.checkpoint()
        """),
        test_docs="from my_app import Orders\n" + "\n".join(blocks),
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)
