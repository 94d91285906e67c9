"""`kclpy-helper run` up to the daemon: what it refuses, what it starts, and what it leaves behind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import sysconfig
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import kclpy_jars
import pytest
from kclpy_helper import classpath, launch
from kclpy_helper.archive import ClassArchive
from kclpy_helper.log import Log
from kclpy_helper.logs import Level, Reader, plain
from kclpy_helper.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub of a java is a script")

SCRIPTS = Path(sysconfig.get_path("scripts"))
STUB = """
import json, os, pathlib, sys
if sys.argv[1:] == ['-version']: sys.exit()
said = {'argv': sys.argv[1:], 'file': pathlib.Path(sys.argv[-1]).read_text(), 'cwd': os.getcwd(), 'PATH': os.environ['PATH']}
print('started', json.dumps(said))
sys.exit(7)
"""
PROPERTIES = """\
executableName = python app.py
applicationName = app
streamName = words
regionName = us-east-1
AwsCredentialsProvider = DefaultCredentialsProvider
retrievalMode = POLLING
shutdownGraceMillis = 20000
workerId = w
"""


@pytest.fixture
def java(tmp_path: Path, make_executable: Callable[[Path, str], Path]) -> Path:
    """A java that says how it was started, and with which properties, and ends with 7."""
    return make_executable(tmp_path / "a java" / "java", STUB)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A properties file without fault, in a folder with a space in its name."""
    path = tmp_path / "my app" / "app.properties"
    path.parent.mkdir()
    path.write_text(PROPERTIES, encoding="latin-1")
    (tmp_path / "app.py").touch()
    return path


def started(stderr: str) -> dict[str, Any]:
    """What the stub said."""
    (line,) = (line for line in stderr.splitlines() if "started {" in line)
    said: dict[str, Any] = json.loads(line.partition("started ")[2])
    return said


def launched(java: Path, folder: Path) -> launch.Launch:
    """What starts daemons with this java, in this test's own process."""
    return launch.Launch(
        Properties(Path(), {"executableName": "python"}),
        folder,
        Log(cast("io.RawIOBase", io.BytesIO()), plain, Level.INFO),
        lock=None,
        java=str(java),
        jvm_options=(),
        paths=(),
        log_configuration=None,
    )


def test_the_daemon_starts_on_the_effective_properties(run: Run, java: Path, app: Path, tmp_path: Path) -> None:
    """A private file, gone afterwards, with what a flag changed; the folder and the exit code are unchanged."""
    (tmp_path / "temporary").mkdir()
    done = run(
        "run",
        app,
        "--java",
        java,
        "--set",
        "workerId=x",
        "--restart",
        "never",
        env={"TMPDIR": str(tmp_path / "temporary")},
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout == ""
    said = started(done.stderr)
    for line in PROPERTIES.replace("= w\n", "= x\n").splitlines():
        assert line.replace(" = ", "=") in said["file"]
    assert said["cwd"] == str(tmp_path)
    assert said["argv"][said["argv"].index("-cp") + 1] == kclpy_jars.class_path()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_options_for_the_jvm_come_after_ours(run: Run, java: Path, app: Path) -> None:
    """So that the user's win."""
    done = run("run", app, "-j", java, "--restart", "never", "--jvm-option", "-Xmx64m", "--jvm-option=-XX:+UsePerfData")
    options = started(done.stderr)["argv"]
    options = options[: options.index("-cp")]
    assert options[-2:] == ["-Xmx64m", "-XX:+UsePerfData"]
    assert {"-Dfile.encoding=UTF-8", *launch.JVM_OPTIONS} <= set(options)


@pytest.mark.parametrize(
    ("color", "terminal", "environment", "coloured"),
    [
        ("auto", True, {}, True),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", False, {}, False),
        ("always", False, {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", True, {}, False),
    ],
)
def test_colours_are_for_a_terminal_or_for_who_asks(
    app: Path,
    tmp_path: Path,
    make_executable: Callable[[Path, str], Path],
    color: str,
    environment: dict[str, str],
    *,
    terminal: bool,
    coloured: bool,
) -> None:
    """Those of the lines' levels, and those that come from below; without colours the latter are escaped."""
    java = make_executable(
        tmp_path / "java",
        r"import sys; print(*([] if sys.argv[1:] == ['-version'] else ['\x1b[32mgreen\x1b[0m\x1b[2J'])); sys.exit(0)",
    )
    ours, theirs = os.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [SCRIPTS / "kclpy-helper", "run", app, "-j", java, "--restart", "never", "--color", color],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **environment},
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):  # a terminal whose other end is closed
        while data := os.read(ours, 65536):
            said += data
    os.close(ours)
    assert process.wait(60) == 1, said
    assert (b"\x1b[32mgreen\x1b[0m\\x1b[2J" in said) == coloured
    assert (rb"\x1b[32mgreen\x1b[0m\x1b[2J" in said) != coloured
    assert (b"\x1b[31m" in said) == coloured  # the daemon ended, which is an error


def test_a_processor_runs_on_this_interpreter(run: Run, java: Path, tmp_path: Path) -> None:
    """By its name, since executableName is split at spaces, and by way of PATH."""
    (tmp_path / "app.py").write_text("def P(records): ...\n", encoding="utf-8")
    arguments = ("--stream", "words", "--application", "app", "--region", "us-east-1")
    said = started(run("run", "app:P", *arguments, "-j", java, "--restart", "never").stderr)
    assert f"executableName={Path(sys.executable).name} -m kclpy app\\:P" in said["file"]
    assert said["PATH"].startswith(str(Path(sys.executable).parent))


def test_a_fault_keeps_the_daemon_from_starting(run: Run, java: Path, app: Path) -> None:
    """The message names the flag or the line that is at fault."""
    done = run("run", app, "-j", java, "--set", "timeoutInSeconds=soon")
    assert done.returncode == 1
    assert "ERROR kclpy-helper: --set: timeoutInSeconds: " in done.stderr
    assert "started" not in done.stderr


def test_all_that_is_said_is_json(run: Run, java: Path, app: Path) -> None:
    """The helper's own words as well as the daemon's."""
    done = run("run", app, "-j", java, "--restart", "never", "--log-format", "json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["logger"] for event in events] == ["kclpy-helper", "java", "kclpy-helper"]
    assert events[-1]["message"].startswith("the MultiLangDaemon ended with 7 after ")


def test_with_a_log_configuration_lines_pass_untouched(run: Run, java: Path, app: Path, tmp_path: Path) -> None:
    """The daemon gets what the file says, and logs for us as well, which is not shown."""
    users = tmp_path / "my log.xml"
    users.write_text('<configuration><root level="WARN"/></configuration>', encoding="utf-8")
    done = run("run", app, "-j", java, "--restart", "never", "-l", users)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("started {"))
    options = json.loads(line.partition(" ")[2])["argv"]
    assert Path(options[options.index("--log-configuration") + 1]).name == "logback.xml"


def test_a_log_configuration_that_cannot_be_read_is_the_daemons_business(
    run: Run, java: Path, app: Path, tmp_path: Path
) -> None:
    """It gets the file that was given."""
    (tmp_path / "my log.xml").touch()
    done = run("run", app, "-j", java, "--restart", "never", "-l", "my log.xml")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("started {"))
    options = json.loads(line.partition(" ")[2])["argv"]
    assert options[options.index("--log-configuration") + 1] == str(tmp_path / "my log.xml")
    assert "kclpy.mark" not in line


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        ("ap:P", "there is no module 'ap'"),
        ("app:Q", "has no attribute 'Q'"),
        ("app:Half", "the method process_records is missing"),
    ],
)
def test_what_is_no_processor_is_refused_before_the_daemon_starts(
    run: Run, java: Path, tmp_path: Path, processor: str, message: str
) -> None:
    """The daemon would start it when it has a shard, minutes later."""
    (tmp_path / "app.py").write_text("class Half: initialize = print\n", encoding="utf-8")
    done = run("run", processor, "--stream", "words", "--application", "app", "-j", java)
    assert done.returncode == 1
    assert message in done.stderr
    assert "started" not in done.stderr


def test_without_a_file_the_stream_and_the_application_are_needed(run: Run, java: Path, tmp_path: Path) -> None:
    """The message names the flags."""
    (tmp_path / "app.py").write_text("def P(records): ...\n", encoding="utf-8")
    done = run("run", "app:P", "--stream", "words", "-j", java)
    assert done.returncode == 2
    assert "--application and --stream are needed" in done.stderr


def test_a_java_that_is_too_old_is_refused(
    run: Run, app: Path, tmp_path: Path, make_executable: Callable[[Path, str], Path]
) -> None:
    """Its daemon would end at once, again and again."""
    old = make_executable(tmp_path / "old" / "java", "print('java version \"1.7.0_80\"')")
    done = run("run", app, "-j", old)
    assert done.returncode == 1
    assert "is Java 7, and the jars need 8" in done.stderr


def test_java_is_not_started_on_changed_jars(run: Run, java: Path, app: Path, damaged_jar: str) -> None:
    """The words are those of `python -m kclpy_jars verify`, with what to do; who must, starts it all the same."""
    verify = subprocess.run([sys.executable, "-m", "kclpy_jars", "verify"], capture_output=True, text=True, check=False)
    assert f"changed: {damaged_jar} (sha256 " in verify.stderr
    done = run("run", app, "-j", java, "--restart", "never")
    assert done.returncode == 1
    assert verify.stderr.removeprefix("kclpy_jars: ") in done.stderr
    assert "--no-verify" in done.stderr
    assert "MultiLangDaemon started" not in done.stderr
    assert run("run", app, "-j", java, "--restart", "never", "--no-verify").returncode == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["nowhere.properties"], "No such file"),
        (["app:P", "--set", "x"], "'x' is no KEY=VALUE"),
        (["app:P", "-l", "nowhere.xml"], "nowhere.xml"),
    ],
)
def test_a_mistake_on_the_command_line_says_what(run: Run, arguments: list[str], message: str) -> None:
    """And exits non-zero."""
    done = run("run", *arguments)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_daemon_that_begins_to_end_by_itself_is_being_stopped(
    tmp_path: Path, make_executable: Callable[[Path, str], Path]
) -> None:
    """Its children know it from its word, and from no word of theirs; the next daemon is another one."""
    java = make_executable(
        tmp_path / "java",
        "import os, sys, time\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "mark = next(word.partition('=')[2] for word in sys.argv if word.startswith('-Dkclpy.mark='))\n"
        "def say(message): print(f'{mark}time\\tINFO\\tMultiLangDaemon\\t{message}\u2029', flush=True)\n"
        "stopping = os.environ['KCLPY_STOPPING']\n"
        "ending = 'Process terminated, will initiate shutdown.'\n"
        "say(f'Received error line from subprocess [{ending}] for shard shardId-0')\n"
        "time.sleep(0.5)\n"
        "if os.path.exists(stopping): sys.exit(3)\n"
        "say(ending)\n"
        "deadline = time.monotonic() + 30\n"
        "while not os.path.exists(stopping) and time.monotonic() < deadline: time.sleep(0.01)\n"
        "sys.exit(0 if os.path.exists(stopping) else 4)",
    )
    started = launched(java, tmp_path)
    for _ in range(2):
        with started.daemon(lambda event: None) as daemon:
            assert daemon.wait(60) == 0


def test_kcl_1_logs_in_our_format_too(tmp_path: Path, java: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By way of java.util.logging, whose configuration a system property names."""
    options = classpath.bundled_jars()[0], kclpy_jars.Daemon("com.amazonaws.M", None, None)
    monkeypatch.setattr(classpath, "bundled_jars", lambda: options)
    started = launched(java, tmp_path)
    command = started.daemon(lambda event: None).command
    assert {f"-Djava.util.logging.config.file={tmp_path / 'logging.properties'}", "-Duser.language=en"} <= {*command}
    (mark,) = (option.partition("=")[2] for option in command if option.startswith("-Dkclpy.mark="))
    written = (tmp_path / "logging.properties").read_text(encoding="latin-1")
    assert f"SimpleFormatter.format={mark}%1$tFT%1$tT.%1$tL%1$tz\\t%4$s\\t%3$s\\t%5$s\\u2029%6$s%n" in written
    assert Reader(mark)(f"{mark}2026-01-01T00:00:00.000+0000\tSEVERE\ta.B\tno\u2029")


CRASHES = """
import os, pathlib, sys
if sys.argv[1:] == ['-version']: sys.exit(print('openjdk version "17"'))
option, _, path = next(word for word in sys.argv if 'Archive' in word).partition('=')
print('started with', option, flush=True)
if option == '-XX:SharedArchiveFile': os.abort()
pathlib.Path(path).write_text('classes')
sys.exit(1)
"""


def test_a_daemon_that_crashes_with_its_archive_of_classes_is_started_without(
    run: Run,
    app: Path,
    tmp_path: Path,
    make_executable: Callable[[Path, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next time; what this one writes is not kept, since nobody asked it to end."""
    java = make_executable(tmp_path / "java", CRASHES)
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    archive = ClassArchive(java, kclpy_jars.class_path(), lambda level, text: None)
    Path(archive.options(())[0].partition("=")[2]).write_bytes(b"classes")
    archive.settle(complete=True)
    done = run("run", app, "-j", java, "--max-restarts", "1")
    first, dropped, second = (
        done.stderr.find(text)
        for text in (
            "started with -XX:SharedArchiveFile",
            "is deleted: it may be the cause",
            "started with -XX:ArchiveClassesAtExit",
        )
    )
    assert -1 < first < dropped < second, done.stderr
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_an_archive_of_classes_that_a_killed_jvm_has_begun_is_not_kept(
    tmp_path: Path, make_executable: Callable[[Path, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the stop went well: its record processors were done, and a slow disk was not."""
    java = make_executable(
        tmp_path / "java",
        "import pathlib, sys, time\n"
        "if sys.argv[1:] == ['-version']: sys.exit(print('openjdk version \"17\"'))\n"
        "option, _, path = next(word for word in sys.argv if 'Archive' in word).partition('=')\n"
        "pathlib.Path(path).write_text('clas')\n"
        "print('writing', flush=True)\n"
        "time.sleep(60)",
    )
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    started = launched(java, tmp_path)
    writing = threading.Event()
    with started.daemon(lambda event: writing.set()) as daemon:
        assert writing.wait(30)
        daemon.kill()
        daemon.wait()
    started.settle(complete=True)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_an_archive_of_classes_that_cannot_be_written_makes_no_good_stop_a_failure(
    run: Run, app: Path, tmp_path: Path, make_executable: Callable[[Path, str], Path]
) -> None:
    """The JVM says so as it ends, with exit code 1, when all record processors are done."""
    java = make_executable(
        tmp_path / "java",
        "import os, signal, sys\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "def end(*_):\n"
        "    print('An error has occurred while processing the shared archive file.')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "os.kill(os.getppid(), signal.SIGTERM)\n"
        "while True: signal.pause()",
    )
    done = run("run", app, "-j", java)
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().endswith("has ended as it was asked to")
