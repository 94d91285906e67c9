"""Why a daemon ended: what the real one wrote in each case, shortened, and what we make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kclpy_helper.ending import CAUSES, Inquest
from kclpy_helper.logs import Event, Level

DOCS = Path(__file__).parents[2] / "docs" / "failures-of-the-daemon.md"
SHARD = "shardId-000000000001"


def by_daemon(message: str, exception: str = "") -> Event:
    return Event("", Level.ERROR, "", "X", message, exception)


def by_child(message: str, level: Level = Level.ERROR) -> Event:
    return Event("", level, SHARD, "processor", message, of_child=True)


STREAM_GONE = "Got ResourceNotFoundException when fetching shard list for words. Stream no longer exists."
WAITING = "Waiting for 1 record process to complete shutdown notification, and 1 record processor to"
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
    "proxy": (
        [by_daemon("[Channel: 4c82b199] Unable to establish tunnel for channel 4c82b199")],
        "the HTTP proxy refuses the tunnel to AWS",
    ),
    "endpoint": (
        [by_daemon("no", "a.SdkClientException: Unable to execute HTTP request: Connection refused: /127.0.0.1:9")],
        "AWS cannot be reached: Connection refused: /127.0.0.1:9",
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
        [
            by_daemon(WAITING),
            by_daemon("Encountered an error during shutdown.", "java.util.concurrent.TimeoutException: null"),
        ],
        "the record processors were not done in shutdownGraceMillis",
    ),
}


@pytest.mark.parametrize(("events", "explanation"), CASES.values(), ids=CASES)
def test_each_cause_is_told_in_one_line_with_what_to_do(events: list[Event], explanation: str) -> None:
    """Whatever the daemon wrote after it, which follows from it."""
    inquest = Inquest()
    for event in events:
        inquest(event)
    assert inquest.cause
    assert str(inquest) == f"{explanation}. Next: {inquest.cause.remedy}."


@pytest.mark.parametrize(("code", "permanent"), [("2", True), ("1", False), ("137", False)])
def test_a_program_that_is_set_up_wrong_is_not_started_again(code: str, permanent: bool) -> None:
    """Kclpy's exit code for that is 2; whatever else a program ends with may be better the next time."""
    inquest = Inquest()
    inquest(by_daemon(f"Reached end of STDIN of child process for shard {SHARD} so"))
    inquest(by_daemon(f"Child process exited with value: {code}"))
    assert inquest.permanent is permanent


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
    assert str(inquest) == "its log does not say why. Next: see what kclpy-helper doctor says."


def test_what_was_retried_and_is_over_is_not_the_cause() -> None:
    """A child that ends weeks after a network failed ends for its own reasons; of two troubles the later counts."""
    inquest = Inquest()
    refused, no_credentials = CASES["endpoint"][0][0], CASES["credentials"][0][0]
    assert [inquest(event) for event in (no_credentials, refused, refused)] == [True, True, False]
    assert str(inquest).startswith("AWS cannot be reached")
    assert inquest(CASES["child"][0][2])
    assert not inquest(refused)
    assert str(inquest).startswith("the record processor's process of")


def test_a_cause_is_news_once() -> None:
    """A daemon that goes on trying says the same again and again."""
    inquest = Inquest()
    assert [inquest(by_daemon(STREAM_GONE)) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("messages", "unfinished"),
    [
        (["Encountered an error during shutdown."], False),
        ([WAITING], False),
        (
            [
                WAITING,
                "Encountered an error during shutdown.",
            ],
            True,
        ),
        (
            [
                WAITING,
                "Waiting for 1 record processors to complete final shutdown",
                "Encountered an error during shutdown.",
            ],
            False,
        ),
    ],
)
def test_a_stop_is_unfinished_if_it_waited_in_vain(messages: list[str], unfinished: bool) -> None:
    """A daemon that is still starting runs into its grace period too, but has no record processors."""
    inquest = Inquest()
    for message in messages:
        inquest(by_daemon(message))
    assert inquest.unfinished is unfinished


def test_the_page_tells_of_each_cause() -> None:
    """docs/failures-of-the-daemon.md has each explanation, word for word, in its table."""
    page = DOCS.read_text(encoding="utf-8")
    for cause in CAUSES:
        words = re.sub(r"\{\w+\}", "*", cause.explanation)
        assert words in re.sub(r"_\w+_", "*", page), words
