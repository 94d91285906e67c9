"""Why a daemon ended: what the real one wrote in each case, shortened, and what we make of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from kclpy_helper.ending import CAUSES, OUT_OF_MEMORY, Inquest, exit_words
from kclpy_helper.logs import JVM, Event, Level

DOCS = Path(__file__).parents[2] / "docs" / "failures-of-the-daemon.md"
SHARD = "shardId-000000000001"


def by_daemon(message: str, exception: str = "") -> Event:
    return Event("", Level.ERROR, "", "X", message, exception)


def by_child(message: str, level: Level = Level.ERROR) -> Event:
    return Event("", level, SHARD, "processor", message, of_child=True)


STREAM_GONE = "Got ResourceNotFoundException when fetching shard list for words. Stream no longer exists."


def sent(message: str, shard: str = SHARD) -> Event:
    """The daemon sends a shard's process a message."""
    return by_daemon(f"Writing {message}Message to child process for shard {shard}")


def answered(action: str, shard: str = SHARD) -> Event:
    """And takes its answer."""
    status = f"StatusMessage(responseFor={action})"
    return by_daemon(
        f"Received response {status} from subprocess while waiting for {action} while processing shard {shard}"
    )


GRACE_IS_OVER = by_daemon("Encountered an error during shutdown.", "java.util.concurrent.TimeoutException: null")
STARTED = [sent("Initialize"), answered("initialize")]
CASES = {
    "executable": (
        [
            by_daemon(
                "Encountered an error while trying to initialize record processor",
                'java.io.IOException: No\nCaused by: a.B: Cannot run program "nope": error=2, No such file or directory\n',
            ),
            by_daemon("Encountered an error during shutdown."),
        ],
        "executableName cannot be started: nope: No such file or directory",
    ),
    "timeout": (
        [by_daemon(f"Timedout to get status message for processRecords action for shard {SHARD}. Terminating...")],
        f"the record processor of {SHARD} did not answer processRecords within timeoutInSeconds",
    ),
    "memory": (
        [by_daemon("Terminating due to java.lang.OutOfMemoryError: Java heap space")],
        "the daemon ran out of memory: Java heap space",
    ),
    "provider": (
        [
            by_daemon("Unable to construct any provider with name Foo"),
            by_daemon("Caused by: java.lang.IllegalArgumentException: No credential providers were specified."),
        ],
        "AwsCredentialsProvider names no credentials provider of this KCL: Foo",
    ),
    "no provider": (
        [by_daemon("java.lang.IllegalArgumentException: A basic set of AWS credentials must be provided")],
        "AwsCredentialsProvider is not set",
    ),
    "missing property": (
        [by_daemon("java.lang.NullPointerException: Application name is required")],
        "a property is missing: Application name is required",
    ),
    "region": (
        [
            by_daemon("java.lang.RuntimeException: java.lang.reflect.InvocationTargetException"),
            by_daemon("Caused by: a.SdkClientException: Unable to load region from any of the providers in the chain"),
            by_daemon("Usage: amazon-kinesis-client MultiLangDaemon [options]"),
        ],
        "no AWS region is known",
    ),
    "credentials": (
        [
            by_daemon(
                "Caught exception when initializing LeaseCoordinator",
                "java.lang.RuntimeException: a.SdkClientException: Unable to load credentials from any of the providers in",
            )
        ],
        "no AWS credentials were found",
    ),
    "permission": (
        [
            by_daemon(
                "no", "a.DynamoDbException: User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:GetItem"
            )
        ],
        "AWS refuses: a.DynamoDbException: User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:GetItem",
    ),
    "stream": ([by_daemon(STREAM_GONE)], "there is no stream words in this region and account"),
    "endpoint": (
        [by_daemon("no", "a.SdkClientException: Unable to execute HTTP request: Connection refused: /127.0.0.1:9")],
        "AWS cannot be reached: Connection refused: /127.0.0.1:9",
    ),
    "throttled": (
        [by_daemon("no", "a.DependencyException: b.ProvisionedThroughputExceededException: The level of configured")],
        "AWS throttles this application: ProvisionedThroughputExceededException",
    ),
    "time-out": (
        [by_daemon("no", "a.DependencyException: java.util.concurrent.TimeoutException")],
        "AWS does not answer within the KCL's time limit of a minute",
    ),
    "child": (
        [
            by_child("ValueError: bad record"),
            by_child("kclpy: it failed"),
            by_daemon("no", f"java.lang.RuntimeException: Reached end of STDIN of child process for shard {SHARD} so"),
            by_daemon("Child process exited with value: 1"),
            by_daemon("Child process exited with value: 0"),
        ],
        f"the record processor's process of {SHARD} ended with exit code 1, saying: ValueError: bad record; kclpy: it failed",
    ),
    "old java": (
        [
            by_daemon("Error: LinkageError occurred while loading main class a.b.MultiLangDaemon"),
            by_daemon(
                "java.lang.UnsupportedClassVersionError: a/b/C has been compiled by a more recent version of the Java Runtime"
            ),
        ],
        "this Java is too old for the jars: it cannot read a/b/C",
    ),
    "jars": (
        [by_daemon('Exception in thread "main" java.lang.NoClassDefFoundError: org/slf4j/LoggerFactory')],
        "the jars are damaged or incomplete: NoClassDefFoundError: org/slf4j/LoggerFactory",
    ),
    "start": (
        [
            by_daemon("java.lang.IllegalArgumentException: Unknown retrieval type 'FOO'"),
            by_daemon("Usage: amazon-kinesis-client MultiLangDaemon [options]"),
        ],
        "the daemon did not get as far as to start: Unknown retrieval type 'FOO'",
    ),
    "shutdown": (
        [*STARTED, sent("ProcessRecords"), GRACE_IS_OVER],
        f"the record processors were not done in shutdownGraceMillis: {SHARD} (in processRecords for 0 s)",
    ),
}


@pytest.mark.parametrize(("events", "explanation"), CASES.values(), ids=CASES)
def test_each_cause_is_told_in_one_line_with_what_to_do(events: list[Event], explanation: str) -> None:
    """Whatever the daemon wrote after it, which follows from it."""
    inquest = Inquest()
    for event in events:
        inquest(event)
    assert inquest.cause
    assert inquest.why() == f"{explanation}. Next: {inquest.cause.remedy}."


@pytest.mark.parametrize(
    ("code", "before", "permanent"),
    [("2", [], True), ("2", STARTED, False), ("1", [], False), ("137", [], False)],
    ids=["set up wrong", "had worked", "failed", "killed"],
)
def test_a_program_that_is_set_up_wrong_is_not_started_again(code: str, before: list[Event], permanent: bool) -> None:
    """Kclpy's exit code for that is 2, before it has answered; any other end may not come again."""
    inquest = Inquest()
    for event in [*before, by_daemon(f"Reached end of STDIN of child process for shard {SHARD} so")]:
        inquest(event)
    inquest(by_daemon(f"Child process exited with value: {code}"))
    assert inquest.permanent is permanent


def test_the_exit_code_is_that_of_the_process_that_ended() -> None:
    """Others may have ended before, well."""
    inquest = Inquest()
    inquest(by_daemon("Child process exited with value: 0"))
    inquest(by_daemon(f"Reached end of STDIN of child process for shard {SHARD} so"))
    inquest(by_daemon("Child process exited with value: 137"))
    assert "ended with exit code 137 (SIGKILL, often by the kernel for memory). Next:" in inquest.why()


def test_a_daemon_that_was_killed_is_said_to_be() -> None:
    """It cannot say so itself."""
    assert Inquest().why(137).startswith("it was killed. Next: see whether the kernel did it")
    assert "its log does not say why" in Inquest().why(1)


@pytest.mark.parametrize("code", [0, 1, 127, 130, 137, 143, 255, 1000])
def test_an_exit_code_is_said_with_its_signal(code: int) -> None:
    """Where it stands for one."""
    names = {130: " (SIGINT)", 137: " (SIGKILL, often by the kernel for memory)", 143: " (SIGTERM)"}
    assert exit_words(code) == f"{code}{names.get(code, '')}"


def test_no_cause_is_untested() -> None:
    """Each row of the table is the answer to one of the cases."""
    found = set()
    for events, _ in CASES.values():
        inquest = Inquest()
        for event in events:
            inquest(event)
        found.add(inquest.cause)
    assert found == set(CAUSES)


def test_a_child_cannot_name_the_cause() -> None:
    """What a record processor logs about its own AWS calls is not about the daemon's."""
    inquest = Inquest()
    inquest(by_child("Unable to load region from any of the providers"))
    inquest(by_child(STREAM_GONE))
    assert inquest.cause is None
    assert inquest.why() == "its log does not say why. Next: see what kclpy-helper doctor says."


def test_what_was_retried_and_is_over_is_not_the_cause() -> None:
    """A child that ends weeks after a network failed ends for its own reasons; of two troubles the later counts."""
    inquest = Inquest()
    refused, no_credentials = CASES["endpoint"][0][0], CASES["credentials"][0][0]
    assert [inquest(event) for event in (no_credentials, refused, refused)] == [True, True, False]
    assert inquest.why().startswith("AWS cannot be reached")
    assert inquest(CASES["child"][0][2])
    assert not inquest(refused)
    assert inquest.why().startswith("the record processor's process of")


def test_a_trouble_lasts_until_nothing_is_said_of_it_for_a_minute() -> None:
    """Then it is over, and is not the cause of a later end; the next one is news again."""
    inquest = Inquest()
    now = time.monotonic()
    assert inquest.trouble(now) == ""
    inquest(by_daemon(STREAM_GONE))
    assert inquest.trouble(now + 50).startswith("there is no stream words")
    assert inquest.trouble(now + 100) == ""
    assert inquest.cause is None
    assert inquest(by_daemon(STREAM_GONE))


def test_a_cause_is_news_once() -> None:
    """A daemon that goes on trying says the same again and again."""
    inquest = Inquest()
    assert [inquest(by_daemon(STREAM_GONE)) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("events", "unfinished"),
    [
        ([], False),
        ([*STARTED], True),
        ([*STARTED, sent("ShutdownRequested")], True),
        ([*STARTED, sent("ShutdownRequested"), answered("shutdownRequested")], False),
        ([*STARTED, sent("LeaseLost"), answered("leaseLost")], False),
        ([*STARTED, sent("ShutdownRequested"), answered("shutdownRequested"), sent("Initialize")], False),
    ],
    ids=["none has started", "not asked", "asked", "answered", "lost before", "answered and taken up again"],
)
def test_a_stop_is_unfinished_if_a_record_processor_was_not_done(events: list[Event], unfinished: bool) -> None:
    """A daemon that is still starting runs into its grace period too, but has no record processors."""
    inquest = Inquest()
    for event in events[:2]:
        inquest(event)
    inquest.shards.stop_requested()
    for event in [*events[2:], GRACE_IS_OVER]:
        inquest(event)
    assert inquest.unfinished is unfinished


def test_an_end_after_the_last_checkpoint_leaves_nothing_behind() -> None:
    """A process may end before the daemon says that its lease is gone."""
    inquest = Inquest()
    for event in [*STARTED, sent("ShutdownRequested"), answered("shutdownRequested"), CASES["child"][0][2]]:
        inquest(event)
    assert not inquest.unfinished


def test_what_a_record_processor_prints_is_not_the_daemons_word() -> None:
    """As KCL 1 lets it through while it stops: what the JVM prints itself comes before there are any, but for one."""
    inquest = Inquest()
    for event in STARTED:
        inquest(event)
    inquest(by_daemon("Unable to construct any provider with name x")._replace(logger=JVM))
    assert inquest.cause is None
    inquest(by_daemon("Terminating due to java.lang.OutOfMemoryError: Java heap space")._replace(logger=JVM))
    assert inquest.cause is OUT_OF_MEMORY


@pytest.mark.parametrize(
    "message",
    [
        "Received response StatusMessage(responseFor=Unable to construct any provider with name x) from subprocess",
        "Was asked to checkpoint at Unable to construct any provider with name x but no checkpointer was provided",
    ],
)
def test_nor_is_what_the_daemon_repeats_of_a_record_processor(message: str) -> None:
    """A status and a sequence number are the process's own text."""
    inquest = Inquest()
    inquest(by_daemon(message))
    assert inquest.cause is None


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        'Cannot run program "' * 50_000,
        "Got ResourceNotFoundException when fetching shard list for " * 20_000,
        "a.Exception: " * 80_000,
        "\n" * 1_000_000,
    ],
    ids=["one word", "a program", "a stream", "an exception", "lines"],
)
def test_a_long_text_is_read_quickly(text: str) -> None:
    """In time that grows with its length alone: a quadratic pattern would take minutes."""
    inquest = Inquest()
    start = time.process_time()
    inquest(by_daemon(text, text))
    assert time.process_time() - start < 5


def test_the_page_tells_of_each_cause() -> None:
    """docs/failures-of-the-daemon.md has each explanation, word for word, in its table."""
    page = DOCS.read_text(encoding="utf-8")
    for cause in CAUSES:
        words = re.sub(r"\{\w+\}", "*", cause.explanation)
        assert words in re.sub(r"_\w+_", "*", page), words
