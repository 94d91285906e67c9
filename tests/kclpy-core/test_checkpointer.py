"""What a checkpointer asks the daemon for, when it asks again, and when `CheckpointEvery` is due."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy.checkpointer import CHECKPOINT_BACKOFF, Checkpointer, CheckpointEvery
from kclpy.errors import (
    CheckpointError,
    DependencyError,
    InvalidSequenceNumberError,
    InvalidStateError,
    ShutdownError,
    ThrottlingError,
)
from kclpy.failure import Backoff
from kclpy.messages import Record

NO_WAIT = Backoff(attempts=3, base=0, cap=0)


class Asked:
    """Takes note of what a checkpointer asks for, and answers with these errors before it succeeds."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.requests = []

    def __call__(self, checkpointer, sequence_number, sub_sequence_number):
        self.requests.append((sequence_number, sub_sequence_number))
        if self.errors:
            raise CheckpointError.of(self.errors.pop(0))


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ((), (None, None)),
        (("49",), ("49", None)),
        ((49,), ("49", None)),
        (("49", 3), ("49", 3)),
        ((None, 3), (None, 3)),
        ((Record("49", "k", None, 7),), ("49", 7)),
        ((Record("49", "k", None, None),), ("49", None)),
    ],
)
def test_a_checkpoint_is_asked_for_where_the_processor_says(arguments, request_):
    """At the end, at a sequence number (text, or the number that programs make of it), or at a record."""
    asked = Asked()
    checkpointer = Checkpointer(asked)
    assert not checkpointer.checkpointed
    checkpointer.checkpoint(*arguments)
    assert asked.requests == [request_]
    assert checkpointer.checkpointed


class NumberOfAnotherLibrary:
    """An integer that JSON does not know, as numpy's."""

    def __int__(self):
        return 3


def test_a_sub_sequence_number_is_made_an_integer():
    """What cannot be one is refused before anything is sent."""
    asked = Asked()
    checkpointer = Checkpointer(asked)
    checkpointer.checkpoint("49", NumberOfAnotherLibrary())
    assert asked.requests == [("49", 3)]
    assert type(asked.requests[0][1]) is int
    with pytest.raises(TypeError):
        checkpointer.checkpoint("49", object())
    assert len(asked.requests) == 1


@pytest.mark.parametrize("error", ["ThrottlingException", "KinesisClientLibDependencyException"])
def test_what_may_pass_is_asked_again(error):
    """Throttling and an unreachable lease table; the same request each time."""
    asked = Asked(error, error)
    checkpointer = Checkpointer(asked, NO_WAIT)
    checkpointer.checkpoint("49", 3)
    assert asked.requests == [("49", 3)] * 3
    assert checkpointer.checkpointed


@pytest.mark.parametrize(
    ("error", "kind"),
    [("ThrottlingException", ThrottlingError), ("KinesisClientLibDependencyException", DependencyError)],
)
def test_what_does_not_pass_is_raised_after_the_last_attempt(error, kind):
    """Bounded: the daemon waits."""
    asked = Asked(*[error] * 10)
    checkpointer = Checkpointer(asked, NO_WAIT)
    with pytest.raises(kind):
        checkpointer.checkpoint()
    assert len(asked.requests) == NO_WAIT.attempts
    assert not checkpointer.checkpointed


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ShutdownException", ShutdownError),
        ("InvalidStateException", InvalidStateError),
        ("IllegalArgumentException", InvalidSequenceNumberError),
        ("SomethingElse", CheckpointError),
    ],
)
def test_what_cannot_pass_is_raised_at_once(error, kind):
    """To ask again would not help."""
    asked = Asked(error)
    checkpointer = Checkpointer(asked, NO_WAIT)
    with pytest.raises(kind) as caught:
        checkpointer.checkpoint()
    assert (type(caught.value), len(asked.requests), checkpointer.checkpointed) == (kind, 1, False)


def test_the_default_waits_but_not_for_long():
    """The waits of a throttled checkpoint sum up to the 7.5 s that are documented, at most."""
    caps = [min(CHECKPOINT_BACKOFF.cap, CHECKPOINT_BACKOFF.base * 2**n) for n in range(CHECKPOINT_BACKOFF.attempts - 1)]
    assert sum(caps) == 7.5
    assert all(0 <= delay <= cap for delay, cap in zip(CHECKPOINT_BACKOFF.delays(), caps, strict=True))


def test_between_two_attempts_it_really_waits():
    """For as long as the backoff says."""

    class Fixed(Backoff):
        def delays(self):
            yield 0.05

    started = time.monotonic()
    Checkpointer(Asked("ThrottlingException"), Fixed(2, 0, 0)).checkpoint()
    assert time.monotonic() - started >= 0.05


def test_by_default_every_batch_is_due():
    """But not one without records, which has nothing to checkpoint."""
    every = CheckpointEvery()
    assert not every.due(0)
    assert every.due(1)


@given(st.integers(min_value=1, max_value=50), st.lists(st.integers(min_value=0, max_value=20)))
def test_records_are_counted_since_the_last_checkpoint(records, batches):
    """Due as soon as `records` records have come, and never sooner."""
    every = CheckpointEvery(records=records)
    count = 0
    for size in batches:
        count += size
        due = every.due(size)
        assert due == (count >= records)
        if due:
            every.reset()
            count = 0


def test_what_was_due_stays_due_until_it_was_checkpointed():
    """A checkpoint that failed is due again with the next batch."""
    every = CheckpointEvery(records=2)
    assert [every.due(2), every.due(0), every.due(1)] == [True, True, True]
    every.reset()
    assert not every.due(1)


def test_seconds_are_counted_since_the_last_checkpoint():
    """Time alone makes nothing due while no record has come."""
    now, never = CheckpointEvery(seconds=0), CheckpointEvery(seconds=3600)
    assert not now.due(0)
    assert now.due(1)
    assert not never.due(1)


def test_whichever_comes_first_makes_it_due():
    """At most every N records or T seconds."""
    assert CheckpointEvery(records=1, seconds=3600).due(1)
    assert CheckpointEvery(records=100, seconds=0).due(1)
    assert not CheckpointEvery(records=100, seconds=3600).due(99)


def test_the_repr_says_how_often():
    """It can be logged."""
    assert repr(CheckpointEvery(records=5)) == "CheckpointEvery(records=5, seconds=None)"
