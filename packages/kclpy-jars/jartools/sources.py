"""Where jars come from: folders and web servers, each laid out as a Maven repository.

A source gives bytes, or raises UnavailableError with the reason. Whether they are the right bytes
is not for it to say. Several threads may ask the same source.

An address may carry a password or a token, and a build's log is read by many. So no address is shown, whoever it comes from
(a variable, a redirect, a proxy's variable), and no error's text that may quote one: :func:`reason_of` says what happened.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
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
logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that, it logs addresses


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
    url: str = field(repr=False)
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
        try:
            with session.get(
                _address(self.url, path), stream=True, timeout=(self.patience.connect, self.patience.silence)
            ) as response:
                failure = _refusal(response)
                if failure is None:
                    yield from response.iter_content(CHUNK)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            failure = _TransientError(reason_of(error))
        except Exception as error:  # what these libraries raise of an odd address is of many kinds
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                raise  # a file's, such as REQUESTS_CA_BUNDLE names
            failure = UnavailableError(reason_of(error))
        if failure:  # raised here, it drags along no error that quotes the address
            raise failure


def _address(repository: str, path: str) -> str:
    """The address of a file: before what may follow the repository's path, such as ``?token=``."""
    parts = urlsplit(repository)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{path}").geturl()


def _refusal(response: requests.Response) -> UnavailableError | None:
    """Why there is no file in an answer. The server's own words stay out of it: they may repeat what it was asked."""
    if response.ok:
        return None
    try:
        reason = f"HTTP {response.status_code} {HTTPStatus(response.status_code).phrase}"
    except ValueError:
        reason = f"HTTP {response.status_code}"
    if response.status_code != requests.codes.too_many_requests and response.status_code < 500:
        return UnavailableError(reason)
    try:
        pause = Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader):
        return _TransientError(reason)
    return _TransientError(f"{reason}, to be asked again after {pause:.0f} s", pause)


def reason_of(error: BaseException) -> str:
    """What happened, without the text of an error that may quote an address: the system's own words, or the kinds of the errors."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
    if any(isinstance(cause, (TimeoutError, requests.Timeout)) for cause in causes):
        return "timed out"
    return ", ".join(dict.fromkeys(type(cause).__name__ for cause in causes))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and all that led to it: requests and urllib3 keep it in the arguments and in ``reason`` of their own."""
    seen: set[int] = set()
    left = [error]
    while left:
        found = left.pop()
        if id(found) not in seen:
            seen.add(id(found))
            yield found
            nested = (found.__cause__, found.__context__, getattr(found, "reason", None), *found.args)
            left += [cause for cause in nested if isinstance(cause, BaseException)]


@dataclass(frozen=True)
class Unusable:
    """A source that gives nothing, since its address leads nowhere."""

    name: str
    reason: str

    def chunks(self, path: str) -> Iterator[bytes]:
        raise UnavailableError(self.reason)


def mirror(address: str) -> Source:
    """What KCL_MVN_REPO_SEARCH_URL names: ``https:``, ``http:``, ``file:``, or a folder's path."""
    try:
        parts = urlsplit(address)
        host, scheme = parts.hostname, parts.scheme
    except ValueError:
        host = scheme = None
    if scheme in ("http", "https") and host:
        # Named by its host alone, if that is what stands before the path: not if a password has a slash in it.
        shown = f" ({host})" if "@" not in f"{parts.path}{parts.query}{parts.fragment}" else ""
        return Repository(f"{MIRROR_VARIABLE}{shown}", address)
    path = url2pathname(parts.path) if scheme == "file" else address
    if not os.path.isdir(path):  # noqa: PTH112  (Path's raises what quotes the path, such as "File name too long")
        reason = "neither a folder, nor an address that begins with https://, http:// or file:// and names a host"
        return Unusable(MIRROR_VARIABLE, reason)
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
