"""The end of a command that nothing foresaw, and odd words, streams and files that have to be foreseen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROPERTIES = """\
executableName = python app.py
applicationName = app
streamName = words
regionName = us-east-1
AwsCredentialsProvider = DefaultCredentialsProvider
retrievalMode = POLLING
shutdownGraceMillis = 20000
"""

NEEDS_FULL = pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files and shells")


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """An environment in which an installed package is broken in a way that nothing expects."""
    package = tmp_path / "broken" / "kclpy_jars"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ArithmeticError('not\\x1b[31m\\nforeseen')\n", encoding="utf-8")
    return {"PYTHONPATH": str(package.parent)}


@pytest.mark.parametrize("command", ["kclpy-helper", "amazon_kclpy_helper.py"])
def test_what_nothing_foresaw_is_two_lines_and_exit_code_70(run: Run, broken: dict[str, str], command: str) -> None:
    """What it was and where, and whom to tell; the traceback only for who asks for it."""
    done = run("--print_classpath", env=broken, command=command)
    assert (done.returncode, done.stdout) == (70, "")
    what, whom = done.stderr.splitlines()
    assert what == r"Error: unforeseen ArithmeticError: not\x1b[31m\x0aforeseen (__init__.py:1)"
    assert whom == "Please report this to the issue tracker of kclpy; KCLPY_DEBUG=1 shows where it comes from."
    debug = run("--print_classpath", env={**broken, "KCLPY_DEBUG": "1"}, command=command)
    assert debug.returncode == 70
    assert debug.stderr.startswith("Traceback (most recent call last):")
    assert debug.stderr.endswith(done.stderr)


LONG = "a" * 300


@pytest.mark.parametrize("name", [LONG, "a/" * 3000, "loop/x", os.fsdecode(b"\xff\x1b[31m")], ids=ascii)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--print_classpath", "-c"], 0),  # a warning
        (["--print_command", "--sample", "-l"], 1),
        (["check"], 1),
        (["leases"], 1),
        (["leases", "restore"], 1),
        (["run", "--stream", "s", "--application", "a", "--region", "us-east-1"], 1),
        (["run", "app.properties", "-l"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_odd_name_is_an_error_and_never_a_traceback(
    run: Run, tmp_path: Path, arguments: list[str], code: int, name: str
) -> None:
    """Too long, in a circle, not UTF-8, or made to steer a terminal: as any other name of which there is nothing."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "app.properties").write_text(PROPERTIES, encoding="latin-1")
    done = run(*arguments, name, env={"AWS_EC2_METADATA_DISABLED": "true"})
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr


NUMBERS = ("shutdownGraceMillis", "failoverTimeMillis", "maxRecords", "timestampAtInitialPositionInStream")
TEXTS = ("streamName", "executableName", "dynamoDBEndpoint", "AwsCredentialsProvider", "regionName")


@pytest.mark.parametrize("value", ["9" * 5000, "nan", "-inf", "1e999", "\\u0663", "\\ud800", "\\u0000", ""], ids=ascii)
def test_an_odd_value_is_a_finding_and_never_a_traceback(run: Run, tmp_path: Path, value: str) -> None:
    """In `check`, and where a command reads it: digits without end, no numbers, half a surrogate pair, a NUL."""
    path = tmp_path / "app.properties"
    path.write_text("".join(f"{key} = {value}\n" for key in (*NUMBERS, *TEXTS)), encoding="latin-1")
    for arguments in (["check"], ["--print_classpath", "-p"], ["leases"]):
        done = run(*arguments, path, env={"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"})
        assert done.returncode in {0, 1}, done.stderr
        assert "Traceback" not in done.stderr
        assert [key for key in NUMBERS if key not in done.stdout] == [] or arguments != ["check"]


def test_an_aws_config_in_another_encoding_is_no_obstacle(run: Run, tmp_path: Path) -> None:
    """`check` does without the profile's region, and `doctor` and `leases` say what is wrong with the file."""
    (tmp_path / "config").write_bytes("[default]\nregion = us-east-1 # Zürich\n".encode("latin-1"))
    (tmp_path / "app.properties").write_text(PROPERTIES.replace("regionName", "#"), encoding="latin-1")
    env: dict[str, str | None] = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        **dict.fromkeys(["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"]),
    }
    for arguments in (["check"], ["doctor"], ["leases"]):
        done = run(*arguments, "app.properties", env=env)
        assert done.returncode in {0, 1}, done.stderr
        assert "Traceback" not in done.stderr
        assert str(tmp_path / "config") in done.stdout + done.stderr or arguments == ["check"]


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        pytest.param("> /dev/full", 1, "Error: output: No space left on device", marks=NEEDS_FULL),
        ("| true", 1, ""),
        (">&-", 0, ""),
        ("2>&- >&- <&-", 0, ""),
        pytest.param("2> /dev/full", 0, "", marks=NEEDS_FULL),
    ],
)
def test_a_stream_that_takes_nothing_is_no_traceback(tmp_path: Path, redirection: str, code: int, words: str) -> None:
    """A full disk, a reader that went away, and streams that were never there."""
    arguments = f"{SCRIPTS / 'kclpy-helper'} check --explain shutdownGraceMillis"
    if redirection == "| true":  # which has to have gone before anything is written
        arguments, redirection = f"(sleep 1; {arguments}; echo $? >&2)", "| true"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{arguments} {redirection}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if redirection == "| true":
        assert done.stderr == "1\n"
    else:
        assert (done.returncode, done.stderr.strip()) == (code, words)


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_a_terminal_of_few_letters_gets_what_it_can_show(run: Run, tmp_path: Path, environment: dict[str, str]) -> None:
    """Of a file whose name and whose values have letters that ASCII has not."""
    path = tmp_path / "größe.properties"
    path.write_text(f"{PROPERTIES}größe\\u2028 = 1\n", encoding="latin-1")
    done = run("check", path, env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "does not know this key" in done.stdout


def test_a_run_that_is_suspended_goes_on_when_it_is_continued(
    tmp_path: Path, make_executable: Callable[[Path, str], Path]
) -> None:
    """As by Ctrl-Z and fg: the daemon waits with its lines, and what it wrote meanwhile comes; then it is stopped."""
    java = make_executable(
        tmp_path / "java",
        "import signal, sys, time\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "for number in range(10 ** 9):\n"
        "    print('x' * 1000, number, flush=True)\n"
        "    time.sleep(0.001)",
    )
    (tmp_path / "app.properties").write_text(PROPERTIES, encoding="latin-1")
    (tmp_path / "app.py").touch()
    with subprocess.Popen(
        [SCRIPTS / "kclpy-helper", "run", "app.properties", "-j", java],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None

        def number() -> int:
            line = next(line for line in process.stderr or () if "xxx" in line)
            return int(line.rpartition(" ")[2])

        try:
            first = number()
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            time.sleep(1)
            process.send_signal(signal.SIGCONT)
            numbers = [number() for _ in range(500)]
            assert numbers == list(range(first + 1, first + 501))
        finally:
            process.terminate()
        rest = process.stderr.read()
    assert process.returncode == 0, rest[-2000:]
