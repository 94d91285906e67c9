"""Puts words into a Kinesis stream, which it creates if it is missing."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from kclpy_samples.command import end_with, seconds, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef
    from typing_extensions import Self

MAX_RECORDS = 500
"""Records in one PutRecords request (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html)."""
MAX_BYTES = 5 * 1024 * 1024
"""Data and partition keys in one PutRecords request. AWS has doubled this since; 5 MiB is taken everywhere."""
MAX_ATTEMPTS = 8
"""How often a record is tried before it counts as failed."""
MAX_BACKOFF_SECONDS = 5.0

T = TypeVar("T")


class WordPutterError(Exception):
    """What the word putter raises on purpose."""


class StreamUnusableError(WordPutterError):
    """The stream ``stream`` is in the state ``status``, in which nothing can be put."""

    def __init__(self, stream: str, status: str) -> None:
        super().__init__(stream, status)
        self.stream = stream
        self.status = status

    def __str__(self) -> str:
        return f"the stream {self.stream} is {self.status}. Next: wait until it is gone, or name another one."


class RecordsFailedError(WordPutterError):
    """Some records are not in the stream: ``failed`` counts them by the error code of their last attempt."""

    def __init__(self, stream: str, failed: Counter[str]) -> None:
        super().__init__(stream, failed)
        self.stream = stream
        self.failed = failed

    def __str__(self) -> str:
        return (
            f"{self.failed.total()} records are not in the stream {self.stream} after {MAX_ATTEMPTS} attempts: "
            f"{_listed(self.failed)}. Next: put fewer at a time, or add shards."
        )


@dataclass
class Put:
    """What was put: how many records of each word, and how many into each shard."""

    words: Counter[str] = field(default_factory=Counter)
    shards: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The number of records."""
        return self.words.total()

    def __iadd__(self, other: Put) -> Self:
        self.words += other.words
        self.shards += other.shards
        return self

    def __str__(self) -> str:
        return f"{self.total} records ({_listed(self.words)}; {_listed(self.shards)})"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def ensure_stream(kinesis: KinesisClient, stream: str, shards: int) -> bool:
    """Create ``stream`` with ``shards`` shards if it is missing, and wait until it is ACTIVE; True if it was created.

    Raises :class:`StreamUnusableError` for a stream that is being deleted, and botocore's errors.
    """
    created = False
    try:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "DELETING":
            raise StreamUnusableError(stream, "DELETING")
    except kinesis.exceptions.ResourceNotFoundException:
        kinesis.create_stream(StreamName=stream, ShardCount=shards)
        created = True
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
    return created


def put_words(kinesis: KinesisClient, stream: str, words: Iterable[str]) -> Iterator[Put]:
    """Put each word as one record, with the word as its partition key; yields what each portion put.

    PutRecords takes a request in part: the records that it refuses are sent again, with backoff. So words of one
    partition key can change places.

    Raises :class:`RecordsFailedError` at the end where records are still refused at the last attempt, and botocore's
    errors.
    """
    failed = Counter[str]()
    for chunk in chunks(words):
        put, pending = Put(), chunk
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(MAX_BACKOFF_SECONDS, 0.1 * 2**attempt)))
            pending, refused = _put_once(kinesis, stream, pending, put)
            if not pending:
                break
        else:
            failed += refused
        yield put
    if failed:
        raise RecordsFailedError(stream, failed)


def _put_once(kinesis: KinesisClient, stream: str, words: list[str], put: Put) -> tuple[list[str], Counter[str]]:
    """Send one request, and count in ``put`` what it put; the words that were refused, and their error codes."""
    records: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": word.encode(), "PartitionKey": partition_key(word)} for word in words
    ]
    results = kinesis.put_records(StreamName=stream, Records=records)["Records"]
    refused, codes = list[str](), Counter[str]()
    for word, result in zip(words, results, strict=True):
        code = result.get("ErrorCode")
        if code:
            refused.append(word)
            codes[code] += 1
        else:
            put.words[word] += 1
            put.shards[result["ShardId"]] += 1
    return refused, codes


def partition_key(word: str) -> str:
    """The word itself, or as much of it as Kinesis takes, so that equal words go to one shard."""
    return word[:256]


def chunks(words: Iterable[str]) -> Iterator[list[str]]:
    """``words`` in the portions that one PutRecords request takes."""
    chunk: list[str] = []
    size = 0
    for word in words:
        record_size = len(word.encode()) + len(partition_key(word).encode())
        if chunk and (len(chunk) == MAX_RECORDS or size + record_size > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(word)
        size += record_size
    if chunk:
        yield chunk


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="kclpy-wordputter",
        description="Put words into a Kinesis stream, which is created if it is missing.",
        epilog="example: %(prog)s --stream words -w cat -w dog -w bird -w lobster -p 3",
    )
    parser.add_argument("-s", "--stream", required=True, help="the name of the stream")
    parser.add_argument(
        "-w",
        "--word",
        action="append",
        dest="words",
        type=utf8,
        help="a word to put; may be given many times (without it: the lines of standard input)",
    )
    parser.add_argument(
        "-p",
        "--period",
        type=seconds,
        metavar="SECONDS",
        help="put the words again every SECONDS until Ctrl-C",
    )
    parser.add_argument(
        "-r",
        "--region",
        "--regionName",
        default="us-east-1",
        help="the AWS region of the stream (default: %(default)s)",
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="another Kinesis than AWS's, such as a local one")
    parser.add_argument(
        "--shards",
        type=int,
        default=1,
        metavar="N",
        help="shards of a stream that is created (default: %(default)s)",
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """What the command does; its exit code."""
    arguments = parser().parse_args(argv)
    try:
        words: list[str] = arguments.words or _from_stdin()
    except (UnicodeError, argparse.ArgumentTypeError) as error:
        print(f"kclpy-wordputter: standard input: {error}. Next: give it as UTF-8.", file=sys.stderr)
        return 2
    if not words:
        print(
            "kclpy-wordputter: no words to put: give -w WORD, or lines on standard input",
            file=sys.stderr,
        )
        return 2
    total = Put()
    try:
        kinesis = _client(arguments.region, arguments.endpoint_url)
        if ensure_stream(kinesis, arguments.stream, arguments.shards):
            print(f"Created the stream {arguments.stream} in {arguments.region}.", file=sys.stderr)
        while True:
            put = Put()
            try:
                for portion in put_words(kinesis, arguments.stream, words):
                    put += portion
            finally:
                total += put
                print(f"Put into {arguments.stream}: {put}", flush=True)
            if arguments.period is None:
                return 0
            time.sleep(arguments.period)
    except KeyboardInterrupt:
        if arguments.period is None:
            return 130
        print(f"In all, put into {arguments.stream}: {total}")
        return 0
    except (WordPutterError, BotoCoreError, ClientError) as error:
        print(f"kclpy-wordputter: {error}{_next_step(error)}", file=sys.stderr)
        return 1


def _client(region: str, endpoint_url: str | None) -> KinesisClient:
    try:
        return boto3.client("kinesis", region_name=region, endpoint_url=endpoint_url)
    except ValueError as error:  # botocore's for an endpoint that is not a URL
        raise WordPutterError(f"--endpoint-url {endpoint_url}: {error}") from error


def _from_stdin() -> list[str]:
    if sys.stdin.isatty():
        print("Type one word a line, then end-of-file.", file=sys.stderr)
    return [utf8(word) for line in sys.stdin if (word := line.strip())]


def _next_step(error: Exception) -> str:
    if isinstance(error, NoCredentialsError):
        return ". Next: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "AccessDeniedException":
        return ". Next: allow kinesis:DescribeStreamSummary, DescribeStream, CreateStream and PutRecords."
    return ""


def main() -> None:
    """The command ``kclpy-wordputter``, also installed as ``sample_kinesis_wordputter.py``."""
    end_with("kclpy-wordputter", run)


if __name__ == "__main__":
    main()
