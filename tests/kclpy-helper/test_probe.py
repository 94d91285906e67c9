"""What is asked of a record processor's process."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.doctor.probe import Probed, probe_aside, probe_executable
from kclpy_helper.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeExecutable = Callable[[Path, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")

ANSWER = """
import json, sys
def status(action): print(json.dumps({"action": "status", "responseFor": action}), flush=True)
def ask(): return json.loads(sys.stdin.readline())
"""
POLITE = f"{ANSWER}status(ask()['action']); status(ask()['action']); assert sys.stdin.read() == ''"


@pytest.fixture
def probe(tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Probed]:
    """Probes a program with this body, which is on PATH as `processor`."""

    def probe(body: str, line: int = 3, seconds: float = 60, arguments: str = "") -> Probed:
        make_executable(tmp_path / "bin" / "processor", body)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.chdir(tmp_path)
        app = Properties(tmp_path / "app.properties", {"executableName": f"processor{arguments}"})
        return probe_executable(app, line, seconds)

    return probe


def test_a_program_that_speaks_the_protocol_has_no_problem(probe: Callable[..., Probed]) -> None:
    """Two statuses, and an end with 0 when stdin ends; what it says on stderr is kept."""
    answer = probe(f"{POLITE}\nprint('bye', file=sys.stderr)")
    assert answer[:3] == ("", None, "bye")


@pytest.mark.parametrize(("line", "second"), [(1, "shutdown"), (2, "leaseLost"), (3, "leaseLost")])
def test_the_lease_is_taken_away_as_each_kcl_does(probe: Callable[..., Probed], line: int, second: str) -> None:
    """KCL 1 says `shutdown` with the reason ZOMBIE, for which no checkpoint may be made; later ones say `leaseLost`."""
    body = (
        f"{ANSWER}"
        "first, = [ask()]; status(first['action']); second, = [ask()]; status(second['action'])\n"
        "print(first['action'], second['action'], second.get('reason'), file=sys.stderr)"
    )
    assert probe(body, line).stderr == f"initialize {second} {'ZOMBIE' if line == 1 else None}"


def test_the_program_is_started_as_the_daemon_starts_it(probe: Callable[..., Probed], tmp_path: Path) -> None:
    """The command is split at spaces without regard to quotes, and runs in the present folder and environment."""
    body = f"{POLITE}\nimport os; print(sys.argv[1:], os.getcwd(), file=sys.stderr)"
    assert probe(body, arguments="  -x 'a  b'").stderr == f"{['-x', chr(39) + 'a', 'b' + chr(39)]} {tmp_path}"


@pytest.mark.parametrize(
    ("body", "problem", "stderr"),
    [
        (
            "raise SystemExit('no module named words')",
            "ended without an answer to initialize, with exit code 1",
            "no module named words",
        ),
        (
            f"{ANSWER}status('processRecords'); ask(); ask()",
            "answers initialize with a status for processRecords",
            "",
        ),
        (f"{ANSWER}status(ask()['action']); ask(); 1 / 0", "ended without an answer to leaseLost", "ZeroDivisionError"),
        (f"{POLITE}; sys.exit(3)", "ends with exit code 3", ""),
        (
            f"{ANSWER}ask(); print(json.dumps(dict(action='checkpoint', sequenceNumber=None)), flush=True); ask()",
            "asks for a checkpoint in initialize",
            "",
        ),
    ],
    ids=["crash", "wrong status", "crash later", "exit code", "checkpoint"],
)
def test_what_a_program_does_wrong_is_named(probe: Callable[..., Probed], body: str, problem: str, stderr: str) -> None:
    """The problem says what happened, and the end of stderr is there to say why."""
    answer = probe(body)
    assert answer.problem.startswith(problem)
    assert stderr in answer.stderr


@pytest.mark.parametrize(
    ("seconds", "body", "problem"),
    [
        (1, "import time; time.sleep(600)", "does not answer initialize within the time limit"),
        (1, "import os\nwhile True: os.write(1, b'y\\n' * 30000)", "does not answer initialize within the time limit"),
        (4, f"{POLITE}; import time; time.sleep(600)", "does not end when its stdin does within the time limit"),
        (4, f"{POLITE}; import os, time; os.close(1); time.sleep(600)", "closes its stdout and runs on"),
    ],
    ids=["silence", "endless noise", "deaf to the end", "closed stdout"],
)
def test_a_program_that_hangs_is_killed(probe: Callable[..., Probed], seconds: float, body: str, problem: str) -> None:
    """After the time limit it is a problem of the program's."""
    began = time.monotonic()
    assert probe(body, seconds=seconds).problem == problem
    assert time.monotonic() - began < 15


def test_what_the_program_started_is_killed_with_it(probe: Callable[..., Probed]) -> None:
    """A grandchild that holds the pipes does not outlive the probe."""
    body = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)"
    )
    grandchild = int(probe(body, seconds=3).stderr)
    deadline = time.monotonic() + 30
    while alive(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be buried has no command line."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or command.read_bytes() != b""


def test_noise_on_stdout_is_kept_apart_from_the_protocol(probe: Callable[..., Probed]) -> None:
    """The daemon passes over a line that is no message; the first such line is told, and the statuses count."""
    answer = probe(f"print('hello')\nprint('again'){POLITE}")
    assert (answer.problem, answer.noise) == ("", "hello")


def test_what_a_program_writes_where_it_is_started_is_gone_after_a_probe_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in an empty folder, which is removed, as is what it makes with tempfile; its script and modules are found."""
    folder, temporary = tmp_path / "app", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    (folder / "words.py").write_text("WORDS = 'cat'\n")
    body = f"import tempfile, words; open('left.db', 'w'); tempfile.mkdtemp(); {POLITE.strip()}"
    (folder / "app.py").write_text(body)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for command in ("app.py", "-m app"):
        answer = probe_aside(Properties(tmp_path / "p", {"executableName": f"{sys.executable} {command}"}), 3, 60)
        assert (answer.problem, answer.left) == ("", ())
    assert {path.name for path in folder.iterdir()} == {"app.py", "words.py"}
    assert list(temporary.iterdir()) == []


def test_a_program_that_needs_the_present_folder_is_probed_there_and_what_it_wrote_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beside it that it reads; a new file, and a folder in which something is new."""
    (tmp_path / "words.txt").write_text("cat")
    (tmp_path / "data").mkdir()
    body = f"open('words.txt'); open('left.db', 'w'); open('data/new', 'w'); {POLITE.strip()}"
    (tmp_path / "app.py").write_text(body)
    monkeypatch.chdir(tmp_path)
    answer = probe_aside(Properties(tmp_path / "p", {"executableName": f"{sys.executable} app.py"}), 3, 60)
    assert (answer.problem, answer.left) == ("", ("data", "left.db"))


def test_a_program_that_fails_everywhere_fails_a_probe_aside(probe: Callable[..., Probed], tmp_path: Path) -> None:
    """With its own words."""
    probe("raise SystemExit('no words')")
    answer = probe_aside(Properties(tmp_path / "p", {"executableName": "processor"}), 3, 60)
    assert answer.problem.startswith("ended without an answer to initialize")
    assert answer.stderr == "no words"


def test_a_program_that_does_not_exist_raises(tmp_path: Path) -> None:
    """So that the doctor can name it."""
    with pytest.raises(FileNotFoundError):
        probe_executable(Properties(tmp_path / "p", {"executableName": "no-such-program"}), 3, 10)
