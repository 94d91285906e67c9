"""What holds for every life of a shard's process, whatever the daemon sends and however the processor behaves."""

from __future__ import annotations

import kclpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy.testing import SHARD_END, FakeDaemon, records

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.integers(0, 5), st.sampled_from(["checkpoint", "first", "wait", "raise"])),
        st.tuples(st.just("throttle"), st.integers(1, 6), st.just("")),
        st.tuples(st.just("shutdown_requested"), st.just(0), st.just("")),
    ),
    max_size=12,
)
POLICIES = st.sampled_from(["Stop", "Skip"])


class Scripted(kclpy.RecordProcessor):
    """Does with each batch what the script says."""

    def __init__(self):
        self.todo = "wait"

    def process_records(self, process_records_input):
        if self.todo == "raise":
            raise LookupError
        if self.todo == "checkpoint":
            process_records_input.checkpointer.checkpoint()
        if self.todo == "first" and process_records_input.records:
            process_records_input.checkpointer.checkpoint(process_records_input.records[0])


@given(steps=STEPS, policy=POLICIES, per=st.sampled_from(["batch", "record"]))
def test_a_checkpointed_record_was_delivered_and_a_failed_batch_never_acknowledged(steps, policy, per):
    """Checkpoints only grow and only name delivered records; under Stop nothing follows a failure."""
    processor = Scripted()
    daemon = FakeDaemon(processor, on_error=getattr(kclpy, policy)(attempts=2, base=0, per=per))
    delivered = {"TRIM_HORIZON", SHARD_END}
    batches = 0
    try:
        for kind, number, todo in steps:
            processor.todo = todo
            if kind == "throttle":
                daemon.fail_checkpoints(*["ThrottlingException"] * number)
            elif kind == "shutdown_requested":
                daemon.shutdown_requested()
            else:
                batch = records(*["x"] * number)
                delivered.update(item.sequence_number for item in batch)
                daemon.process_records(batch)
                batches += 1
                assert (policy, todo) != ("Stop", "raise")
        daemon.shard_ended()
    except kclpy.ProcessorFailedError:
        with pytest.raises(kclpy.ProtocolError):
            daemon.process_records(["x"])
    daemon.close()
    assert daemon.acknowledged.count("processRecords") == batches
    assert delivered.issuperset(daemon.checkpoints)
    positions = [int(name) for name in daemon.checkpoints if name.isdecimal()]
    assert positions == sorted(positions)
