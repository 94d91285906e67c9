"""Fuzzing of the commands: an answer, or an error that is foreseen, for any command line, properties, leases and log.

`hatch run fuzz-commands 60` tries the targets in turn for so many seconds (Hypothesis), on a local AWS; no daemon is started.
The first finding is shrunk, shown, and ends it with exit code 1.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import kclpy_jars.__main__ as jars
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kclpy_helper import cli, keys
from kclpy_helper.errors import PathError
from kclpy_helper.failure import EXIT_UNFORESEEN
from kclpy_helper.leases.application import Application
from kclpy_helper.leases.backup import back_up, read_back_up
from kclpy_helper.leases.report import Report
from kclpy_helper.leases.reset import changes_back, changes_to, write
from kclpy_helper.logs import Reader, as_json, plain
from kclpy_helper.properties import Properties
from kclpy_samples import wordputter
from kclpy_samples.local import local_aws
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEASES, BACKUP = "fuzzed-leases", "kept.jsonl"
STEERS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")
"""What no command may write, off a terminal."""
ODD = (
    *("", " ", "-", "-1", "0", "nan", "inf", "-inf", "1e999", "1e300", "0.1", "1_0", "\u0663", "9" * 400, "9" * 5000),
    *(
        "true",
        "a" * 300,
        "a/" * 3000,
        "/dev/null/x",
        "/proc/self/mem",
        "/proc",
        ".",
        "..",
        "~",
        "~nobody/x",
        "loop",
        "full",
    ),
    *(
        "\ud800",
        "\udcff",
        "\x00",
        "\x1b[31m",
        "[/a]",
        "[fe80::1]:8080",
        "\u2028",
        "\x85",
        "\u202e",
        "\xe9",
        "\U0001f4a5",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z", "-62135596800", "253402300800"),
    *(
        "arn:aws:kinesis:us-east-1:1:stream/x",
        "arn:",
        "http://[",
        "http://127.0.0.1:1",
        "http://127.0.0.1:99999",
        "://",
    ),
    *("StsAssumeRoleCredentialsProvider|a|b", "ProfileCredentialsProvider|x", ",|^=", "python -c pass", "x.py", "'a b"),
    *(
        "TRIM_HORIZON",
        "LATEST",
        "SHARD_END",
        "us-east-1",
        "LEASE",
        "app.properties",
        BACKUP,
        LEASES,
        ".a:b",
        "os:getcwd",
    ),
)
TEXT = st.sampled_from(ODD) | st.text(st.characters(exclude_characters="/"), max_size=20)


class UnforeseenError(Exception):
    """The last resort was needed."""


def run(*arguments: str, main: Callable[[list[str]], Any] = cli.main) -> str:
    """A command in this process, with streams that take ASCII only; what it wrote to stdout."""
    streams = [
        io.TextIOWrapper(io.BytesIO(), "ascii", errors, newline="") for errors in ("strict", "backslashreplace", None)
    ]
    code = None
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        stdin, sys.stdin = sys.stdin, streams[2]
        try:
            code = main(list(arguments))
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdin = stdin
        for stream in streams[:2]:
            stream.flush()
    out, err = (stream.buffer.getvalue().decode() for stream in streams[:2])  # click takes UTF-8 in place of ASCII
    if code == EXIT_UNFORESEEN:
        raise UnforeseenError(arguments, err)
    if arguments[:1] in {("leases",), ("check",), ("doctor",)} and (found := STEERS.search(out)):
        raise AssertionError(arguments, found, out)
    return out


def _encodable(text: str) -> bool:
    """Whether a process can be given it as an argument."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def lines_of(*words: str, right: Sequence[str] = (), left_out: Sequence[str] = ()) -> st.SearchStrategy[list[str]]:
    """Command lines of the command ``words``: with any options but those ``left_out``, or the ``right`` ones and an odd one."""
    command: Any = cli.main
    for word in words:
        command = command.get_command(None, word)
    options = [option for parameter in command.params for option in parameter.opts if option[:1] == "-"]
    option = st.sampled_from([option for option in options if option not in left_out])
    word = TEXT.filter(_encodable)
    pair = st.tuples(option, word) | st.tuples(option) | st.tuples(word)
    one = st.tuples(option, word).map(lambda pair: [*words, *right, *pair])
    return one | st.lists(pair, max_size=6).map(lambda pairs: [*words, *itertools.chain(*pairs)])


@given(
    lines_of(right=["--print_classpath"], left_out=["--execute", "-j", "--java"])
    | lines_of("check", right=["app.properties"])
    | lines_of("doctor", left_out=["-j", "--java"])
    | lines_of("init")
    | lines_of("leases", "show", right=["--application", LEASES])
    | lines_of("leases", "reset", right=["--application", LEASES, "--to", "LATEST"])
    | lines_of("leases", "restore", right=[BACKUP])
    | lines_of("run", left_out=["-j", "--java"]).map(lambda line: [*line, "-j", "none"])
)
def a_command_line(arguments: list[str]) -> None:
    run(*arguments)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted({name for line in keys.lines().values() for name in keys.table(line).keys})), TEXT
        )
        | st.tuples(TEXT, TEXT),
        min_size=5,
        max_size=40,
    ),
    st.binary(max_size=10),
    st.sampled_from(
        [["check"], ["check", "--json"], ["doctor", "--iam-policy"], ["leases"], ["run", "-j", "none"], ["doctor"]]
    ),
    st.sampled_from("123"),
)
def a_properties_file(values: list[tuple[str, str]], more: bytes, command: list[str], version: str) -> None:
    lines = (f"{key} = {value}\n".encode("latin-1", "backslashreplace") for key, value in values)
    Path("fuzzed.properties").write_bytes(b"".join(lines) + more)
    run(*command, *(["--kcl-version", version] if command[0] == "check" else []), "fuzzed.properties")


NUMBER = (
    st.integers(-(2**63), 2**63 - 1).map(str)
    | st.integers(-(10**37), 10**37).map(str)
    | st.sampled_from(["1.5", "1E+100", "-1", "9223372036854775807", "9223372036854775808", "0"])
)
STRING = st.sampled_from([odd for odd in ODD if not re.search("[\ud800-\udfff]", odd)]) | st.text(max_size=5)
ATTRIBUTES_OF_TEXT = st.builds(lambda text: {"S": text}, STRING) | st.builds(lambda text: {"N": text}, NUMBER)
ATTRIBUTE = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, STRING),
        st.builds(lambda text: {"N": text}, NUMBER),
        st.builds(lambda data: {"B": data}, st.binary(max_size=5)),
        st.builds(lambda texts: {"SS": texts}, st.lists(STRING, min_size=1, max_size=3, unique=True)),
        st.builds(
            lambda several: {"BS": several},
            st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=3, unique=True),
        ),
        st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: (
        st.builds(lambda elements: {"L": elements}, st.lists(inner, max_size=3))
        | st.builds(
            lambda elements: {"M": elements},
            st.dictionaries(st.sampled_from(["B", "C", "NI", "[/a]"]), inner, max_size=3),
        )
    ),
    max_leaves=5,
)
NAMES = (
    *(
        "leaseCounter",
        "leaseOwner",
        "checkpoint",
        "checkpointSubSequenceNumber",
        "ownerSwitchesSinceCheckpoint",
        "entityType",
    ),
    *(
        "pendingCheckpoint",
        "pendingCheckpointSubSequenceNumber",
        "pendingCheckpointState",
        "checkpointOwner",
        "throughputKBps",
    ),
    *("parentShardId", "childShardIds", "B"),
)
SENSIBLE = {"leaseCounter": {"N": "1"}, "checkpoint": {"S": "4957"}, "ownerSwitchesSinceCheckpoint": {"N": "0"}}
WORKER = {"entityType": {"S": "WORKER_METRIC_STATS"}}


def items_with(names: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these attributes, of any type; or one of them, of a text or a number that is odd."""
    one = st.builds(lambda name, value: {name: value}, st.sampled_from(names), ATTRIBUTES_OF_TEXT)
    return one | st.dictionaries(st.sampled_from(names), ATTRIBUTE, max_size=4)


LEASE_ITEMS = items_with(NAMES).map(lambda odd: SENSIBLE | odd)
OTHER_ITEMS = items_with(["lut", "sts", "opr", "ownerName", "cv", "tm"])


@given(
    st.dictionaries(
        STRING.filter(bool) | st.sampled_from(["Leader", "Migration3.0"]),
        LEASE_ITEMS
        | OTHER_ITEMS.map(lambda odd: WORKER | odd)
        | OTHER_ITEMS.map(lambda odd: {"entityType": {"S": "X"}} | odd),
        max_size=3,
    )
)
def leases(items: dict[str, dict[str, Any]]) -> None:
    app, dynamodb = application(), application().dynamodb
    for old in dynamodb.scan(TableName=LEASES)["Items"]:
        dynamodb.delete_item(TableName=LEASES, Key={"leaseKey": old["leaseKey"]})
    for key, item in items.items():
        with contextlib.suppress(ClientError, BotoCoreError):  # it takes no such thing
            dynamodb.put_item(TableName=LEASES, Item={"leaseKey": {"S": key}, **item})
    snapshot = app.read()
    report, screen = Report(app, snapshot), io.StringIO()
    Console(file=screen, width=10_000).print(report.tables(Console(file=screen, width=10_000)))
    assert not STEERS.search(screen.getvalue())
    json.loads(json.dumps(report.document()), parse_constant=float.fromhex)
    found = [lease for lease in snapshot.leases if not lease.problem]
    changes = list(changes_to(app, found, "LATEST"))
    path = Path(BACKUP)
    path.unlink(missing_ok=True)
    back_up(path, app, Properties(path, {}), [change.before.item for change in changes if change.before])
    write(app, changes)
    if changes:
        write(app, changes_back(app.read(), read_back_up(path).items))
    ours = {"leaseCounter", "leaseOwner", "checkpointOwner"}
    now, then = (
        {lease.key: {name: lease.item[name] for name in lease.item.keys() - ours} for lease in some}
        for some in (app.read().leases, snapshot.leases)
    )
    assert now == then


@cache
def application() -> Application:
    """The one whose tables are fuzzed; a client takes longer to make than to use."""
    return Application(Properties(Path("fuzzed"), {"applicationName": LEASES}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["item", "leaseKey", "checkpoint", "S", "N", "B", "BS", "M", "L", "NULL"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
ORIGIN = {
    "table": LEASES,
    "region": "us-east-1",
    "properties": {},
    "item": {"leaseKey": {"S": "a"}, "leaseCounter": {"N": "1"}},
}


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*ORIGIN]), JSON, max_size=2).map(lambda odd: json.dumps(ORIGIN | odd))
        | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=2).map(
            lambda odd: json.dumps(ORIGIN | {"item": ORIGIN["item"] | odd})  # type: ignore[operator]
        )
        | JSON.map(json.dumps)
        | st.sampled_from(["[" * 100_000, "9" * 5000]),
        max_size=3,
    ),
    st.binary(max_size=5),
)
def a_backup(lines: list[str], more: bytes) -> None:
    path = Path("received.jsonl")
    path.write_bytes("\n".join(lines).encode() + more)
    with contextlib.suppress(PathError):
        assert all(isinstance(text, str) for text in read_back_up(path)[:4])


MARK = "mark"
LINE = st.lists(
    st.sampled_from(
        [
            *(
                MARK,
                "\t",
                "\u2028",
                "\u2029",
                "ERROR",
                "2026-01-02T03:04:05.678+00:00",
                "Received error line from subprocess [",
            ),
            *(
                "] for shard shardId-0",
                "Skipping unexpected line on STDOUT for shard ",
                "Traceback (most recent call last):",
            ),
            *("\tat a.B.c(B.java:1)", "{", '"level": "error"', "}", "kclpy: ", "WARNING:a:"),
        ]
    )
    | TEXT,
    max_size=12,
).map("".join)


@given(st.lists(LINE, max_size=6))
def a_log(lines: list[str]) -> None:
    reader = Reader(MARK)
    for line in lines:
        if event := reader(line):
            assert json.loads(as_json(event))["message"] == event.message
            assert len(as_json(event).splitlines()) == 1
            assert not STEERS.search(plain(event))


@given(st.lists(st.sampled_from(["list", "path", "classpath", "licenses", "sbom", "--json", "-h"]) | TEXT, max_size=4))
def the_jars(arguments: list[str]) -> None:
    run(*arguments, main=jars.main)


@given(
    st.lists(st.tuples(st.sampled_from(["-s", "-w", "-r", "--endpoint-url", "--shards"]), TEXT).map(list), max_size=5)
)
def the_word_putter(arguments: list[list[str]]) -> None:
    run(*itertools.chain(*arguments), main=wordputter.run)


TARGETS = {
    a_log: 200,
    a_backup: 50,
    leases: 20,
    a_properties_file: 10,
    a_command_line: 30,
    the_jars: 5,
    the_word_putter: 3,
}
"""How many examples of each are tried before the next one's turn."""


def hurry(seconds: float) -> None:
    """Instead of ``time.sleep``: the same errors at once."""
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(seconds)


def main(seconds: float) -> None:
    """Try the targets in turn for so many ``seconds``."""
    deadline = time.monotonic() + seconds
    turns = {
        settings(
            database=None,
            deadline=None,
            max_examples=examples,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(target): examples
        for target, examples in TARGETS.items()
    }
    tried = dict.fromkeys(turns, 0)
    for target in itertools.cycle(turns):
        if time.monotonic() > deadline:
            break
        target()
        tried[target] += turns[target]
    print(", ".join(f"{target.__name__} {count}" for target, count in tried.items()))


if __name__ == "__main__":
    os.environ.update(PATH=os.devnull, JAVA_HOME=os.devnull, KCLPY_DEBUG="1", AWS_MAX_ATTEMPTS="1")
    with tempfile.TemporaryDirectory() as folder, local_aws() as aws:
        os.environ.update(aws.environment, HOME=folder)
        inner = Path(folder, "a", "b")
        inner.mkdir(parents=True)
        os.chdir(inner)
        Path("loop").symlink_to("loop")
        Path("full").symlink_to("/dev/full")
        Path("app.properties").write_text("applicationName = fuzzed-leases\nstreamName = words\n", encoding="latin-1")
        boto3.client("dynamodb").create_table(
            TableName=LEASES,
            KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        time.sleep = hurry
        main(float(sys.argv[1]))
