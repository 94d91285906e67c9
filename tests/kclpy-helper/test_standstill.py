"""What is waited for is said once, with the reason, and that it is over; the lines are those of KCL 1.15.3, 2.7.2 and 3.1.3."""

from __future__ import annotations

import pytest
from kclpy_helper import standstill
from kclpy_helper.ending import Inquest
from kclpy_helper.logs import Event, Level
from kclpy_helper.standstill import Standstill

SHARD = "shardId-000000000001"
SEND = "Writing {}Message to child process for shard " + SHARD
ANSWER = (
    "Received response StatusMessage(responseFor={0}) from subprocess while waiting for {0} while processing shard "
    + SHARD
)
TAKEN = (SEND.format("Initialize"), ANSWER.format("initialize"))


class Watched:
    """A daemon whose lines are read, and what is said of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.inquest = Inquest()
        self._standstill = Standstill(self.inquest, "me", lambda _, text: self.said.append(text))

    def read(self, *messages: str) -> list[str]:
        """What is said after these."""
        self.said.clear()
        for message in messages:
            event = Event("", Level.DEBUG, "", "X", message)
            self.inquest(event)
            self._standstill(event)
        self._standstill.tick()
        self._standstill.tick()
        return self.said


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given time."""
    for name in ("NO_SHARD_SECONDS", "SETTLED_SECONDS", "CHECKPOINT_SECONDS", "ANSWER_SECONDS", "HANDOVER_SECONDS"):
        monkeypatch.setattr(standstill, name, 0.0)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "makes or reads its tables"),
        (["Initializing LeaseCoordinator attempt 2"], "makes or reads its tables"),
        (["Lease table is still empty. Checking again in 3000 ms"], "waits for up to 30 s, by chance"),
        (["Worker me is initiating the lease sync."], "waits for shardSyncIntervalMillis (60 s by default)"),
        (["me worker is beginning initial lease sync."], "waits for shardSyncIntervalMillis (60 s by default)"),
        (["Initialization complete. Starting worker loop."], "expire after failoverTimeMillis (10 s by default)"),
        (
            ["Initialization complete. Starting worker loop.", "Worker : me is new leader"],
            "this worker is the leader, and every leaseAssignmentIntervalMillis",
        ),
        (
            ["Initialization complete. Starting worker loop.", "Worker : you is the current leader."],
            "the leader, you, assigns the shards; if that worker has ended without a word, another becomes the leader two",
        ),
    ],
)
def test_a_worker_without_a_shard_says_what_it_waits_for(messages: list[str], reason: str) -> None:
    """Until it has one."""
    watched = Watched()
    (said,) = watched.read(*messages)
    assert said.startswith("no shard for 0 s: ")
    assert reason in said
    assert watched.read(*TAKEN) == ["over after 0 s: no shard"]


def test_a_reason_that_does_not_last_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start passes through several."""
    watched = Watched()
    monkeypatch.setattr(standstill, "SETTLED_SECONDS", 1000.0)
    assert watched.read("Initializing LeaseCoordinator attempt 1", "Lease table is still empty.") == []
    monkeypatch.setattr(standstill, "SETTLED_SECONDS", 0.0)
    assert len(watched.read()) == 1
    monkeypatch.setattr(standstill, "SETTLED_SECONDS", 1000.0)
    assert watched.read("Initialization complete. Starting worker loop.") == []


def test_another_reason_is_said_too() -> None:
    """A start that takes long gets further, and stands still elsewhere."""
    watched = Watched()
    assert "makes or reads its tables" in watched.read()[0]
    assert watched.read("Initializing LeaseCoordinator attempt 2") == []
    assert "expire after failoverTimeMillis" in watched.read("Initialization complete. Starting worker loop.")[0]


def test_a_checkpoint_that_is_not_answered_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB may throttle, of which the KCL says nothing for a minute."""
    watched = Watched()
    watched.read(*TAKEN)
    watched.inquest.shards[SHARD].longest = 0.0
    (said,) = watched.read(
        SEND.format("ProcessRecords"), f"Attempting to checkpoint shard {SHARD} @ sequence number 1, and"
    )
    assert said.startswith(f"{SHARD} waits for its checkpoint, for 0 s: DynamoDB does not answer, or throttles.")
    monkeypatch.setattr(standstill, "ANSWER_SECONDS", 1000.0)
    assert watched.read(SEND.format("Checkpoint")) == [f"over after 0 s: a checkpoint of {SHARD}"]


def test_a_record_processor_that_does_not_answer_is_said() -> None:
    """The daemon waits for ever."""
    watched = Watched()
    watched.read(*TAKEN)
    watched.inquest.shards[SHARD].longest = 0.0
    (said,) = watched.read(SEND.format("ProcessRecords"))
    assert said.startswith(f"{SHARD} is in processRecords for 0 s: its record processor has not answered.")
    assert watched.read(ANSWER.format("processRecords")) == [f"over after 0 s: processRecords of {SHARD}"]


def test_what_always_takes_long_is_said_once_it_takes_three_times_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record processor may be slow."""
    watched = Watched()
    watched.read(*TAKEN)
    watched.inquest.shards[SHARD].longest = 1000.0
    assert watched.read(SEND.format("ProcessRecords")) == []
    monkeypatch.setattr(watched.inquest.shards[SHARD], "since", -3000.0)
    assert watched.read() != []


def test_a_shard_that_is_handed_over_is_said_to_be() -> None:
    """It stands still until the other worker takes it up."""
    watched = Watched()
    (said,) = watched.read(*TAKEN, SEND.format("ShutdownRequested"), ANSWER.format("shutdownRequested"))
    assert said.startswith(f"{SHARD} has made its last checkpoint and is handed over to another worker")
    assert f"over after 0 s: {SHARD} is handed over" in watched.read(
        SEND.format("LeaseLost"), ANSWER.format("leaseLost")
    )


def test_a_stop_is_not_a_standstill() -> None:
    """It has words of its own."""
    watched = Watched()
    watched.inquest.shards.stop_requested()
    assert watched.read(*TAKEN, SEND.format("ShutdownRequested"), ANSWER.format("shutdownRequested")) == []


def test_a_fight_for_leases_is_said_with_its_likely_cause() -> None:
    """Two workers of one name take each other's."""
    watched = Watched()
    lost = (*TAKEN, SEND.format("LeaseLost"), ANSWER.format("leaseLost"))
    said = watched.read(*lost, *lost, *lost)
    assert any(
        line.startswith(
            "3 leases were lost within seconds of being taken: another worker probably has this one's workerId, me"
        )
        for line in said
    )


def test_what_the_daemon_tries_again_is_said_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once more when it comes again."""
    watched = Watched()
    refused = "a.SdkClientException: Unable to execute HTTP request: Connection refused: /127.0.0.1:9"
    said = "the MultiLangDaemon goes on trying: AWS cannot be reached: Connection refused: /127.0.0.1:9"
    assert any(line.startswith(said) for line in watched.read(*TAKEN, refused))
    monkeypatch.setattr("kclpy_helper.ending._TROUBLE_SECONDS", -1.0)
    assert "over after 0 s: the trouble with AWS" in watched.read()
    monkeypatch.undo()
    assert any(line.startswith(said) for line in watched.read(refused))
