"""A folder of jars against its lock."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_jars.lock import LOCK_NAME, Lock
from kclpy_jars.verification import find_faults

if TYPE_CHECKING:
    from collections.abc import Callable


def _folder(root: Path, contents: dict[str, bytes]) -> Path:
    root.mkdir()
    for name, content in contents.items():
        (root / name).write_bytes(content)
    return root


def test_the_jars_of_the_lock_and_its_document_are_without_fault(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A folder with just the jars, with or without the lock beside them, has no fault."""
    folder = _folder(tmp_path / "jars", contents)
    assert find_faults(lock, folder) == ()
    (folder / LOCK_NAME).write_text(lock.dumps(), encoding="utf-8")
    assert find_faults(lock, folder) == ()


def test_each_byte_of_a_jar_counts(lock: Lock, contents: dict[str, bytes], tmp_path: Path) -> None:
    """A changed byte at the beginning, in the middle or at the end of a jar is a fault that names it."""
    folder = _folder(tmp_path / "jars", contents)
    for jar in lock.jars:
        path = folder / jar.filename
        original = path.read_bytes()
        for position in (0, len(original) // 2, len(original) - 1):
            changed = bytearray(original)
            changed[position] ^= 1
            path.write_bytes(changed)
            [fault] = find_faults(lock, folder)
            assert (fault.kind, fault.filename) == ("changed", jar.filename)
            assert jar.sha256 in fault.detail
        path.write_bytes(original)


def test_every_fault_is_found_and_they_are_ordered_by_file_name(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """Several faults of all kinds are reported together, always in the same order."""
    folder = _folder(tmp_path / "jars", contents)
    (folder / "daemon-3.0.1.jar").write_bytes(b"")
    (folder / "netty-4.1.jar").unlink()
    (folder / "another.jar").touch()
    (folder / "z").mkdir()
    assert [(fault.kind, fault.filename) for fault in find_faults(lock, folder)] == [
        ("unlisted", "another.jar"),
        ("changed", "daemon-3.0.1.jar"),
        ("missing", "netty-4.1.jar"),
        ("unlisted", "z"),
    ]


def test_a_folder_that_does_not_exist_misses_every_jar(lock: Lock, tmp_path: Path) -> None:
    """No folder is the same as an empty one."""
    faults = find_faults(lock, tmp_path / "nowhere")
    assert [fault.kind for fault in faults] == ["missing"] * len(lock.jars)


def test_jars_are_hashed_piece_by_piece(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of a jar that is larger than one read is that of all its pieces."""
    monkeypatch.setattr("kclpy_jars.verification.CHUNK", 7)
    folder = _folder(tmp_path / "jars", contents)
    assert find_faults(lock, folder) == ()
    shutil.copy(folder / "netty-4.1.jar", folder / "daemon-3.0.1.jar")
    assert [fault.filename for fault in find_faults(lock, folder)] == ["daemon-3.0.1.jar"]


posix = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX's")


def _link(path: Path) -> None:
    """The same bytes, from elsewhere."""
    path.rename(path.parent.with_name("elsewhere.jar"))
    path.symlink_to(path.parent.with_name("elsewhere.jar"))


@posix
@pytest.mark.parametrize(
    ("replace", "found"),
    [
        (_link, "a symbolic link found"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere")), "a symbolic link found"),
        (lambda path: (path.unlink(), path.mkdir()), "a folder found"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "no regular file found"),
        pytest.param(
            lambda path: path.chmod(0),
            "not readable: Permission denied",
            marks=pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads all"),
        ),
    ],
    ids=["link", "dangling", "folder", "pipe", "unreadable"],
)
def test_a_jar_is_a_file_in_the_folder_itself(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path, replace: Callable[[Path], object], found: str
) -> None:
    """What has its name and is something else is a fault, and is neither followed nor waited for."""
    folder = _folder(tmp_path / "jars", contents)
    replace(folder / "netty-4.1.jar")
    [fault] = find_faults(lock, folder)
    assert (fault.kind, fault.filename) == ("changed", "netty-4.1.jar")
    assert found in fault.detail


@posix
@pytest.mark.parametrize(
    ("add", "detail"),
    [
        (lambda path: path.mkdir(), "a folder, not in the lock"),
        (lambda path: path.symlink_to("netty-4.1.jar"), "not in the lock"),
        (lambda path: path.symlink_to(path.parent), "not in the lock"),
        (os.mkfifo, "not in the lock"),
    ],
    ids=["folder", "link", "link to a folder", "pipe"],
)
@pytest.mark.parametrize("name", ["added.jar", ".hidden", "META-INF"])
def test_whatever_is_added_is_a_fault(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path, name: str, add: Callable[[Path], object], detail: str
) -> None:
    """Of any name, and not only files."""
    folder = _folder(tmp_path / "jars", contents)
    add(folder / name)
    [fault] = find_faults(lock, folder)
    assert (fault.kind, fault.filename, fault.detail) == ("unlisted", name, detail)


@posix
@pytest.mark.parametrize("name", ["jars", "jars/lock.json"])
def test_neither_the_folder_nor_its_lock_is_a_link(
    lock: Lock, contents: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    """Both could be changed where nobody looks."""
    folder = _folder(tmp_path / "jars", contents)
    (folder / LOCK_NAME).write_text(lock.dumps(), encoding="utf-8")
    _link(tmp_path / name)
    [fault] = find_faults(lock, folder)
    assert (fault.kind, fault.filename, fault.detail) == ("changed", Path(name).name, "a symbolic link")
