"""Backoff and policies: bounded waits, and nothing acknowledged that nobody asked for."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy.errors import SetupError
from kclpy.failure import Backoff, DeadLetter, FailurePolicy, Skip, Stop, policy_from_environment
from kclpy.messages import Record

RECORDS = [Record("48", "k", None), Record("49", "k", None)]
METHODS = ["initialize", "process_records", "lease_lost", "shard_ended", "shutdown_requested"]


@given(
    st.integers(min_value=1, max_value=30),
    st.floats(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=100),
)
def test_every_delay_lies_within_its_bound(attempts, base, cap):
    """One fewer than attempts, each between nothing and base x 2^n or the cap."""
    delays = list(Backoff(attempts, base, cap).delays())
    assert len(delays) == attempts - 1
    for retry, delay in enumerate(delays):
        assert 0 <= delay <= min(cap, base * 2**retry)


def test_delays_differ_from_one_run_to_the_next():
    """Jitter: a hundred shards do not come back at the same moment."""
    backoff = Backoff(5, 1, 8)
    assert list(backoff.delays()) != list(backoff.delays())


@pytest.mark.parametrize("policy", [Stop, Skip, lambda: DeadLetter(print)], ids=["Stop", "Skip", "DeadLetter"])
def test_by_default_every_policy_tries_five_times_and_gives_up_within_15_seconds_of_waiting(policy):
    """The sum of the longest waits."""
    backoff = policy().backoff
    longest = [min(backoff.cap, backoff.base * 2**retry) for retry in range(backoff.attempts - 1)]
    assert (backoff.attempts, sum(longest)) == (5, 15)


@pytest.mark.parametrize(("attempts", "base", "cap"), [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -0.1)])
def test_a_backoff_that_makes_no_sense_is_refused(attempts, base, cap):
    """At once, as an error in the program's set-up."""
    with pytest.raises(SetupError, match="a backoff takes attempts >= 1"):
        Stop(attempts=attempts, base=base, cap=cap)


def test_records_are_given_up_by_batch_or_by_record_and_nothing_else():
    """A misspelt choice is an error in the set-up."""
    assert Stop().per == "batch"
    assert Stop(per="record").per == "record"
    with pytest.raises(SetupError, match="per is 'batch' or 'record', not 'shard'"):
        Stop(per="shard")


def test_the_base_class_decides_nothing():
    """A policy of one's own has to say what happens."""
    with pytest.raises(NotImplementedError):
        FailurePolicy().give_up("process_records", RECORDS, ValueError())


@pytest.mark.parametrize("method", METHODS)
def test_stop_never_acknowledges(method):
    """Whatever failed."""
    assert Stop().give_up(method, RECORDS, ValueError()) is False


@pytest.mark.parametrize("method", METHODS)
def test_skip_acknowledges_all_but_the_start_and_the_end_of_a_shard(method, caplog):
    """Without `initialize` there is no processor, and without a checkpoint the shard's children never start."""
    assert Skip().give_up(method, (), ValueError("boom")) is (method not in {"initialize", "shard_ended"})
    assert [record.getMessage() for record in caplog.records] == (
        [] if method in {"initialize", "shard_ended"} else [f"skipped {method} after it failed"]
    )


def test_skip_counts_and_logs_what_is_lost(caplog):
    """The count, the sequence numbers, and the exception."""
    skip = Skip()
    error = ValueError("boom")
    assert skip.give_up("process_records", RECORDS, error)
    assert skip.give_up("process_records", RECORDS[:1], error)
    assert skip.skipped == 3
    assert [(r.levelno, r.getMessage(), r.exc_info[1]) for r in caplog.records] == [
        (
            logging.ERROR,
            "skipped process_records 2 records (sequence numbers 48 to 49; 2 so far) after it failed",
            error,
        ),
        (
            logging.ERROR,
            "skipped process_records 1 records (sequence numbers 48 to 48; 3 so far) after it failed",
            error,
        ),
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_dead_letter_takes_records_and_nothing_else(method):
    """The callback gets what failed, and why; where there are no records it is not called."""
    letters = []
    error = ValueError("boom")
    acknowledged = DeadLetter(lambda *letter: letters.append(letter)).give_up(method, RECORDS, error)
    assert acknowledged is (method == "process_records")
    assert letters == ([(RECORDS, error)] if acknowledged else [])


def test_a_dead_letter_counts_and_logs_what_is_handed_over(caplog):
    """As a skip does: the count, the sequence numbers, and the exception."""
    dead_letter = DeadLetter(lambda *_: None)
    error = ValueError("boom")
    assert dead_letter.give_up("process_records", RECORDS, error)
    assert dead_letter.give_up("process_records", RECORDS[:1], error)
    assert dead_letter.handed_over == 3
    assert [(r.levelno, r.getMessage(), r.exc_info[1]) for r in caplog.records] == [
        (logging.ERROR, f"handed {which} to the dead letter after process_records failed", error)
        for which in (
            "2 records (sequence numbers 48 to 49; 2 so far)",
            "1 records (sequence numbers 48 to 48; 3 so far)",
        )
    ]


def test_a_dead_letter_that_cannot_be_delivered_raises():
    """So that the child does not acknowledge."""

    def full(*_):
        raise OSError("the queue is full")

    dead_letter = DeadLetter(full)
    with pytest.raises(OSError, match="the queue is full"):
        dead_letter.give_up("process_records", RECORDS, ValueError())
    assert dead_letter.handed_over == 0


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_the_default_holds(value):
    """Unset, or set to nothing."""
    default = Skip()
    assert policy_from_environment(value, default) is default


@pytest.mark.parametrize(("value", "kind"), [("stop", Stop), ("skip", Skip)])
def test_the_variable_chooses_the_policy(value, kind):
    """Whatever the default."""
    assert type(policy_from_environment(value, DeadLetter(print))) is kind


@pytest.mark.parametrize("value", ["STOP", "ignore", "1"])
def test_another_value_of_the_variable_is_an_error(value):
    """Not a guess."""
    with pytest.raises(SetupError, match=f"KCLPY_ON_ERROR is 'stop' or 'skip', not '{value}'"):
        policy_from_environment(value, Stop())
