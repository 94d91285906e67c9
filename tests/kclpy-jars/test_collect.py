"""Collecting: from folders and real web servers, of which none is believed."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from jartools.collect import CollectError, collect
from jartools.sources import Folder, Repository, Source, UnavailableError, default_sources, mirror
from kclpy_jars.errors import DamagedError
from kclpy_jars.lock import LOCK_NAME, Daemon, Lock
from kclpy_jars.verification import find_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    Answer = Callable[[BaseHTTPRequestHandler], None]


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
        collect(lock, folder, cache, [Repository("mirror", address)])
    assert caught.value.jar == lock.jars[0]
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
    collect(lock, folder, cache, [Repository("mirror", address), Folder("full", repository)])
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

    with pytest.raises(CollectError, match=f"more than {lock.jars[0].size} bytes"):
        collect(lock, folder, cache, [Repository("mirror", serve(answer))])
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
        source = Repository("gone", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(CollectError, match=r"gone: .*refused"):
            collect(lock, folder, cache, [source])


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
    assert asked == [f"/maven/{jar.maven_path}" for jar in lock.jars]
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
    former = Lock("3.0.0", "3.0.0", Daemon("com.example.Daemon", None, None), lock.jars)
    source = Folder("full", repository)
    collect(former, folder, cache, [source])
    smaller = Lock(lock.version, lock.kcl_version, lock.daemon, lock.jars[:2])
    collect(smaller, folder, cache, [])
    assert _names(folder) == {jar.filename for jar in smaller.jars} | {LOCK_NAME}
    assert _complete(smaller, folder)


def test_a_jar_that_no_lock_knows_does_not_make_room(lock: Lock, repository: Path, folder: Path, cache: Path) -> None:
    """A change of version is no occasion to delete, or to bundle, what nobody listed."""
    source = Folder("full", repository)
    collect(lock, folder, cache, [source])
    _add(folder)
    newer = Lock("3.0.2", "3.0.2", lock.daemon, lock.jars)
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
