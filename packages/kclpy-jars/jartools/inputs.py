"""What a lock is made from: locks/VERSION.in.toml, written by people, with a reason for each of their decisions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kclpy_jars.errors import LockError
from kclpy_jars.lock import Artifact, Daemon

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Input:
    """``kcl`` and ``added`` with all that they need, less ``exclude``, and in the versions of ``raised`` where those say.

    An exclusion is ``group:artifact``, where ``*`` stands for any. ``kcl_sha256`` is the hash of the KCL's own jar where
    the repository publishes neither a checksum nor a POM for it.
    """

    version: str
    end_of_support: str | None
    kcl: Artifact
    kcl_sha256: str | None
    daemon: Daemon
    exclude: tuple[str, ...]
    added: tuple[Artifact, ...]
    raised: tuple[Artifact, ...]


def read_input(path: Path) -> Input:
    """The input in a file. Raises LockError, OSError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        kcl = document.pop("kcl")
        daemon = document.pop("daemon")
        read = Input(
            version=document.pop("version"),
            end_of_support=document.pop("end_of_support", None),
            kcl_sha256=kcl.pop("sha256", None),
            kcl=Artifact(**kcl, classifier=None),
            daemon=Daemon(
                main_class=daemon.pop("main_class"),
                properties_option=daemon.pop("properties_option", None),
                log_configuration_option=daemon.pop("log_configuration_option", None),
            ),
            exclude=_jars(path, "exclude", document.pop("exclude", [])),
            added=_artifacts(path, "add", document.pop("add", [])),
            raised=_artifacts(path, "raise", document.pop("raise", [])),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LockError(str(path), "", repr(error)) from error
    if unknown := [*document, *daemon]:
        raise LockError(str(path), unknown[0], "unknown")
    return read


def _jars(path: Path, key: str, entries: list[dict[str, Any]]) -> tuple[str, ...]:
    if unexplained := [entry for entry in entries if not entry["reason"].strip()]:
        raise LockError(str(path), key, f"no reason: {unexplained[0]['jars']}")
    return tuple(jar for entry in entries for jar in entry["jars"])


def _artifacts(path: Path, key: str, entries: list[dict[str, Any]]) -> tuple[Artifact, ...]:
    split = [jar.split(":") for jar in _jars(path, key, entries)]
    if wrong := [parts for parts in split if len(parts) != 3]:
        raise LockError(str(path), key, f"not group:artifact:version: {':'.join(wrong[0])}")
    return tuple(Artifact(group, artifact, version, None) for group, artifact, version in split)
