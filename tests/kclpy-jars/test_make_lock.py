"""Making a lock: jgo resolves POMs of a Maven repository on a real web server, mvn has its say, and jars are pinned."""

from __future__ import annotations

import hashlib
import io
import stat
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from jartools.inputs import Input, read_input
from jartools.licences import TEXTS, LicenceError, notices
from jartools.make_lock import changes, class_file, make, write_or_check
from jartools.resolution import ResolutionError
from jartools.sources import UnavailableError
from jgo.maven import MavenContext
from kclpy_jars.errors import LockError
from kclpy_jars.lock import Artifact, Daemon, loads

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from kclpy_jars.lock import Lock

DAEMON = Daemon("org.kcl.Daemon", None, None)
WANTED = Input(
    version="1.0",
    end_of_support=None,
    kcl=Artifact("org.kcl", "multilang", "1.0", None),
    kcl_sha256=None,
    daemon=DAEMON,
    exclude=("org.heavy:*",),
    added=(),
    raised=(),
)

POMS = {
    "org.kcl:multilang:1.0": ("org.kcl:core:1.0:compile", "org.test:junit:1.0:test"),
    "org.kcl:core:1.0": ("org.log:log:1.0:compile", "org.net:net:2.0:runtime", "org.heavy:heavy:1.0:compile"),
    "org.log:log:1.0": ("org.net:net:1.0:compile",),
    "org.net:net:2.0": (),
    "org.net:net:1.0": (),
    "org.net:net:2.1": (),
    "org.extra:extra:1.0": ("org.log:log:1.0:compile",),
    "org.heavy:heavy:1.0": (),
    "org.test:junit:1.0": (),
}
LICENCES = {"org.log:log:1.0": "The MIT License", "org.heavy:heavy:1.0": "Buy Me"}
CLASS_PATH = ["org.kcl:core:1.0", "org.kcl:multilang:1.0", "org.log:log:1.0", "org.net:net:2.0"]


def _pom(coordinates: str, dependencies: tuple[str, ...]) -> str:
    tags = ("groupId", "artifactId", "version", "scope")

    def elements(text: str) -> str:
        return "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, text.split(":"), strict=False))

    needed = "".join(f"<dependency>{elements(dependency)}</dependency>" for dependency in dependencies)
    licence = f"<license><name>{LICENCES.get(coordinates, 'Apache License, Version 2.0')}</name></license>"
    return (
        f"<project><modelVersion>4.0.0</modelVersion>{elements(coordinates)}"
        f"<licenses>{licence}</licenses><dependencies>{needed}</dependencies></project>"
    )


def _jar(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _class(version: int) -> bytes:
    return b"\xca\xfe\xba\xbe\0\0" + version.to_bytes(2, "big") + b"..."


def _remote_files() -> dict[str, bytes]:
    files = {}
    for coordinates, dependencies in POMS.items():
        group, artifact, version = coordinates.split(":")
        path = Artifact(group, artifact, version, None).maven_path
        files[path] = _jar({"META-INF/NOTICE": f"by {group}".encode(), "a/A.class": _class(52)})
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
        assert jar.license == ("MIT" if jar.artifact == "log" else "Apache-2.0")
        assert jar.class_file == 52
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
    assert caught.value.only_one == ["org.net:net:2.0"]
    assert caught.value.only_other == ["org.net:net:1.0", "org.net:net:2.0:linux"]
    assert "only mvn: org.net:net:1.0" in str(caught.value)


def test_a_jar_with_another_sha1_than_the_published_one_is_not_locked(
    maven: MavenContext, files: dict[str, bytes], tmp_path: Path
) -> None:
    """A download that was damaged on its way is no jar to measure others by, nor to cache."""
    path = Artifact("org.log", "log", "1.0", None).maven_path
    files[path] += b"damaged"
    with pytest.raises(UnavailableError, match=r"org\.log:log:1\.0: SHA-1"):
        make(WANTED, maven, None, tmp_path / "cache")
    assert not (tmp_path / "cache" / f"{hashlib.sha256(files[path]).hexdigest()}.jar").exists()


def test_a_raised_version_takes_the_place_of_the_poms(maven: MavenContext, tmp_path: Path) -> None:
    """It is managed, not added: the class path has the same jars, one of them newer."""
    raised = replace(WANTED, raised=(Artifact("org.net", "net", "2.1", None),))
    jars = list(map(str, make(raised, maven, None, tmp_path / "cache").jars))
    assert jars == [*CLASS_PATH[:-1], "org.net:net:2.1"]


def test_raising_what_is_not_on_the_class_path_is_an_error(maven: MavenContext, tmp_path: Path) -> None:
    """A decision that decides nothing is a mistake."""
    raised = replace(WANTED, raised=(Artifact("org.extra", "extra", "1.0", None),))
    with pytest.raises(ResolutionError, match=r"org\.extra:extra:1\.0"):
        make(raised, maven, None, tmp_path / "cache")


def test_an_added_jar_comes_with_what_it_needs(maven: MavenContext, tmp_path: Path) -> None:
    """What the KCL's POM leaves out can be named beside it."""
    added = replace(WANTED, added=(Artifact("org.extra", "extra", "1.0", None),))
    jars = set(map(str, make(added, maven, None, tmp_path / "cache").jars))
    assert jars == {*CLASS_PATH, "org.extra:extra:1.0"}


def test_a_licence_that_nobody_has_mapped_or_allowed_is_not_locked(maven: MavenContext, tmp_path: Path) -> None:
    """The jar is named, with what its POM says."""
    with pytest.raises(LicenceError, match=r"org\.heavy:heavy:1\.0: unknown licence 'Buy Me'"):
        make(replace(WANTED, exclude=()), maven, None, tmp_path / "cache")


def test_a_known_licence_that_is_not_allowed_is_not_locked(
    maven: MavenContext, files: dict[str, bytes], tmp_path: Path
) -> None:
    """To know a licence is not to accept it."""
    path = Artifact("org.log", "log", "1.0", None).maven_path.removesuffix("jar") + "pom"
    files[path] = files[path].replace(b"The MIT License", b"LGPL-2.1-only")
    with pytest.raises(LicenceError, match=r"org\.log:log:1\.0: LGPL-2\.1-only is not one of"):
        make(WANTED, maven, None, tmp_path / "cache")


def test_a_check_writes_nothing_and_fails_where_the_files_are_stale(
    lock: Lock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing or different, the files are named with the next step; what changed is on stdout; equal files pass."""
    former = replace(lock, jars=lock.jars[1:])
    path = tmp_path / "3.0.1.json"
    texts = {path: lock.dumps()}
    assert write_or_check(texts, former, lock, check=True) == 1
    assert not path.exists()
    said = capsys.readouterr()
    assert "3.0.1.json: not what the input gives now. Next: hatch run lock 3.0.1" in said.err
    assert said.out == "kclpy-jars 3.0.1, after 3.0.1:\n- added com.example:daemon:3.0.1\n"
    assert write_or_check(texts, former, lock, check=False) == 0
    assert path.read_text(encoding="utf-8") == lock.dumps()
    said = capsys.readouterr()
    assert "- added com.example:daemon:3.0.1" in said.out
    assert ".postN" in said.err
    assert write_or_check(texts, lock, lock, check=True) == 0
    path.write_text("{}", encoding="utf-8")
    assert write_or_check(texts, lock, lock, check=True) == 1
    assert path.read_text(encoding="utf-8") == "{}"


def test_a_kcl_without_a_published_pom_and_checksum_is_taken_by_its_own(
    maven: MavenContext, files: dict[str, bytes], tmp_path: Path
) -> None:
    """The POM is the one inside the jar, and the hash is the one that the input gives; another hash is refused."""
    path = WANTED.kcl.maven_path
    pom = files.pop(path.removesuffix("jar") + "pom")
    del files[f"{path}.sha1"]
    files[path] = _jar({"META-INF/maven/org.kcl/multilang/pom.xml": pom})
    wanted = replace(WANTED, kcl_sha256=hashlib.sha256(files[path]).hexdigest())
    assert list(map(str, make(wanted, maven, None, tmp_path / "cache").jars)) == CLASS_PATH
    files[path] = _jar({"META-INF/maven/org.kcl/multilang/pom.xml": pom + b" "})
    with pytest.raises(UnavailableError, match="SHA-256"):
        make(wanted, maven, None, tmp_path / "cache")


def test_the_newest_class_that_every_java_reads_decides() -> None:
    """Classes for newer Javas, module-info and what is no class are left out; without a class there is no version."""
    jar = _jar(
        {
            "a/Old.class": _class(49),
            "a/New.class": _class(52),
            "META-INF/versions/11/a/New.class": _class(55),
            "module-info.class": _class(53),
            "a/template.class": b"not a class",
        }
    )
    assert class_file(jar) == 52
    assert class_file(_jar({"META-INF/MANIFEST.MF": b""})) is None


def test_the_changes_name_each_jar_that_is_not_the_same(maven: MavenContext, tmp_path: Path) -> None:
    """Raised, added, removed, and the same coordinates with other bytes: one line each; nothing for what stayed."""
    lock = make(WANTED, maven, None, tmp_path / "cache")
    core, multilang, log, net = lock.jars
    forged = replace(log, size=log.size + 1)
    extra = replace(net, group="org.extra", artifact="extra")
    newer = replace(lock, jars=(multilang, extra, forged, replace(net, version="2.1")))
    assert changes(lock, newer) == [
        "added org.extra:extra:2.0",
        "removed org.kcl:core:1.0",
        f"org.log:log:1.0 is described otherwise: size {forged.size}, was {log.size}",
        "org.net:net:2.1, was 2.0",
    ]
    assert changes(lock, lock) == []
    assert core in lock.jars


def test_notices_hold_each_text_once_under_all_who_carry_it(maven: MavenContext, tmp_path: Path) -> None:
    """Two jars of one group say the same; the text of a licence that is kept anyway is left out."""
    lock = make(WANTED, maven, None, tmp_path / "cache")
    paths = {jar: tmp_path / "cache" / f"{jar.sha256}.jar" for jar in lock.jars}
    log = next(jar for jar in lock.jars if jar.artifact == "log")
    mit = (TEXTS / "MIT.txt").read_text(encoding="utf-8")
    entries = {"META-INF/LICENSE.txt": mit.replace("\n", "\r\n  "), "x/NOTICE": "Müller", "x/License.class": "code"}
    paths[log] = tmp_path / "log.jar"
    paths[log].write_bytes(_jar({name: text.encode("latin-1") for name, text in entries.items()}))
    text = notices(lock, paths)
    assert text.count("by org.kcl") == 1
    assert "org.kcl:core:1.0: META-INF/NOTICE\norg.kcl:multilang:1.0: META-INF/NOTICE\n" in text
    assert "org.log:log:1.0: x/NOTICE" in text
    assert "Müller" in text
    assert "LICENSE.txt" not in text
    assert "code" not in text


INPUT = """
version = "1.0"
kcl = { group = "org.kcl", artifact = "multilang", version = "1.0" }
daemon = { main_class = "org.kcl.Daemon", log_configuration_option = "-l" }
[[exclude]]
jars = ["org.heavy:*"]
reason = "heavy"
[[raise]]
jars = ["org.net:net:2.1"]
reason = "CVE-0"
"""


def test_an_option_that_the_input_leaves_out_is_one_the_daemon_does_not_have(tmp_path: Path) -> None:
    """TOML has no null: absent means that the file stands alone."""
    path = tmp_path / "1.0.in.toml"
    path.write_text(INPUT, encoding="utf-8")
    wanted = read_input(path)
    assert wanted.daemon == Daemon("org.kcl.Daemon", None, "-l")
    assert (wanted.kcl, wanted.exclude) == (WANTED.kcl, WANTED.exclude)
    assert wanted.raised == (Artifact("org.net", "net", "2.1", None),)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"heavy"', '" "'),
        ("reason =", "because ="),
        ("main_class", "main"),
        ("version =", "versions ="),
        ("=", ":"),
        ('"CVE-0"', '""'),
        (":2.1", ""),
        ("[[raise]]", "[[rise]]"),
    ],
)
def test_an_input_that_leaves_something_out_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    """A reason, a class or a version that is missing is an error that names the file."""
    path = tmp_path / "1.0.in.toml"
    path.write_text(INPUT.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(LockError) as caught:
        read_input(path)
    assert caught.value.source == str(path)
