"""What the shards' processes are doing, as the daemon's log tells; the lines are those of KCL 1.15.3, 2.7.2 and 3.1.3."""

from __future__ import annotations

import time

from kclpy_helper.logs import Event, Level
from kclpy_helper.shards import Shards

ONE, TWO = "shardId-000000000001", "shardId-000000000002"


def read(shards: Shards, *messages: str) -> Shards:
    for message in messages:
        shards(Event("", Level.DEBUG, "", "", message))
    return shards


def sent(message: str, shard: str = ONE) -> str:
    return f"Writing {message}Message to child process for shard {shard}"


def answered(action: str, shard: str = ONE) -> str:
    status = f"StatusMessage(responseFor={action})"
    return f"Received response {status} from subprocess while waiting for {action} while processing shard {shard}"


def test_a_shard_is_held_from_its_first_message_to_the_answer_to_its_last() -> None:
    """Whichever of the three ends a lease has."""
    for action, message in (("leaseLost", "LeaseLost"), ("shardEnded", "ShardEnded"), ("shutdown", "Shutdown")):
        shards = read(Shards(), sent("Initialize"), sent("Initialize", TWO), answered("initialize"))
        assert set(shards) == {ONE, TWO}
        read(shards, sent(message), answered(action))
        assert set(shards) == {TWO}


def test_a_checkpoint_is_part_of_what_is_being_done() -> None:
    """Its reply is a message too, and no answer to it is."""
    shards = read(Shards(), sent("Initialize"), answered("initialize"), sent("ProcessRecords"), sent("Checkpoint"))
    assert (shards[ONE].action, shards[ONE].answered, shards[ONE].answers) == ("processRecords", False, 1)


def test_a_checkpoint_is_waited_for_until_its_reply() -> None:
    """It may take long where DynamoDB throttles."""
    shards = read(Shards(), sent("Initialize"), answered("initialize"), sent("ProcessRecords"))
    read(shards, f"Attempting to checkpoint shard {ONE} @ sequence number null, and sub sequence number null")
    assert shards[ONE].checkpoint > 0
    assert read(shards, sent("Checkpoint"))[ONE].checkpoint == 0


def test_leases_that_are_lost_soon_after_they_were_taken_are_counted() -> None:
    """Not those that were handed over."""
    shards = Shards()
    for _ in range(3):
        read(shards, sent("Initialize"), answered("initialize"), sent("LeaseLost"), answered("leaseLost"))
    handed_over = (sent("Initialize"), answered("initialize"), sent("ShutdownRequested"), answered("shutdownRequested"))
    read(shards, *handed_over, sent("LeaseLost"))
    assert shards.lost_at_once(time.monotonic()) == 3
    assert shards.lost_at_once(time.monotonic() + 100) == 0


def test_a_stop_waits_for_those_that_have_not_made_their_last_checkpoint() -> None:
    """And says what they are doing."""
    shards = read(Shards(), sent("Initialize"), answered("initialize"), sent("Initialize", TWO))
    shards.stop_requested()
    read(shards, sent("ShutdownRequested"), answered("shutdownRequested"), sent("LeaseLost"))
    assert shards.unfinished() == [f"{TWO} (in initialize for 0 s)"]


def test_a_shard_that_is_taken_up_during_a_stop_is_not_waited_for() -> None:
    """Its process is told that there is nothing to do."""
    shards = Shards()
    shards.stop_requested()
    read(shards, sent("Initialize"), answered("initialize"))
    assert not shards
    assert not shards.had_any
