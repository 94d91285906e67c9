"""The word putter, on a real local Kinesis and on one that misbehaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy_samples import wordputter

if TYPE_CHECKING:
    from collections.abc import Callable

    from kclpy_samples.local import LocalAws
    from types_boto3_kinesis import KinesisClient

    Run = Callable[..., subprocess.CompletedProcess[str]]
    ReadWords = Callable[[KinesisClient, str], list[str]]
    Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
    Serve = Callable[[Answer], str]

SCRIPTS = Path(sysconfig.get_path("scripts"))


pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def put() -> Run:
    """The installed command, with the local AWS in its environment."""

    def run(
        *arguments: str, command: str = "kclpy-wordputter", env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / command, *arguments],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **options,
        )

    return run


@pytest.mark.parametrize("command", ["kclpy-wordputter", "sample_kinesis_wordputter.py"])
def test_a_missing_stream_is_created_and_the_words_are_put_once(
    put: Run, kinesis: KinesisClient, stream: str, read_words: ReadWords, command: str
) -> None:
    """Under both its names: the stream has the shards asked for, and each word is in it once."""
    done = put("--stream", stream, "-w", "cat", "-w", "dog", "-w", "bird", "--shards", "2", command=command)
    assert (done.returncode, done.stderr) == (0, f"Created the stream {stream} in us-east-1.\n")
    assert sorted(read_words(kinesis, stream)) == ["bird", "cat", "dog"]
    assert len(kinesis.list_shards(StreamName=stream)["Shards"]) == 2
    assert done.stdout == (
        f"Put into {stream}: 3 records (bird 1, cat 1, dog 1; shardId-000000000000 1, shardId-000000000001 2)\n"
    )


def test_a_stream_that_exists_is_used_as_it_is(
    put: Run, kinesis: KinesisClient, stream: str, read_words: ReadWords
) -> None:
    """Nothing is created, and --shards has no effect."""
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    done = put("-s", stream, "-w", "cat", "--shards", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert read_words(kinesis, stream) == ["cat"]
    assert len(kinesis.list_shards(StreamName=stream)["Shards"]) == 1


def test_without_words_the_lines_of_stdin_are_put(
    put: Run, kinesis: KinesisClient, stream: str, read_words: ReadWords
) -> None:
    """One word a line, blank lines left out; any Unicode."""
    assert put("-s", stream, input=" cat \n\n日本 dog\n").returncode == 0
    assert sorted(read_words(kinesis, stream)) == ["cat", "日本 dog"]


def test_no_words_at_all_is_a_mistake(put: Run, kinesis: KinesisClient, stream: str) -> None:
    """Exit code 2, and no stream is made."""
    done = put("-s", stream, input="\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "give -w WORD" in done.stderr
    assert stream not in kinesis.list_streams()["StreamNames"]


@pytest.mark.parametrize("flag", ["-r", "--region", "--regionName"])
def test_the_region_and_the_endpoint_are_the_given_ones(
    put: Run, aws: LocalAws, stream: str, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is made where the flags say, not where the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    done = put("-s", stream, "-w", "cat", flag, "eu-west-1", "--endpoint-url", aws.url)
    assert done.stderr == f"Created the stream {stream} in eu-west-1.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to one process is POSIX's")
def test_with_a_period_the_words_are_put_again_until_ctrl_c(
    kinesis: KinesisClient, stream: str, read_words: ReadWords
) -> None:
    """Ctrl-C is the way to end it: exit code 0, and a last line with the sum."""
    command = [str(SCRIPTS / "kclpy-wordputter"), "-s", stream, "-w", "cat", "-w", "dog", "-p", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rounds = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert all(line.startswith(f"Put into {stream}: 2 records") for line in rounds)
    there = len(read_words(kinesis, stream))
    assert f"In all, put into {stream}: {there} records" in rest
    assert "Traceback" not in errors


def test_refused_records_are_sent_again(
    put: Run,
    kinesis: KinesisClient,
    stream: str,
    read_words: ReadWords,
    kinesis_server: Serve,
    ask_local_kinesis: Answer,
) -> None:
    """Where Kinesis takes a request in part, the rest follows: every word is there once, and counts once."""
    requests = []

    def refuse_every_second(operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation != "PutRecords":
            return ask_local_kinesis(operation, body)
        requests.append(len(body["Records"]))
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        taken = body["Records"][::2]
        _, response = ask_local_kinesis(operation, {**body, "Records": taken})
        results = [refused] * len(body["Records"])
        results[::2] = response["Records"]
        return 200, {"FailedRecordCount": len(results) - len(taken), "Records": results}

    words = [f"word{number}" for number in range(9)]
    done = put(
        "-s", stream, *(f"-w{word}" for word in words), env={"AWS_ENDPOINT_URL": kinesis_server(refuse_every_second)}
    )
    assert done.returncode == 0
    assert requests == [9, 4, 2, 1]
    assert sorted(read_words(kinesis, stream)) == words
    assert f"Put into {stream}: 9 records" in done.stdout


def test_records_that_are_always_refused_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stream: str,
    kinesis_server: Serve,
    ask_local_kinesis: Answer,
) -> None:
    """After a bounded number of attempts: exit code 1, what was put, and what was not and why."""
    attempts = Counter[str]()

    def refuse_dogs(operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation != "PutRecords":
            return ask_local_kinesis(operation, body)
        attempts[operation] += 1
        dogs = [record["PartitionKey"] == "dog" for record in body["Records"]]
        cats = [record for record, dog in zip(body["Records"], dogs, strict=True) if not dog]
        put = iter(ask_local_kinesis(operation, {**body, "Records": cats})[1]["Records"] if cats else [])
        return 200, {
            "FailedRecordCount": sum(dogs),
            "Records": [{"ErrorCode": "InternalFailure"} if dog else next(put) for dog in dogs],
        }

    monkeypatch.setattr(wordputter, "MAX_BACKOFF_SECONDS", 0.001)
    code = wordputter.run(
        ["-s", stream, "-w", "cat", "-w", "dog", "-w", "dog", "--endpoint-url", kinesis_server(refuse_dogs)]
    )
    out, err = capsys.readouterr()
    assert code == 1
    assert attempts["PutRecords"] == wordputter.MAX_ATTEMPTS
    assert f"Put into {stream}: 1 records (cat 1; " in out
    assert (
        f"2 records are not in the stream {stream} after {wordputter.MAX_ATTEMPTS} attempts: InternalFailure 2" in err
    )


def test_a_stream_that_is_being_deleted_is_not_waited_for(put: Run, stream: str, kinesis_server: Serve) -> None:
    """It will never be ACTIVE: exit code 1, and the message says so."""

    def deleting(operation: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation == "DescribeStreamSummary"
        return 200, {"StreamDescriptionSummary": {"StreamName": stream, "StreamStatus": "DELETING"}}

    done = put("-s", stream, "-w", "cat", env={"AWS_ENDPOINT_URL": kinesis_server(deleting)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"kclpy-wordputter: the stream {stream} is DELETING. Next: wait until it is gone, or name another one.\n"
    )


def test_denied_access_says_what_to_allow(put: Run, stream: str, kinesis_server: Serve) -> None:
    """An error of AWS is not taken for a missing stream: nothing is created."""
    asked = []

    def deny(operation: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.append(operation)
        return 400, {"__type": "AccessDeniedException", "message": "no"}

    done = put("-s", stream, "-w", "cat", env={"AWS_ENDPOINT_URL": kinesis_server(deny)})
    assert (done.returncode, done.stdout, asked) == (1, "", ["DescribeStreamSummary"])
    assert "Next: allow kinesis:DescribeStreamSummary" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_credentials_say_what_to_set(put: Run, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and the variables to set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = put("-s", stream, "-w", "cat")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Next: set AWS_PROFILE" in done.stderr


def size_of(words: list[str]) -> int:
    return sum(len(word.encode()) + len(wordputter.partition_key(word).encode()) for word in words)


@given(
    st.lists(
        st.one_of(st.text(max_size=5), st.integers(1, wordputter.MAX_BYTES).map(lambda size: "é" * (size // 2))),
        max_size=12,
    ),
    st.integers(0, 1200),
)
def test_no_portion_is_more_than_a_request_takes(words: list[str], more: int) -> None:
    """Portions keep every word in order, and within 500 records and 5 MiB; only one big word may be alone above it."""
    words += ["cat"] * more
    chunks = list(wordputter.chunks(words))
    assert [word for chunk in chunks for word in chunk] == words
    assert all(0 < len(chunk) <= wordputter.MAX_RECORDS for chunk in chunks)
    assert all(size_of(chunk) <= wordputter.MAX_BYTES or len(chunk) == 1 for chunk in chunks)


def test_portions_are_as_big_as_they_can_be() -> None:
    """1,001 words take three requests, not more."""
    assert [len(chunk) for chunk in wordputter.chunks(["cat"] * 1001)] == [500, 500, 1]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["-w", os.fsdecode(b"\xff")], b"", "argument -w/--word: '\\udcff' is not UTF-8"),
        (["-w", "cat", "-p", "nan"], b"", "argument -p/--period: invalid seconds value: 'nan'"),
        (["-w", "cat", "-p", "1e300"], b"", "argument -p/--period: invalid seconds value: '1e300'"),
        (["-w", "cat", "--shards", "9" * 5000], b"", "argument --shards: invalid int value"),
        ([], b"\xff\n", "standard input: "),
        (["-w", "cat", "--endpoint-url", "http://["], b"", "http://["),
        (["-w", ""], b"", "kclpy-wordputter: "),
        (["-w", "cat", "-r", "/"], b"", "kclpy-wordputter: "),
    ],
    ids=ascii,
)
def test_an_odd_argument_is_an_error_and_never_a_traceback(
    put: Run, stream: str, arguments: list[str], stdin: bytes, words: str
) -> None:
    """No UTF-8, no number, no end of digits, no URL, nothing."""
    with TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        done = put("-s", stream, *arguments, stdin=file)
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(stream: str) -> None:
    """Once the words are put, where the command says so."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [SCRIPTS / "kclpy-wordputter", "-s", stream, "-w", "cat"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.endswith("kclpy-wordputter: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("command", ["kclpy-wordputter", "kclpy-demo"])
def test_what_nothing_foresaw_is_two_lines_and_exit_code_70(put: Run, tmp_path: Path, command: str) -> None:
    """What it was, and whom to tell; the traceback for who asks for it."""
    (tmp_path / "kclpy_helper.py").touch()
    (tmp_path / "boto3.py").write_text(
        "def client(*_, **__): raise ArithmeticError('not\\nforeseen')\n", encoding="utf-8"
    )
    arguments = ["-s", "words", "-w", "cat"] if command == "kclpy-wordputter" else []
    environment = {"PYTHONPATH": str(tmp_path)}
    done = put(*arguments, command=command, env=environment)
    assert (done.returncode, done.stdout) == (70, "")
    what, whom = done.stderr.splitlines()
    assert what.startswith(f"{command}: unforeseen ")
    assert whom == "Please report this to the issue tracker of kclpy; KCLPY_DEBUG=1 shows where it comes from."
    debug = put(*arguments, command=command, env={**environment, "KCLPY_DEBUG": "1"})
    assert debug.stderr.startswith("Traceback (most recent call last):")
    assert (debug.returncode, debug.stderr.endswith(done.stderr)) == (70, True)
