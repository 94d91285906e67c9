"""A folder of jars against its lock."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from kclpy_jars.lock import LOCK_NAME, Lock
from kclpy_jars.verification import find_faults

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
