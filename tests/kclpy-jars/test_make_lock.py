"""Making a lock: jgo resolves POMs of a Maven repository on a real web server, mvn has its say, and jars are pinned."""

from __future__ import annotations

import hashlib
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from jartools.make_lock import Input, ResolutionError, make, read_input
from jartools.sources import UnavailableError
from jgo.maven import MavenContext
from kclpy_jars.errors import LockError
from kclpy_jars.lock import Artifact, Daemon, loads

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

DAEMON = Daemon("org.kcl.Daemon", None, None)
WANTED = Input("1.0", Artifact("org.kcl", "multilang", "1.0", None), DAEMON, ("org.heavy:*",))

POMS = {
    "org.kcl:multilang:1.0": ("org.kcl:core:1.0:compile", "org.test:junit:1.0:test"),
    "org.kcl:core:1.0": ("org.log:log:1.0:compile", "org.net:net:2.0:runtime", "org.heavy:heavy:1.0:compile"),
    "org.log:log:1.0": ("org.net:net:1.0:compile",),
    "org.net:net:2.0": (),
    "org.net:net:1.0": (),
    "org.heavy:heavy:1.0": (),
    "org.test:junit:1.0": (),
}
CLASS_PATH = ["org.kcl:core:1.0", "org.kcl:multilang:1.0", "org.log:log:1.0", "org.net:net:2.0"]


def _pom(coordinates: str, dependencies: tuple[str, ...]) -> str:
    tags = ("groupId", "artifactId", "version", "scope")

    def elements(text: str) -> str:
        return "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, text.split(":"), strict=False))

    needed = "".join(f"<dependency>{elements(dependency)}</dependency>" for dependency in dependencies)
    return f"<project><modelVersion>4.0.0</modelVersion>{elements(coordinates)}<dependencies>{needed}</dependencies></project>"


def _remote_files() -> dict[str, bytes]:
    files = {}
    for coordinates, dependencies in POMS.items():
        group, artifact, version = coordinates.split(":")
        path = Artifact(group, artifact, version, None).maven_path
        files[path] = f"jar {coordinates}".encode()
        files[f"{path}.sha1"] = hashlib.sha1(files[path], usedforsecurity=False).hexdigest().encode()
        files[path.removesuffix("jar") + "pom"] = _pom(coordinates, dependencies).encode()
    return files


@pytest.fixture
def files() -> dict[str, bytes]:
    """What the remote repository has, by path."""
    return _remote_files()


@pytest.fixture
def maven(
    files: dict[str, bytes], serve: Callable[[Callable[[BaseHTTPRequestHandler], None]], str], tmp_path: Path
) -> MavenContext:
    """jgo, with the web server as its only remote repository."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = files.get(request.path.removeprefix("/"))
        request.send_response(404 if body is None else 200)
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        request.wfile.write(body or b"")

    return MavenContext(repo_cache=tmp_path / "m2", remote_repos={"test": serve(answer)})


@pytest.fixture
def mvn(tmp_path: Path) -> Callable[..., str]:
    """Makes a command that answers dependency:list as mvn does, with the jars that it is given."""

    def make_command(*entries: str) -> str:
        command = tmp_path / "mvn"
        listing = "\nThe following files have been resolved:\n" + "".join(f"   {entry}\n" for entry in entries)
        command.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            "[output] = [word.partition('=')[2] for word in sys.argv if word.startswith('-DoutputFile=')]\n"
            f"pathlib.Path(output).write_text({listing!r})\n",
            encoding="utf-8",
        )
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        return str(command)

    return make_command


def test_a_lock_has_the_runtime_class_path_less_what_the_input_excludes(
    maven: MavenContext, files: dict[str, bytes], tmp_path: Path
) -> None:
    """Nearest version first, no test scope, no exclusion; sizes and hashes are of the bytes served."""
    lock = make(WANTED, maven, None, tmp_path / "cache")
    assert list(map(str, lock.jars)) == CLASS_PATH
    for jar in lock.jars:
        content = files[jar.maven_path]
        assert (jar.size, jar.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (tmp_path / "cache" / f"{jar.sha256}.jar").read_bytes() == content
    assert (lock.version, lock.kcl_version, lock.daemon) == ("1.0", "1.0", DAEMON)
    assert loads(lock.dumps(), "test") == lock


def test_the_same_input_gives_the_same_bytes(maven: MavenContext, tmp_path: Path) -> None:
    """Neither what is cached nor the order of answers shows in the lock."""
    first = make(WANTED, maven, None, tmp_path / "cache").dumps()
    assert make(WANTED, maven, None, tmp_path / "cache").dumps() == first
    assert make(WANTED, maven, None, tmp_path / "another").dumps() == first


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for mvn is a script with a shebang")
def test_jgo_and_mvn_must_agree(maven: MavenContext, mvn: Callable[..., str], tmp_path: Path) -> None:
    """What mvn lists, in the spellings of its plugin's versions, is compared as a set."""
    agreeing = [
        "org.net:net:jar:2.0:runtime",
        "org.log:log:jar:1.0:compile -- module org.log",
        "org.kcl:core:jar:1.0:compile",
        "org.kcl:multilang:jar:1.0:compile -- module org.kcl [auto]",
    ]
    assert list(map(str, make(WANTED, maven, mvn(*agreeing), tmp_path / "cache").jars)) == CLASS_PATH
    differing = [*agreeing[1:], "org.net:net:jar:1.0:compile", "org.net:net:jar:linux:2.0:compile"]
    with pytest.raises(ResolutionError) as caught:
        make(WANTED, maven, mvn(*differing), tmp_path / "cache")
    assert caught.value.only_jgo == ["org.net:net:2.0"]
    assert caught.value.only_mvn == ["org.net:net:1.0", "org.net:net:2.0:linux"]
    assert "only mvn: org.net:net:1.0" in str(caught.value)


def test_a_jar_with_another_sha1_than_the_published_one_is_not_locked(
    maven: MavenContext, files: dict[str, bytes], tmp_path: Path
) -> None:
    """A download that was damaged on its way is no jar to measure others by, nor to cache."""
    path = Artifact("org.log", "log", "1.0", None).maven_path
    files[path] = b"damaged"
    with pytest.raises(UnavailableError, match=r"org\.log:log:1\.0: SHA-1"):
        make(WANTED, maven, None, tmp_path / "cache")
    assert not (tmp_path / "cache" / f"{hashlib.sha256(b'damaged').hexdigest()}.jar").exists()


INPUT = """
version = "1.0"
kcl = { group = "org.kcl", artifact = "multilang", version = "1.0" }
daemon = { main_class = "org.kcl.Daemon", log_configuration_option = "-l" }
[[exclude]]
jars = ["org.heavy:*"]
reason = "heavy"
"""


def test_an_option_that_the_input_leaves_out_is_one_the_daemon_does_not_have(tmp_path: Path) -> None:
    """TOML has no null: absent means that the file stands alone."""
    path = tmp_path / "1.0.in.toml"
    path.write_text(INPUT, encoding="utf-8")
    wanted = read_input(path)
    assert wanted.daemon == Daemon("org.kcl.Daemon", None, "-l")
    assert (wanted.kcl, wanted.exclude) == (WANTED.kcl, WANTED.exclude)


@pytest.mark.parametrize(
    ("good", "bad"),
    [('"heavy"', '" "'), ("reason =", "because ="), ("main_class", "main"), ("version =", "versions ="), ("=", ":")],
)
def test_an_input_that_leaves_something_out_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    """A reason, a class or a version that is missing is an error that names the file."""
    path = tmp_path / "1.0.in.toml"
    path.write_text(INPUT.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(LockError) as caught:
        read_input(path)
    assert caught.value.source == str(path)
