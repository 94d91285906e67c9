"""Makes locks/VERSION.json and locks/VERSION.notices.txt from locks/VERSION.in.toml.

jgo resolves the class path from the POM that the input describes. Where mvn is on the machine it resolves the same POM,
and the two must agree. The jars come from Maven Central alone, and their SHA-1 must be the one it publishes: all later
builds are measured by the lock, and what lies in a local repository could have been changed there.

What changed against the former lock goes to stdout, for the changelog.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING

from jgo.maven import MavenContext
from kclpy_jars.errors import JarsError
from kclpy_jars.lock import Artifact, Jar, Lock, loads
from packaging.version import Version

from jartools.collect import default_cache, replacing
from jartools.inputs import Input, read_input
from jartools.licences import expression, licence_of, notices
from jartools.locks import LOCKS, locks, notices_path
from jartools.resolution import resolve
from jartools.sources import Repository, UnavailableError, remotes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CLASS_MAGIC = b"\xca\xfe\xba\xbe"


def make(wanted: Input, maven: MavenContext, mvn: str | None, cache: Path) -> Lock:
    """The lock of an input, whose jars are kept in ``cache``.

    Raises ResolutionError, UnavailableError, LicenceError, subprocess.CalledProcessError.
    """
    [repository] = remotes(maven)
    if wanted.kcl_sha256:
        _install_own_pom(wanted, repository, maven.repo_cache)
    hashes = {wanted.kcl: wanted.kcl_sha256}
    artifacts = sorted(resolve(wanted, maven, mvn), key=str)
    jars = tuple(pin(artifact, repository, maven, cache, hashes.get(artifact)) for artifact in artifacts)
    lock = Lock(wanted.version, wanted.kcl.version, wanted.end_of_support, wanted.daemon, jars)
    expression(lock)
    return lock


def pin(artifact: Artifact, repository: Repository, maven: MavenContext, cache: Path, sha256: str | None = None) -> Jar:
    """The jar as ``repository`` has it, which is kept in ``cache`` for the builds.

    Raises UnavailableError if its SHA-1 is not the one published, or its SHA-256 not the one given, and LicenceError.
    """
    content = _download(artifact, repository, sha256)
    jar = Jar(
        **asdict(artifact),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        license=licence_of(artifact, maven),
        class_file=class_file(content),
    )
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(cache / f"{jar.sha256}.jar") as file:
        file.write(content)
    return jar


def _download(artifact: Artifact, repository: Repository, sha256: str | None) -> bytes:
    content = b"".join(repository.chunks(artifact.maven_path))
    if sha256:
        kind, found, expected = "SHA-256", hashlib.sha256(content).hexdigest(), sha256
    else:
        published = b"".join(repository.chunks(f"{artifact.maven_path}.sha1")).decode().split()[0]
        kind, found, expected = "SHA-1", hashlib.sha1(content, usedforsecurity=False).hexdigest(), published
    if found != expected:
        raise UnavailableError(f"{artifact}: {kind} {found} from {repository.name}, but {expected} is expected")
    return content


def _install_own_pom(wanted: Input, repository: Repository, local_repository: Path) -> None:
    """Put the POM that Maven packed into the KCL's jar where the repository's copy of it would be."""
    kcl = wanted.kcl
    content = _download(kcl, repository, wanted.kcl_sha256)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pom = archive.read(f"META-INF/maven/{kcl.group}/{kcl.artifact}/pom.xml")
    path = (local_repository / kcl.maven_path).with_suffix(".pom")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(pom)


def class_file(content: bytes) -> int | None:
    """The version of the newest class file in a jar that every Java reads, such as 52 for Java 8."""
    versions = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            # What lies under META-INF/versions, and module-info, is read only by a Java that understands it.
            if name.endswith(".class") and not name.startswith("META-INF/") and not name.endswith("module-info.class"):
                with archive.open(name) as file:
                    head = file.read(8)
                if head.startswith(_CLASS_MAGIC):
                    versions.append(int.from_bytes(head[6:8], "big"))
    return max(versions, default=None)


def changes(former: Lock, lock: Lock) -> list[str]:
    """What a changelog says of ``lock`` after ``former``: one line for each jar that is not the same."""
    before = {(jar.group, jar.artifact, jar.classifier): jar for jar in former.jars}
    after = {(jar.group, jar.artifact, jar.classifier): jar for jar in lock.jars}
    lines = []
    for key in sorted({*before, *after}, key=str):
        old, new = before.get(key), after.get(key)
        if old is None:
            lines.append(f"added {new}")
        elif new is None:
            lines.append(f"removed {old}")
        elif old.version != new.version:
            lines.append(f"{new}, was {old.version}")
        elif old != new:
            lines.append(f"{new} is described otherwise: {_difference(old, new)}")
    return lines


def _difference(old: Jar, new: Jar) -> str:
    was, now = asdict(old), asdict(new)
    return ", ".join(f"{key} {now[key]}, was {was[key]}" for key in now if now[key] != was[key])


def former_lock(kcl_version: str) -> Lock | None:
    """The committed lock of this KCL, or of the newest older one of its line."""
    version = Version(kcl_version)
    candidates = [lock for lock in locks() if Version(lock.kcl_version) <= version]
    return next((lock for lock in reversed(candidates) if Version(lock.kcl_version).major == version.major), None)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="lock", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("version", help="the KCL's version")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the files are not what is made")
    arguments = parser.parse_args(argv)
    try:
        wanted = read_input(LOCKS / f"{arguments.version}.in.toml")
        former = former_lock(wanted.kcl.version)
        cache = default_cache()
        lock = make(wanted, MavenContext(), shutil.which("mvn"), cache)
        texts = {
            LOCKS / f"{lock.kcl_version}.json": lock.dumps(),
            notices_path(lock): notices(lock, {jar: cache / f"{jar.sha256}.jar" for jar in lock.jars}),
        }
        # What was made must be what the build can read.
        loads(lock.dumps(), "the lock just made")
        return write_or_check(texts, former, lock, check=arguments.check)
    except (JarsError, OSError, subprocess.CalledProcessError) as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1


def write_or_check(texts: dict[Path, str], former: Lock | None, lock: Lock, *, check: bool) -> int:
    """Write ``texts``, or say which of the files are not those; the exit code."""
    return (_check if check else _write)(texts, former, lock)


def _check(texts: dict[Path, str], former: Lock | None, lock: Lock) -> int:
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        _print_changes(former, lock)
        names = ", ".join(path.name for path in stale)
        print(f"lock: {names}: not what the input gives now. Next: hatch run lock {lock.kcl_version}", file=sys.stderr)
    return 1 if stale else 0


def _write(texts: dict[Path, str], former: Lock | None, lock: Lock) -> int:
    for path, text in texts.items():
        with replacing(path) as file:
            file.write(text.encode())
    _print_changes(former, lock)
    if former and former.version == lock.version and former.jars != lock.jars:
        print(f"lock: if {lock.version} was released, name this one a .postN of it in its input", file=sys.stderr)
    size = sum(jar.size for jar in lock.jars)
    print(f"KCL {lock.kcl_version}: {len(lock.jars)} jars, {size / 1e6:.1f} MB, Java {lock.java}", file=sys.stderr)
    return 0


def _print_changes(former: Lock | None, lock: Lock) -> None:
    if former is None:
        print(f"kclpy-jars {lock.version}: {len(lock.jars)} jars, the first lock of this line")
        return
    print(f"kclpy-jars {lock.version}, after {former.version}:")
    for line in changes(former, lock) or ["the same jars"]:
        print(f"- {line}")


if __name__ == "__main__":
    sys.exit(main())
