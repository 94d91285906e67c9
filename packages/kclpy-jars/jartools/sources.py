"""Where jars come from: folders and web servers, each laid out as a Maven repository.

A source gives bytes, or raises UnavailableError with the reason. Whether they are the right bytes
is not for it to say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from jgo.maven import MavenContext
from kclpy_jars.errors import JarsError
from kclpy_jars.verification import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

MIRROR_VARIABLE = "KCL_MVN_REPO_SEARCH_URL"
TIMEOUT = (10, 60)
"""Seconds to connect, and seconds without a byte, after which a server is given up."""


class UnavailableError(JarsError):
    """This source cannot give the file; the message says why."""


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of the file at ``path`` of the repository. Raises UnavailableError."""
        ...


@dataclass(frozen=True)
class Folder:
    """A Maven repository on disk."""

    name: str
    root: Path

    def chunks(self, path: str) -> Iterator[bytes]:
        try:
            with (self.root / path).open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise UnavailableError(str(error)) from error


@dataclass(frozen=True)
class Repository:
    """A Maven repository on a web server, its address with or without a trailing slash."""

    name: str
    url: str
    _session: requests.Session = field(default_factory=requests.Session)

    def chunks(self, path: str) -> Iterator[bytes]:
        address = f"{self.url.rstrip('/')}/{path}"
        try:
            with self._session.get(address, stream=True, timeout=TIMEOUT) as response:
                if not response.ok:
                    raise UnavailableError(f"HTTP {response.status_code} {response.reason}")
                yield from response.iter_content(CHUNK)
        except requests.RequestException as error:
            raise UnavailableError(str(error)) from error


def mirror(address: str) -> Source:
    """What KCL_MVN_REPO_SEARCH_URL names: ``https:``, ``http:``, ``file:``, or a folder's path."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        # Named by its host alone: the address may carry a password.
        return Repository(f"{MIRROR_VARIABLE} ({parts.hostname})", address)
    path = url2pathname(parts.path) if parts.scheme == "file" else address
    return Folder(MIRROR_VARIABLE, Path(path))


def remotes(maven: MavenContext) -> tuple[Repository, ...]:
    """The repositories that jgo knows by address: Maven Central, if nothing else was set."""
    return tuple(Repository(f"Maven repository {name}", url) for name, url in maven.remote_repos.items())


def default_sources() -> tuple[Source, ...]:
    """In order: the mirror that the environment names, the local repository, and Maven Central."""
    maven = MavenContext()
    address = os.environ.get(MIRROR_VARIABLE)
    return (
        *((mirror(address),) if address else ()),
        Folder("the local Maven repository", maven.repo_cache),
        *remotes(maven),
    )
