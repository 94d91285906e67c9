"""Where jars come from: folders and web servers, each laid out as a Maven repository.

A source gives bytes, or raises UnavailableError with the reason. Whether they are the right bytes
is not for it to say. Several threads may ask the same source.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from jgo.maven import MavenContext
from kclpy_jars.errors import JarsError
from kclpy_jars.verification import CHUNK
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

MIRROR_VARIABLE = "KCL_MVN_REPO_SEARCH_URL"


class UnavailableError(JarsError):
    """This source cannot give the file; the message says why."""


class _TransientError(UnavailableError):
    """The next request may succeed, after ``pause`` seconds if the server named a time."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Patience:
    """How long a web server is given, in seconds: to accept a connection, and to send the next byte.

    After 429, 5xx and a broken connection it is asked again, ``attempts`` times in all, each pause twice the last one
    and a random part of that on top. A Retry-After counts instead, up to ``longest_pause``; a server that asks for more
    is given up.
    """

    connect: float = 10
    silence: float = 60
    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30


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
    patience: Patience = Patience()
    _own: threading.local = field(default_factory=threading.local)

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, each once, although it may have to be asked for again from the start."""
        given = 0
        for attempt in range(1, self.patience.attempts + 1):
            position = 0
            try:
                for chunk in self._get(path):
                    new = chunk[max(given - position, 0) :]
                    position += len(chunk)
                    given = max(given, position)
                    if new:
                        yield new
            except _TransientError as error:
                pause = error.pause
                if pause is None:
                    pause = self.patience.first_pause * 2 ** (attempt - 1) * random.uniform(1, 2)
                if attempt == self.patience.attempts or pause > self.patience.longest_pause:
                    raise UnavailableError(f"{error} (asked {attempt} times)") from error
                time.sleep(pause)
            else:
                return

    def _get(self, path: str) -> Iterator[bytes]:
        # A session keeps a connection open, but not for several threads.
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
        session: requests.Session = self._own.session
        address = f"{self.url.rstrip('/')}/{path}"
        try:
            with session.get(address, stream=True, timeout=(self.patience.connect, self.patience.silence)) as response:
                if not response.ok:
                    raise _refusal(response)
                yield from response.iter_content(CHUNK)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _TransientError(str(error)) from error
        except requests.RequestException as error:
            raise UnavailableError(str(error)) from error


def _refusal(response: requests.Response) -> UnavailableError:
    reason = f"HTTP {response.status_code} {response.reason}"
    if response.status_code != requests.codes.too_many_requests and response.status_code < 500:
        return UnavailableError(reason)
    try:
        pause = Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader):
        return _TransientError(reason)
    return _TransientError(f"{reason}, to be asked again after {pause:.0f} s", pause)


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
