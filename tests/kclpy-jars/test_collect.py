"""Collecting: from folders and real web servers, of which none is believed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from jartools.collect import CollectError, collect
from jartools.sources import Folder, Patience, Repository, Source, UnavailableError, default_sources, mirror
from kclpy_jars.errors import DamagedError
from kclpy_jars.lock import LOCK_NAME, Daemon, Lock
from kclpy_jars.verification import find_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    Answer = Callable[[BaseHTTPRequestHandler], None]


QUICK = Patience(connect=5, silence=0.3, attempts=3, first_pause=0.01, longest_pause=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the jars go."""
    return tmp_path / "package" / "jars"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where they are kept for the next build."""
    return tmp_path / "cache"


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def _files_of(root: Path) -> Answer:
    """Answers as a Maven mirror does, which is strict about its paths."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        path = root / request.path.removeprefix("/maven/")
        found = request.path.startswith("/maven/") and path.is_file()
        _send(request, 200 if found else 404, path.read_bytes() if found else b"no")

    return answer


def _names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()} if root.exists() else set()


def _complete(lock: Lock, folder: Path) -> bool:
    document = folder / LOCK_NAME
    return not find_faults(lock, folder) and document.read_text(encoding="utf-8") == lock.dumps()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_is_asked_with_or_without_a_slash_at_its_end(
    lock: Lock, repository: Path, folder: Path, cache: Path, slash: str, serve: Callable[[Answer], str]
) -> None:
    """Both spellings of a mirror's address lead to the same files."""
    source = mirror(f"{serve(_files_of(repository))}/maven{slash}")
    collect(lock, folder, cache, [source])
    assert _complete(lock, folder)


@pytest.mark.parametrize("address", ["path", "uri"])
def test_a_folder_serves_as_a_mirror(lock: Lock, repository: Path, folder: Path, cache: Path, address: str) -> None:
    """A folder laid out as a Maven repository is named by its path or by its file: address."""
    source = mirror(repository.as_uri() if address == "uri" else str(repository))
    collect(lock, folder, cache, [source])
    assert _complete(lock, folder)


def test_a_file_address_is_unquoted(lock: Lock, repository: Path, folder: Path, cache: Path, tmp_path: Path) -> None:
    """Spaces and other characters that an address spells in hexadecimal reach the right folder."""
    odd = repository.rename(tmp_path / "a b+ü")
    assert "%20" in odd.as_uri()
    collect(lock, folder, cache, [mirror(odd.as_uri())])
    assert _complete(lock, folder)


def test_the_next_source_is_asked_when_one_does_not_have_a_jar(
    lock: Lock, repository: Path, folder: Path, cache: Path, tmp_path: Path, serve: Callable[[Answer], str]
) -> None:
    """A 404 and a folder that does not exist are no reason to stop."""
    missing = Repository("missing", serve(lambda request: _send(request, 404, b"no")))
    sources: list[Source] = [Folder("nowhere", tmp_path / "nowhere"), missing, Folder("full", repository)]
    collect(lock, folder, cache, sources)
    assert _complete(lock, folder)


def _wrong_body_of_the_right_length(request: BaseHTTPRequestHandler, right: bytes) -> None:
    _send(request, 200, right[:-1] + bytes([right[-1] ^ 1]))


def _longer_body(request: BaseHTTPRequestHandler, right: bytes) -> None:
    _send(request, 200, right + b"\0")


def _page_instead(request: BaseHTTPRequestHandler, right: bytes) -> None:  # noqa: ARG001
    _send(request, 200, b"<html>sign in</html>")


def _empty_body(request: BaseHTTPRequestHandler, right: bytes) -> None:  # noqa: ARG001
    _send(request, 200, b"")


def _cut_connection(request: BaseHTTPRequestHandler, right: bytes) -> None:
    _send(request, 200, right[: len(right) // 2], length=len(right))
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)


def _cut_without_a_length(request: BaseHTTPRequestHandler, right: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(right[: len(right) // 2])
    request.close_connection = True


def _server_error(request: BaseHTTPRequestHandler, right: bytes) -> None:  # noqa: ARG001
    _send(request, 500, b"oops")


MISBEHAVIOURS = [
    _wrong_body_of_the_right_length,
    _longer_body,
    _page_instead,
    _empty_body,
    _cut_connection,
    _cut_without_a_length,
    _server_error,
]


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS)
def test_a_server_that_misbehaves_leaves_no_file(
    lock: Lock,
    contents: dict[str, bytes],
    folder: Path,
    cache: Path,
    serve: Callable[[Answer], str],
    misbehave: Callable[[BaseHTTPRequestHandler, bytes], None],
) -> None:
    """Whatever is wrong with the answer, the error names the jar, and nothing of it is kept."""
    address = serve(lambda request: misbehave(request, contents[request.path.rpartition("/")[2]]))
    with pytest.raises(CollectError) as caught:
        collect(lock, folder, cache, [Repository("mirror", address, QUICK)])
    assert caught.value.jar in lock.jars
    [(source, reason)] = caught.value.failures
    assert source == "mirror"
    assert reason
    assert _names(folder) == _names(cache) == set()


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS)
def test_a_server_that_misbehaves_is_made_up_for_by_the_next_source(
    lock: Lock,
    contents: dict[str, bytes],
    repository: Path,
    folder: Path,
    cache: Path,
    serve: Callable[[Answer], str],
    misbehave: Callable[[BaseHTTPRequestHandler, bytes], None],
) -> None:
    """A bad answer counts as that source's failure, no more."""
    address = serve(lambda request: misbehave(request, contents[request.path.rpartition("/")[2]]))
    collect(lock, folder, cache, [Repository("mirror", address, QUICK), Folder("full", repository)])
    assert _complete(lock, folder)


def test_a_body_without_end_is_given_up(lock: Lock, folder: Path, cache: Path, serve: Callable[[Answer], str]) -> None:
    """A server cannot fill the disk: no more is read than the lock says there is."""
    pieces = 64
    sent: list[int] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        with suppress(OSError):  # the client has gone
            for piece in range(pieces):
                request.wfile.write(bytes(1 << 20))
                sent.append(piece)

    first = replace(lock, jars=lock.jars[:1])
    with pytest.raises(CollectError, match=f"more than {lock.jars[0].size} bytes"):
        collect(first, folder, cache, [Repository("mirror", serve(answer))])
    assert len(sent) < pieces


def test_the_error_says_which_jar_what_was_expected_and_why_each_source_failed(
    lock: Lock, repository: Path, folder: Path, cache: Path, tmp_path: Path, serve: Callable[[Answer], str]
) -> None:
    """One message has all that is needed to find the fault, and the next step."""
    jar = lock.jars[1]
    (repository / jar.maven_path).write_bytes(b"x" * jar.size)
    sources: list[Source] = [
        Folder("nowhere", tmp_path / "nowhere"),
        Repository("the mirror", serve(lambda request: _send(request, 403, b"no"))),
        Folder("the local one", repository),
    ]
    with pytest.raises(CollectError) as caught:
        collect(lock, folder, cache, sources)
    message = str(caught.value)
    for part in (jar.filename, str(jar), jar.sha256, str(jar.size), "nowhere: ", "HTTP 403", "another file: "):
        assert part in message
    assert "KCL_MVN_REPO_SEARCH_URL" in message
    assert [name for name, _ in caught.value.failures] == ["nowhere", "the mirror", "the local one"]


def test_a_server_that_nobody_runs_is_a_failure_with_its_reason(lock: Lock, folder: Path, cache: Path) -> None:
    """A refused connection is reported as one."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = Repository("gone", f"http://127.0.0.1:{unused.getsockname()[1]}", QUICK)
        with pytest.raises(CollectError, match=r"gone: .*refused"):
            collect(lock, folder, cache, [source])


class Times:
    """Answers the first requests for each path with one function and the later ones with another."""

    def __init__(self, first: int, bad: Answer, good: Answer) -> None:
        self.asked: dict[str, list[float]] = {}
        self._first, self._bad, self._good = first, bad, good

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        asked = self.asked.setdefault(request.path, [])
        asked.append(time.monotonic())
        (self._bad if len(asked) <= self._first else self._good)(request)

    def counts(self) -> set[int]:
        """How often each path was asked for."""
        return {len(asked) for asked in self.asked.values()}


def _too_many(after: str | None) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(429)
        if after is not None:
            request.send_header("Retry-After", after)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@pytest.mark.parametrize("bad", ["429", "503"])
def test_a_server_that_fails_for_a_moment_is_asked_again(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str], bad: str
) -> None:
    """Too many requests and a server error each end in success, after two tries more."""
    answers: dict[str, Answer] = {"429": _too_many(None), "503": lambda request: _send(request, 503, b"later")}
    answer = Times(2, answers[bad], _files_of(repository))
    collect(lock, folder, cache, [Repository("mirror", f"{serve(answer)}/maven", QUICK)])
    assert _complete(lock, folder)
    assert answer.counts() == {3}
    assert _names(cache) == {f"{jar.sha256}.jar" for jar in lock.jars}


@pytest.mark.parametrize("cuts", [(0.2, 0.9), (0.9, 0.2)])
def test_a_connection_cut_in_the_middle_is_made_up_for(
    lock: Lock, folder: Path, cache: Path, serve: Callable[[Answer], str], cuts: tuple[float, float]
) -> None:
    """The next request starts anew, and whether it gets further or not, no byte is taken twice and none is left out."""
    body = bytes(range(251)) * 20_000  # several chunks, all of them different
    jar = replace(lock.jars[0], size=len(body), sha256=hashlib.sha256(body).hexdigest())
    parts = [*cuts, 1.0]

    def answer(request: BaseHTTPRequestHandler) -> None:
        _send(request, 200, body[: int(len(body) * parts.pop(0))], length=len(body))
        if parts:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)

    collect(replace(lock, jars=(jar,)), folder, cache, [Repository("mirror", serve(answer), QUICK)])
    assert parts == []
    assert (folder / jar.filename).read_bytes() == body
    assert _names(cache) == {f"{jar.sha256}.jar"}


def test_a_server_that_names_a_time_is_asked_again_not_before_it(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """Retry-After is honoured in place of our own, shorter pause."""
    answer = Times(1, _too_many("1"), _files_of(repository))
    collect(lock, folder, cache, [Repository("mirror", f"{serve(answer)}/maven", QUICK)])
    assert _complete(lock, folder)
    for first, second in answer.asked.values():
        assert second - first >= 1


def test_a_server_that_names_a_time_too_far_away_is_given_up(
    lock: Lock, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """A build does not sleep for an hour because a server says so, nor does it ask before that hour."""
    answer = Times(1, _too_many("3600"), _too_many("3600"))
    with pytest.raises(CollectError, match=r"HTTP 429 .*3600 s"):
        collect(lock, folder, cache, [Repository("mirror", serve(answer), QUICK)])
    assert answer.counts() == {1}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_for_ever_is_given_up(
    lock: Lock, folder: Path, cache: Path, serve: Callable[[Answer], str], status: int
) -> None:
    """There is a bound to patience, and the error says how often was asked."""
    answer = Times(0, _too_many(None), lambda request: _send(request, status, b"oops"))
    with pytest.raises(CollectError, match=rf"mirror: HTTP {status} .*\(asked 3 times\)"):
        collect(replace(lock, jars=lock.jars[:1]), folder, cache, [Repository("mirror", serve(answer), QUICK)])
    assert answer.counts() == {3}
    assert _names(folder) == _names(cache) == set()


@pytest.mark.parametrize("misbehave", ["404", "403", "wrong"])
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str], misbehave: str
) -> None:
    """A refusal and a wrong file are the server's last word."""

    def wrong(request: BaseHTTPRequestHandler) -> None:
        _wrong_body_of_the_right_length(request, (repository / request.path.removeprefix("/")).read_bytes())

    answer = Times(0, wrong, wrong if misbehave == "wrong" else lambda request: _send(request, int(misbehave), b"no"))
    with pytest.raises(CollectError):
        collect(lock, folder, cache, [Repository("mirror", serve(answer), QUICK)])
    assert answer.counts() == {1}
    assert _names(folder) == _names(cache) == set()


def test_a_redirect_is_followed(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """A mirror may send its clients on."""
    target = f"{serve(_files_of(repository))}/maven"

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", target + request.path)
        request.send_header("Content-Length", "0")
        request.end_headers()

    collect(lock, folder, cache, [Repository("mirror", serve(answer), QUICK)])
    assert _complete(lock, folder)


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_server_that_falls_silent_is_given_up(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str], part: float
) -> None:
    """Before the answer or in the middle of it: past the time-out the next source is asked, and nothing is half kept."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if part:
            body = (repository / request.path.removeprefix("/")).read_bytes()
            _send(request, 200, body[: int(len(body) * part)], length=len(body))
        with suppress(OSError):
            request.connection.recv(1)  # until the client hangs up
        request.close_connection = True

    slow = Repository("slow", serve(answer), QUICK)
    with pytest.raises(CollectError, match=r"slow: .*[Tt]imed out.*\(asked 3 times\)"):
        collect(lock, folder, cache, [slow])
    assert _names(folder) == _names(cache) == set()
    collect(lock, folder, cache, [slow, Folder("full", repository)])
    assert _complete(lock, folder)


def test_jars_are_asked_for_at_the_same_time(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """No answer comes before all three were asked for."""
    everybody = threading.Barrier(len(lock.jars), timeout=30)

    def answer(request: BaseHTTPRequestHandler) -> None:
        everybody.wait()
        _files_of(repository)(request)

    collect(lock, folder, cache, [Repository("mirror", f"{serve(answer)}/maven")])
    assert _complete(lock, folder)


def test_netrc_and_proxy_are_as_requests_knows_them(
    lock: Lock,
    repository: Path,
    folder: Path,
    cache: Path,
    tmp_path: Path,
    serve: Callable[[Answer], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mirror behind a proxy, with a password, needs nothing but the usual variables."""
    seen: set[tuple[str, str | None]] = set()

    def proxy(request: BaseHTTPRequestHandler) -> None:
        address, _, request.path = request.path.partition("/maven/")
        seen.add((address, request.headers["Authorization"]))
        request.path = f"/maven/{request.path}"
        _files_of(repository)(request)

    netrc = tmp_path / "netrc"
    netrc.write_text("machine mirror.example login user password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", serve(proxy))
    for name in ("http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    collect(lock, folder, cache, [mirror("http://mirror.example/maven")])
    assert _complete(lock, folder)
    assert seen == {("http://mirror.example", "Basic dXNlcjpzZWNyZXQ=")}


FULL_DISK = """
import sys
from pathlib import Path
from jartools.collect import collect
from jartools.sources import Folder
from kclpy_jars.lock import loads

lock, repository, full, folder, cache = map(Path, sys.argv[1:])
(full / "ballast").write_bytes(bytes(60 * 1024))
try:
    collect(loads(lock.read_text(), ""), folder, cache, [Folder("good", repository)])
except OSError as error:
    print(error.errno, *(path.name for root in (folder, cache) for path in root.rglob("*") if path.is_file()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a small file system is made as only Linux lets an ordinary user")
@pytest.mark.parametrize("full", ["cache", "folder"])
def test_a_full_disk_is_one_clear_error_and_leaves_no_wrong_file(
    contents: dict[str, bytes], lock: Lock, package: Path, tmp_path: Path, full: str
) -> None:
    """The system's own error comes through, no source is blamed, and what was begun is gone."""
    big = contents[lock.jars[0].filename] + bytes(16 * 1024)
    jar = replace(lock.jars[0], size=len(big), sha256=hashlib.sha256(big).hexdigest())
    document = tmp_path / "big.json"
    document.write_text(replace(lock, jars=(jar,)).dumps(), encoding="utf-8")
    source = tmp_path / "good" / jar.maven_path
    source.parent.mkdir(parents=True)
    source.write_bytes(big)
    disk = tmp_path / "disk"
    disk.mkdir()
    places = {"folder": tmp_path / "folder", "cache": tmp_path / "cache"} | {full: disk / "place"}
    python = [sys.executable, "-c", FULL_DISK]
    python += map(str, (document, tmp_path / "good", disk, places["folder"], places["cache"]))
    mounting = f"mount -t tmpfs -o size=64k none {disk}"
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*unshare, mounting], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let its users mount")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(package / "src")])}
    result = subprocess.run(
        [*unshare, f'{mounting} && exec "$@"', "sh", *python],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    kept = {"cache": [], "folder": [f"{jar.sha256}.jar"]}[full]
    assert result.stdout.split() == [str(errno.ENOSPC), *kept], result.stderr


def test_a_password_in_the_mirrors_address_is_not_shown(
    lock: Lock, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """A build's log is read by many: it names the mirror by its host alone."""
    address = serve(lambda request: _send(request, 404, b"no")).replace("//", "//user:secret@")
    with pytest.raises(CollectError, match=r"127\.0\.0\.1") as caught:
        collect(lock, folder, cache, [mirror(address)])
    assert "secret" not in str(caught.value)


def test_the_cache_is_asked_first_and_then_nobody(
    lock: Lock, repository: Path, folder: Path, cache: Path, serve: Callable[[Answer], str]
) -> None:
    """What was collected once, for whatever folder, is not asked for again."""
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        _files_of(repository)(request)

    source = Repository("mirror", f"{serve(answer)}/maven")
    collect(lock, folder, cache, [source])
    assert sorted(asked) == sorted(f"/maven/{jar.maven_path}" for jar in lock.jars)
    shutil.rmtree(folder)
    collect(lock, folder, cache, [source])
    assert len(asked) == len(lock.jars)
    assert _complete(lock, folder)


def test_a_damaged_cache_is_made_good_from_a_source(lock: Lock, repository: Path, folder: Path, cache: Path) -> None:
    """The cache is believed no more than any other source, and holds no wrong file afterwards."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    cached = cache / f"{lock.jars[0].sha256}.jar"
    right = cached.read_bytes()
    cached.write_bytes(b"?" * len(right))
    shutil.rmtree(folder)
    with pytest.raises(CollectError, match="daemon-3"):
        collect(lock, folder, cache, [])
    assert not cached.exists()
    collect(lock, folder, cache, [source])
    assert _complete(lock, folder)
    assert cached.read_bytes() == right


def test_a_complete_folder_is_verified_and_no_source_is_asked(
    lock: Lock, repository: Path, folder: Path, cache: Path
) -> None:
    """The second build needs neither the cache nor a source."""
    collect(lock, folder, cache, [Folder("full", repository)])
    shutil.rmtree(cache)
    collect(lock, folder, cache, [])
    assert _complete(lock, folder)


def _change(folder: Path) -> None:
    path = folder / "netty-4.1.jar"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _remove(folder: Path) -> None:
    (folder / "netty-4.1.jar").unlink()


def _add(folder: Path) -> None:
    (folder / "stranger.jar").touch()


@pytest.mark.parametrize(
    ("damage", "kind", "filename"),
    [
        (_change, "changed", "netty-4.1.jar"),
        (_remove, "missing", "netty-4.1.jar"),
        (_add, "unlisted", "stranger.jar"),
    ],
)
def test_a_complete_folder_that_was_damaged_is_refused_and_not_mended(
    lock: Lock,
    repository: Path,
    folder: Path,
    cache: Path,
    damage: Callable[[Path], None],
    kind: str,
    filename: str,
) -> None:
    """A changed, a missing and an unlisted jar each fail, although a source could help, and stay as they are."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    damage(folder)
    damaged = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(2):
        with pytest.raises(DamagedError, match=filename) as caught:
            collect(lock, folder, cache, [source])
        [fault] = caught.value.faults
        assert (fault.kind, fault.filename) == (kind, filename)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == damaged


@pytest.mark.parametrize("damage", [_change, _add])
def test_an_incomplete_folder_is_not_mended_either(
    lock: Lock, repository: Path, folder: Path, cache: Path, damage: Callable[[Path], None]
) -> None:
    """A wrong file is an error before anything is collected."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    (folder / LOCK_NAME).unlink()
    (folder / "daemon-3.0.1.jar").unlink()
    damage(folder)
    before = _names(folder)
    with pytest.raises(DamagedError):
        collect(lock, folder, cache, [source])
    assert _names(folder) == before


def test_an_interrupted_collection_goes_on_where_it_stopped(
    lock: Lock, contents: dict[str, bytes], repository: Path, folder: Path, cache: Path
) -> None:
    """What is there already is kept, what a killed build left half-written is swept, the rest is collected."""
    folder.mkdir(parents=True)
    jar = lock.jars[0]
    (folder / jar.filename).write_bytes(contents[jar.filename])
    (folder / f".{lock.jars[1].filename}.0123abcd.part").write_bytes(b"half")
    (repository / jar.maven_path).unlink()
    collect(lock, folder, cache, [Folder("full", repository)])
    assert _complete(lock, folder)


def test_the_jars_of_a_former_lock_make_room(lock: Lock, repository: Path, folder: Path, cache: Path) -> None:
    """Building another version replaces the folder's jars; what both locks list is kept."""
    former = Lock("3.0.0", "3.0.0", None, Daemon("com.example.Daemon", None, None), lock.jars)
    source = Folder("full", repository)
    collect(former, folder, cache, [source])
    smaller = replace(lock, jars=lock.jars[:2])
    collect(smaller, folder, cache, [])
    assert _names(folder) == {jar.filename for jar in smaller.jars} | {LOCK_NAME}
    assert _complete(smaller, folder)


def test_a_jar_that_no_lock_knows_does_not_make_room(lock: Lock, repository: Path, folder: Path, cache: Path) -> None:
    """A change of version is no occasion to delete, or to bundle, what nobody listed."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    _add(folder)
    newer = replace(lock, version="3.0.2", kcl_version="3.0.2")
    with pytest.raises(DamagedError, match=r"unlisted: stranger\.jar"):
        collect(newer, folder, cache, [source])
    assert (folder / "stranger.jar").exists()


def test_a_jar_and_a_lock_changed_together_are_found(lock: Lock, repository: Path, folder: Path, cache: Path) -> None:
    """The committed lock decides, not the copy beside the jars."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    _change(folder)
    [changed] = find_faults(lock, folder)
    document = folder / LOCK_NAME
    forged = changed.detail.split()[-2]
    text = document.read_text(encoding="utf-8").replace(lock.jars[1].sha256, forged)
    document.write_text(text, encoding="utf-8")
    with pytest.raises(DamagedError, match=r"changed: netty-4\.1\.jar"):
        collect(lock, folder, cache, [source])


def test_a_folder_that_cannot_be_written_is_not_blamed_on_a_source(
    lock: Lock, repository: Path, folder: Path, cache: Path
) -> None:
    """When the disk is at fault the system's own error comes through, and it names the path."""
    folder.parent.mkdir()
    folder.touch()
    with pytest.raises(OSError, match="jars"):
        collect(lock, folder, cache, [Folder("full", repository)])


def test_a_source_that_lacks_a_file_says_so(tmp_path: Path) -> None:
    """A source raises its own error, with the path in it, and not the system's."""
    with pytest.raises(UnavailableError, match="nowhere"):
        list(Folder("nowhere", tmp_path / "nowhere").chunks("a/b.jar"))


def test_the_sources_are_asked_in_the_documented_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The mirror of the environment, the local Maven repository, and then what jgo calls central."""
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    monkeypatch.setenv("KCL_MVN_REPO_SEARCH_URL", "https://mirror.example/maven")
    named, local, central = default_sources()
    assert isinstance(named, Repository)
    assert named.name == "KCL_MVN_REPO_SEARCH_URL (mirror.example)"
    assert isinstance(local, Folder)
    assert local.root == tmp_path
    assert central.name == "Maven repository central"
    monkeypatch.delenv("KCL_MVN_REPO_SEARCH_URL")
    assert [source.name for source in default_sources()] == [local.name, central.name]
