"""One shard's conversation: actions, checkpoints, retries, policies and ends, with both ends in memory."""

import asyncio
import logging
import threading

import kclpy
import pytest
from kclpy.checkpointer import CheckpointEvery
from kclpy.codec import encode
from kclpy.errors import (
    EndOfStreamError,
    InvalidStateError,
    MalformedMessageError,
    ProcessorFailedError,
    ProtocolError,
    ShardEndNotCheckpointedError,
    ShutdownError,
    ThrottlingError,
    UnexpectedMessageError,
)
from kclpy.failure import DeadLetter, Skip, Stop
from kclpy.messages import Checkpoint, LeaseLost, ShardEnded, Shutdown, ShutdownRequested, Status
from kclpy.stopping import STOPPING_VARIABLE

DONE = {name: Status(name) for name in ("initialize", "processRecords", "leaseLost", "shardEnded", "shutdownRequested")}


class Recorder(kclpy.RecordProcessor):
    """Takes note of its calls; `process` and `end`, if given, are what it does with an input."""

    def __init__(self, process=None, end=None, start=None):
        self.calls = []
        self.process = process
        self.end = end
        self.start = start

    def initialize(self, initialize_input):
        self.calls.append(initialize_input.shard_id)
        if self.start:
            self.start(initialize_input)

    def process_records(self, process_records_input):
        self.calls.append([record.sequence_number for record in process_records_input.records])
        if self.process:
            self.process(process_records_input)

    def lease_lost(self, lease_lost_input):
        self.calls.append("lease_lost")

    def shard_ended(self, shard_ended_input):
        self.calls.append("shard_ended")
        if self.end:
            self.end(shard_ended_input)
        else:
            shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        self.calls.append("shutdown_requested")
        shutdown_requested_input.checkpointer.checkpoint()


def failing(times, error=ValueError, then=lambda _: None):
    """Raises `error` at its first `times` calls."""
    left = [times]

    def process(given):
        if left[0]:
            left[0] -= 1
            raise error
        then(given)

    return process


def checkpoint(given):
    """Checkpoint after all that was delivered."""
    given.checkpointer.checkpoint()


def test_every_action_is_performed_and_acknowledged_in_turn(converse, initialize, batch, succeeded):
    """A whole life that ends with the shard."""
    processor = Recorder(checkpoint)
    sent = converse(
        processor, initialize, batch(1, 2), succeeded, ShutdownRequested(), succeeded, ShardEnded(), succeeded
    )
    assert processor.calls == ["shardId-000000000000", ["1", "2"], "shutdown_requested", "shard_ended"]
    assert sent == [
        DONE["initialize"],
        Checkpoint(),
        DONE["processRecords"],
        Checkpoint(),
        DONE["shutdownRequested"],
        Checkpoint(),
        DONE["shardEnded"],
    ]


@pytest.mark.parametrize(
    ("message", "called", "answers"),
    [
        (LeaseLost(), "lease_lost", [DONE["leaseLost"]]),
        (Shutdown("ZOMBIE"), "lease_lost", [Status("shutdown")]),
        (Shutdown("TERMINATE"), "shard_ended", [Checkpoint(), Status("shutdown")]),
    ],
    ids=["leaseLost", "ZOMBIE", "TERMINATE"],
)
def test_the_other_ends_of_a_lease(converse, initialize, succeeded, message, called, answers):
    """KCL 1.x's two as well, each acknowledged by its own name."""
    processor = Recorder()
    replies = [succeeded] * (len(answers) - 1)
    assert converse(processor, initialize, message, *replies) == [DONE["initialize"], *answers]
    assert processor.calls[1:] == [called]


def test_blank_lines_are_passed_over(converse, initialize):
    """Wherever they stand."""
    assert converse(Recorder(), b"\n", initialize, b"\r\n", b"  \n", LeaseLost(), b"\n") == [
        DONE["initialize"],
        DONE["leaseLost"],
    ]


def test_a_step_returns_its_action_and_none_at_the_end(peer, make_child, initialize):
    """So that the runner can do something between two actions."""
    child = make_child(peer(initialize), Recorder())
    assert [child.step(), child.step()] == [initialize, None]


def test_a_failed_call_is_made_again_with_the_same_records(converse, initialize, batch):
    """Up to the attempts of the policy; then it is acknowledged once."""
    processor = Recorder(failing(2))
    assert converse(processor, initialize, batch(1, 2), attempts=3) == [DONE["initialize"], DONE["processRecords"]]
    assert processor.calls[1:] == [["1", "2"]] * 3


def test_each_retry_is_logged(converse, initialize, batch, caplog):
    """With the method, the wait and the exception."""
    converse(Recorder(failing(1, ValueError("db down"))), initialize, batch(1), attempts=2)
    assert [(r.name, r.levelno, r.getMessage()) for r in caplog.records] == [
        ("kclpy", logging.WARNING, "process_records failed; again in 0.0 s: ValueError('db down')")
    ]


@pytest.mark.parametrize("action", ["initialize", "process_records", "shard_ended"])
def test_after_the_last_attempt_nothing_is_acknowledged(peer, make_child, initialize, batch, action):
    """`Stop`, the default: the daemon is not told that it succeeded, whatever failed."""
    boom = ValueError("boom")
    fail = failing(9, boom)
    processor = {
        "initialize": Recorder(start=fail),
        "process_records": Recorder(process=fail),
        "shard_ended": Recorder(end=fail),
    }[action]
    lines = peer(initialize, ShardEnded() if action == "shard_ended" else batch(1))
    child = make_child(lines, processor, attempts=3)
    with pytest.raises(ProcessorFailedError) as caught:  # noqa: PT012 - the steps up to the failing one
        while child.step():
            pass
    assert (caught.value.action, caught.value.attempts, caught.value.__cause__) == (action, 3, boom)
    assert lines.sent == ([] if action == "initialize" else [DONE["initialize"]])


def test_skip_acknowledges_what_failed(converse, initialize, batch):
    """And goes on with the next batch."""
    skip = Skip(attempts=2, base=0)
    processor = Recorder(failing(2))
    assert converse(processor, initialize, batch(1, 2), batch(3), on_error=skip) == [
        DONE["initialize"],
        DONE["processRecords"],
        DONE["processRecords"],
    ]
    assert (processor.calls[1:], skip.skipped) == ([["1", "2"], ["1", "2"], ["3"]], 2)


def test_a_dead_letter_is_acknowledged_once_it_is_delivered(converse, initialize, batch):
    """With the records and the exception."""
    letters = []
    boom = ValueError("boom")
    sent = converse(
        Recorder(failing(1, boom)),
        initialize,
        batch(1, 2),
        on_error=DeadLetter(lambda records, error: letters.append((len(records), error)), attempts=1),
    )
    assert sent == [DONE["initialize"], DONE["processRecords"]]
    assert letters == [(2, boom)]


def test_a_dead_letter_that_cannot_be_delivered_is_not_acknowledged(peer, make_child, initialize, batch):
    """Its own exception ends the program."""

    def full(*_):
        raise OSError("the queue is full")

    lines = peer(initialize, batch(1))
    child = make_child(lines, Recorder(failing(9)), on_error=DeadLetter(full, attempts=1))
    child.step()
    with pytest.raises(OSError, match="the queue is full"):
        child.step()
    assert lines.sent == [DONE["initialize"]]


def test_per_record_each_is_delivered_retried_and_given_up_by_itself(converse, initialize, batch):
    """The bad one is skipped, and the others are processed once."""
    skip = Skip(attempts=2, base=0, per="record")

    def process(given):
        if given.records[0].sequence_number == "2":
            raise ValueError

    processor = Recorder(process)
    assert converse(processor, initialize, batch(1, 2, 3, millis_behind_latest=7), on_error=skip) == [
        DONE["initialize"],
        DONE["processRecords"],
    ]
    assert (processor.calls[1:], skip.skipped) == ([["1"], ["2"], ["2"], ["3"]], 1)


def test_per_record_a_checkpoint_lands_at_the_record(converse, initialize, batch, succeeded):
    """Not at the end of the batch, of which the rest was not processed yet."""
    sent = converse(
        Recorder(checkpoint), initialize, batch(1, 2), succeeded, succeeded, on_error=Stop(attempts=1, per="record")
    )
    assert sent[1:] == [Checkpoint("1", 0), Checkpoint("2", 0), DONE["processRecords"]]


def test_per_record_nothing_after_the_failed_one_is_delivered(peer, make_child, initialize, batch):
    """`Stop` stops there."""
    processor = Recorder(failing(9))
    child = make_child(peer(initialize, batch(1, 2)), processor, on_error=Stop(attempts=1, per="record"))
    child.step()
    with pytest.raises(ProcessorFailedError):
        child.step()
    assert processor.calls[1:] == [["1"]]


def test_per_record_the_other_actions_are_as_ever(converse, initialize, succeeded):
    """There is nothing to divide."""
    sent = converse(Recorder(), initialize, ShardEnded(), succeeded, on_error=Stop(attempts=1, per="record"))
    assert sent == [DONE["initialize"], Checkpoint(), DONE["shardEnded"]]


@pytest.mark.parametrize("message", [ShardEnded(), Shutdown("TERMINATE")], ids=["shardEnded", "shutdown"])
@pytest.mark.parametrize("on_error", [None, Skip(attempts=3, base=0)], ids=["stop", "skip"])
def test_a_shard_that_ends_without_a_checkpoint_is_loud(peer, make_child, initialize, message, on_error):
    """It is not acknowledged and not tried again: its children would never be processed."""
    processor = Recorder(end=lambda _: None)
    lines = peer(initialize, message)
    child = make_child(lines, processor, on_error, attempts=3)
    child.step()
    with pytest.raises(ProcessorFailedError) as caught:
        child.step()
    assert isinstance(caught.value.__cause__, ShardEndNotCheckpointedError)
    assert (processor.calls[1:], lines.sent) == (["shard_ended"], [DONE["initialize"]])


def test_a_shard_whose_last_checkpoint_failed_was_not_checkpointed(peer, make_child, initialize, refused):
    """A processor that swallows the error does not get away with it."""

    def swallow(given):
        with pytest.raises(ThrottlingError):
            given.checkpointer.checkpoint()

    child = make_child(peer(initialize, ShardEnded(), refused("ThrottlingException")), Recorder(end=swallow))
    child.step()
    with pytest.raises(ProcessorFailedError) as caught:
        child.step()
    assert isinstance(caught.value.__cause__, ShardEndNotCheckpointedError)


def test_a_throttled_checkpoint_is_asked_for_again(converse, initialize, batch, refused, succeeded):
    """Within one call of the processor's."""
    processor = Recorder(checkpoint)
    throttled = refused("ThrottlingException")
    sent = converse(processor, initialize, batch(1), throttled, throttled, succeeded, attempts=3)
    assert sent[1:] == [Checkpoint(), Checkpoint(), Checkpoint(), DONE["processRecords"]]
    assert processor.calls[1:] == [["1"]]


@pytest.mark.parametrize("per", ["batch", "record"])
def test_a_lost_lease_means_acknowledge_and_go_on(converse, initialize, batch, refused, caplog, per):
    """No retry, no policy: another worker has the shard, and `leaseLost` follows."""
    processor = Recorder(checkpoint)
    policy = Stop(attempts=5, base=0, per=per)
    sent = converse(processor, initialize, batch(1, 2), refused("ShutdownException"), LeaseLost(), on_error=policy)
    assert [answer for answer in sent if isinstance(answer, Status)] == [
        DONE["initialize"],
        DONE["processRecords"],
        DONE["leaseLost"],
    ]
    assert processor.calls[1:] == [["1"] if per == "record" else ["1", "2"], "lease_lost"]
    assert "process_records met a lost lease" in caplog.text


def test_a_processor_may_handle_the_lost_lease_itself(converse, initialize, batch, refused):
    """The error is there to be caught."""

    def process(given):
        with pytest.raises(ShutdownError):
            given.checkpointer.checkpoint()

    sent = converse(Recorder(process), initialize, batch(1), refused("ShutdownException"))
    assert sent[-1] == DONE["processRecords"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"nonsense\n", MalformedMessageError),
        (LeaseLost(), UnexpectedMessageError),
        (b"", EndOfStreamError),
    ],
    ids=["nonsense", "another action", "the end"],
)
def test_a_broken_reply_ends_the_child_even_if_the_processor_swallows_it(
    peer, make_child, initialize, batch, reply, error
):
    """The pipe is of no use any more, and no policy applies."""

    def swallow(given):
        with pytest.raises(ProtocolError):
            given.checkpointer.checkpoint()

    lines = peer(initialize, batch(1), reply)
    child = make_child(lines, Recorder(swallow), Skip(attempts=3, base=0))
    child.step()
    with pytest.raises(error):
        child.step()
    assert lines.sent == [DONE["initialize"], Checkpoint()]


def test_a_checkpointer_is_of_no_use_after_its_window(converse, initialize, batch):
    """Kept for later it raises, and nothing is sent."""
    kept = []

    def process(given):
        if kept:
            with pytest.raises(InvalidStateError, match="the method that the checkpointer was given to has returned"):
                kept[0].checkpoint()
        kept.append(given.checkpointer)

    assert converse(Recorder(process), initialize, batch(1), batch(2)) == [
        DONE["initialize"],
        DONE["processRecords"],
        DONE["processRecords"],
    ]
    with pytest.raises(InvalidStateError):
        kept[1].checkpoint()


def test_each_attempt_has_a_checkpointer_of_its_own(converse, initialize, batch):
    """One that leaked from a failed attempt cannot acknowledge what the next one does."""
    kept = []

    def process(given):
        kept.append(given.checkpointer)
        if len(kept) == 1:
            raise ValueError
        with pytest.raises(InvalidStateError):
            kept[0].checkpoint()

    assert converse(Recorder(process), initialize, batch(1), attempts=2)[-1] == DONE["processRecords"]
    assert len(set(kept)) == 2


def in_a_thread(function):
    """What `function` raised in a thread of its own, or None."""
    raised = []

    def target():
        try:
            function()
        except InvalidStateError as error:
            raised.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def test_a_checkpoint_of_another_thread_while_a_reply_is_awaited_raises(converse, initialize, batch, succeeded):
    """It never gets onto the pipe, and the reply goes to the one that waits for it."""
    raised = []
    processor = Recorder(checkpoint)
    window = []
    processor.process = lambda given: (window.append(given.checkpointer), checkpoint(given))

    def reply():
        raised.append(in_a_thread(window[0].checkpoint))
        return encode(succeeded)

    sent = converse(processor, initialize, batch(1), reply)
    assert sent == [DONE["initialize"], Checkpoint(), DONE["processRecords"]]
    assert "another thread awaits the reply" in str(raised[0])


def test_another_thread_may_checkpoint_within_the_window(converse, initialize, batch, succeeded):
    """A pool of workers, say, while the processor waits for it."""
    processor = Recorder(lambda given: in_a_thread(given.checkpointer.checkpoint))
    assert converse(processor, initialize, batch(1), succeeded)[1:] == [Checkpoint(), DONE["processRecords"]]


def test_the_status_waits_for_the_reply_to_another_threads_checkpoint(converse, initialize, batch, succeeded):
    """A thread that is left behind in the middle of a checkpoint does not corrupt the pipe."""
    asked, answer, threads = threading.Event(), threading.Event(), []

    def reply():
        asked.set()
        answer.wait()
        return encode(succeeded)

    def process(given):
        threads.append(threading.Thread(target=given.checkpointer.checkpoint))
        threads[0].start()
        asked.wait()
        threading.Timer(0.05, answer.set).start()

    sent = converse(Recorder(process), initialize, batch(1), reply)
    threads[0].join()
    assert sent[1:] == [Checkpoint(), DONE["processRecords"]]


def test_a_broken_reply_to_a_thread_that_is_left_behind_ends_the_child_too(peer, make_child, initialize, batch):
    """The processor has returned, but its thread's reply is awaited before anything else."""
    asked, answer, threads = threading.Event(), threading.Event(), []

    def reply():
        asked.set()
        answer.wait()
        return b"nonsense"

    def ask(given):
        with pytest.raises(ProtocolError):
            given.checkpointer.checkpoint()

    def process(given):
        threads.append(threading.Thread(target=ask, args=(given,)))
        threads[0].start()
        asked.wait()
        threading.Timer(0.05, answer.set).start()

    lines = peer(initialize, batch(1), reply)
    child = make_child(lines, Recorder(process))
    child.step()
    with pytest.raises(MalformedMessageError):
        child.step()
    threads[0].join()
    assert lines.sent == [DONE["initialize"], Checkpoint()]


def test_async_methods_run_on_one_loop(peer, make_child, initialize, batch, succeeded):
    """So that a client that was made in `initialize` can be used in `process_records`."""
    loops = []

    class Async(kclpy.RecordProcessor):
        async def initialize(self, initialize_input):
            self.ready = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(self.ready.set_result, initialize_input.shard_id)
            loops.append(asyncio.get_running_loop())

        async def process_records(self, process_records_input):
            assert await self.ready == "shardId-000000000000"
            process_records_input.checkpointer.checkpoint()
            loops.append(asyncio.get_running_loop())

        async def shutdown_requested(self, shutdown_requested_input):
            loops.append(asyncio.get_running_loop())
            raise ValueError

    lines = peer(initialize, batch(1), succeeded, ShutdownRequested())
    child = make_child(lines, Async)
    child.step()
    child.step()
    with pytest.raises(ProcessorFailedError):
        child.step()
    assert lines.sent == [DONE["initialize"], Checkpoint(), DONE["processRecords"]]
    assert len(set(loops)) == 1
    assert not loops[0].is_closed()
    child.close()
    assert loops[0].is_closed()


def test_a_function_is_checkpointed_after_each_batch_and_at_the_ends(converse, initialize, batch, succeeded):
    """Also if it is `async`."""
    seen = []

    async def process(records):
        seen.append(len(records))

    assert converse(
        process, initialize, batch(1, 2), succeeded, ShutdownRequested(), succeeded, ShardEnded(), succeeded
    ) == [
        DONE["initialize"],
        Checkpoint(),
        DONE["processRecords"],
        Checkpoint(),
        DONE["shutdownRequested"],
        Checkpoint(),
        DONE["shardEnded"],
    ]
    assert seen == [2]


def test_a_function_that_fails_is_not_checkpointed(peer, make_child, initialize, batch):
    """The checkpoint comes after the success."""
    lines = peer(initialize, batch(1))
    child = make_child(lines, failing(9))
    child.step()
    with pytest.raises(ProcessorFailedError):
        child.step()
    assert lines.sent == [DONE["initialize"]]


def test_a_policy_checkpoints_on_the_processors_behalf(converse, initialize, batch, succeeded):
    """At most every two records, and always at the end of the shard; counted anew after each checkpoint."""
    processor = Recorder(end=lambda _: None)
    sent = converse(
        processor,
        initialize,
        batch(1),
        batch(2),
        succeeded,
        batch(3),
        ShardEnded(),
        succeeded,
        checkpoint=CheckpointEvery(records=2),
    )
    assert sent == [
        DONE["initialize"],
        DONE["processRecords"],
        Checkpoint(),
        DONE["processRecords"],
        DONE["processRecords"],
        Checkpoint(),
        DONE["shardEnded"],
    ]


def test_a_policy_does_not_checkpoint_what_the_processor_did(converse, initialize, batch, succeeded):
    """One checkpoint is enough, and it counts."""
    sent = converse(
        Recorder(failing(0, then=checkpoint)),
        initialize,
        batch(1, 2),
        succeeded,
        batch(3),
        succeeded,
        checkpoint=CheckpointEvery(records=2),
    )
    assert sent[1:] == [Checkpoint(), DONE["processRecords"], Checkpoint(), DONE["processRecords"]]


def test_a_policy_leaves_a_lost_lease_alone(converse, initialize, batch):
    """No checkpoint is possible there; and a batch without records is none."""
    sent = converse(Recorder(), initialize, batch(), LeaseLost(), checkpoint=CheckpointEvery())
    assert sent == [DONE["initialize"], DONE["processRecords"], DONE["leaseLost"]]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([b"nonsense\n"], MalformedMessageError),
        ([LeaseLost()], UnexpectedMessageError),
        ([b'{"action":"explode"}\n'], MalformedMessageError),
    ],
    ids=["nonsense", "out of turn", "unknown"],
)
def test_a_broken_line_ends_the_child(peer, make_child, lines, error):
    """Nothing is answered to what was not understood."""
    ends = peer(*lines)
    with pytest.raises(error):
        make_child(ends, Recorder()).step()
    assert ends.sent == []


def test_after_the_end_of_a_lease_no_action_may_come(peer, make_child, initialize, batch):
    """Only the end of the stream."""
    child = make_child(peer(initialize, LeaseLost(), batch(1)), Recorder())
    child.step()
    child.step()
    with pytest.raises(UnexpectedMessageError, match="expected the end of the stream"):
        child.step()


def test_a_processor_that_exits_is_let_go(peer, make_child, initialize, batch):
    """`sys.exit` is the program's own decision: no retry, no policy, no status."""

    def leave(_):
        raise SystemExit(7)

    lines = peer(initialize, batch(1))
    child = make_child(lines, Recorder(leave), Skip(attempts=5, base=0))
    child.step()
    with pytest.raises(SystemExit):
        child.step()
    assert lines.sent == [DONE["initialize"]]


def test_a_request_that_cannot_be_written_down_leaves_the_conversation_whole(converse, initialize, batch, succeeded):
    """The processor's mistake is its own exception, and the next checkpoint works."""

    def process(given):
        with pytest.raises(TypeError):
            given.checkpointer.checkpoint("1", object())
        given.checkpointer.checkpoint("1", 0)

    assert converse(Recorder(process), initialize, batch(1), succeeded)[1:] == [
        Checkpoint("1", 0),
        DONE["processRecords"],
    ]


def test_per_record_an_empty_batch_is_delivered_as_it_is(converse, initialize, batch):
    """A processor that flushes on empty batches (callProcessRecordsEvenForEmptyRecordList) is called."""
    processor = Recorder()
    converse(processor, initialize, batch(), on_error=Stop(attempts=1, per="record"))
    assert processor.calls == ["shardId-000000000000", []]


def test_a_shard_end_checkpointed_by_a_failed_attempt_stays_checkpointed(converse, initialize, succeeded):
    """The attempt that comes after it need not checkpoint again."""
    attempts = []

    def checkpoint_and_raise_at_first(shard_ended_input):
        attempts.append(1)
        if len(attempts) == 1:
            shard_ended_input.checkpointer.checkpoint()
            raise LookupError

    sent = converse(Recorder(end=checkpoint_and_raise_at_first), initialize, ShardEnded(), succeeded, attempts=2)
    assert sent == [DONE["initialize"], Checkpoint(), DONE["shardEnded"]]


@pytest.fixture
def stopping(tmp_path, monkeypatch):
    """The file whose presence says that the daemon is being stopped; it is not there yet."""
    path = tmp_path / "stopping"
    monkeypatch.setenv(STOPPING_VARIABLE, str(path))
    return path


@pytest.mark.parametrize("end", [LeaseLost(), ShardEnded(), Shutdown("ZOMBIE"), Shutdown("TERMINATE")], ids=str)
@pytest.mark.parametrize("policy", ["batch", "record"])
def test_a_shard_that_is_taken_up_while_the_daemon_stops_is_only_acknowledged(
    converse, initialize, batch, stopping, caplog, end, policy
):
    """The processor is not called, nothing is checkpointed, not even the end of the shard; the log says it once."""
    stopping.touch()
    caplog.set_level(logging.INFO)
    processor = Recorder(checkpoint)
    messages = [initialize, batch(1, 2), ShutdownRequested(), batch(3), end]
    sent = converse(processor, *messages, on_error=Stop(per=policy), checkpoint=CheckpointEvery(records=1))
    assert sent == [Status(message.action) for message in messages]
    assert processor.calls == []
    (record,) = caplog.records
    assert "the daemon is being stopped: this shard is not initialized" in record.getMessage()


def test_a_function_is_not_given_what_comes_while_the_daemon_stops(converse, initialize, batch, stopping):
    """Though its batches are checkpointed on its behalf."""
    stopping.touch()
    seen = []
    assert converse(seen.extend, initialize, batch(1)) == [DONE["initialize"], DONE["processRecords"]]
    assert seen == []


def test_initialize_is_not_tried_again_once_the_daemon_stops(converse, initialize, batch, stopping):
    """The first attempt failed before the stop."""
    processor = Recorder(checkpoint, start=failing(1, then=None))
    failed = processor.start

    def start(given):
        stopping.touch()
        failed(given)

    processor.start = start
    sent = converse(processor, initialize, batch(1), attempts=5)
    assert sent == [DONE["initialize"], DONE["processRecords"]]
    assert processor.calls == ["shardId-000000000000"]


def test_a_shard_that_was_taken_up_before_the_stop_makes_its_last_checkpoint(
    converse, initialize, batch, succeeded, stopping
):
    """What is in flight is processed, retries included."""
    processor = Recorder(failing(1))
    sent = converse(
        processor, initialize, lambda: stopping.touch() or batch(1), ShutdownRequested(), succeeded, attempts=2
    )
    assert sent == [DONE["initialize"], DONE["processRecords"], Checkpoint(), DONE["shutdownRequested"]]
    assert processor.calls[1:] == [["1"], ["1"], "shutdown_requested"]
