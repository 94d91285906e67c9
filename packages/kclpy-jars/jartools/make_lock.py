"""``python -m jartools.make_lock VERSION``: makes locks/VERSION.json from locks/VERSION.in.toml.

jgo resolves the class path from the POM that the input describes. Where ``mvn`` is on the machine
it resolves the same POM, and the two must agree. The jars come from Maven Central alone, and their
SHA-1 must be the one it publishes: all later builds are measured by the lock, and what lies in a
local repository could have been changed there.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from jgo.maven import POM, MavenContext
from kclpy_jars.errors import JarsError, LockError
from kclpy_jars.lock import Artifact, Daemon, Jar, Lock, loads

from jartools.collect import default_cache, replacing
from jartools.locks import LOCKS
from jartools.sources import Repository, UnavailableError, remotes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Sequence


class ResolutionError(JarsError):
    """jgo and mvn resolve the same POM to different jars."""

    def __init__(self, jgo: set[Artifact], mvn: set[Artifact]) -> None:
        super().__init__(jgo, mvn)
        self.only_jgo = sorted(map(str, jgo - mvn))
        self.only_mvn = sorted(map(str, mvn - jgo))

    def __str__(self) -> str:
        return "jgo and mvn resolve different jars:" + "".join(
            [f"\n  only jgo: {jar}" for jar in self.only_jgo] + [f"\n  only mvn: {jar}" for jar in self.only_mvn]
        )


@dataclass(frozen=True)
class Input:
    """What a lock is made from: ``kcl`` and all that it needs, less ``exclude``.

    An exclusion is ``group:artifact``, where ``*`` stands for any.
    """

    version: str
    kcl: Artifact
    daemon: Daemon
    exclude: tuple[str, ...]


def read_input(path: Path) -> Input:
    """The input in a file. Raises LockError, OSError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        if unexplained := [entry for entry in document["exclude"] if not entry["reason"].strip()]:
            raise LockError(str(path), "exclude", f"no reason: {unexplained[0]['jars']}")
        daemon = document["daemon"]
        return Input(
            version=document["version"],
            kcl=Artifact(**document["kcl"], classifier=None),
            daemon=Daemon(
                main_class=daemon["main_class"],
                properties_option=daemon.get("properties_option"),
                log_configuration_option=daemon.get("log_configuration_option"),
            ),
            exclude=tuple(jar for entry in document["exclude"] for jar in entry["jars"]),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LockError(str(path), "", repr(error)) from error


def pom_of(wanted: Input) -> str:
    """A Maven project that needs the KCL and nothing else."""
    project = Element("project")
    _elements(project, modelVersion="4.0.0", groupId="kclpy", artifactId="kclpy-jars", version="0")
    dependencies = SubElement(project, "dependencies")
    dependency = SubElement(dependencies, "dependency")
    kcl = wanted.kcl
    _elements(dependency, groupId=kcl.group, artifactId=kcl.artifact, version=kcl.version)
    exclusions = SubElement(dependency, "exclusions")
    for jar in wanted.exclude:
        group, _, artifact = jar.partition(":")
        exclusion = SubElement(exclusions, "exclusion")
        _elements(exclusion, groupId=group, artifactId=artifact)
    return tostring(project, encoding="unicode")


def _elements(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = text


def resolve_with_jgo(pom: str, maven: MavenContext) -> set[Artifact]:
    """The runtime class path of a POM, by jgo's own resolver."""
    _, nodes = maven.pom_dependency_list(POM(pom))
    needed = (node.dep for node in nodes)
    return {Artifact(dep.groupId, dep.artifactId, dep.version, dep.classifier or None) for dep in needed}


_MVN_ENTRY = re.compile(
    r"\s*(?P<group>[^:\s]+):(?P<artifact>[^:]+):jar:(?:(?P<classifier>[^:]+):)?(?P<version>[^:]+):(compile|runtime)\b"
)


def resolve_with_mvn(pom: str, mvn: str) -> set[Artifact]:
    """The same by Maven. Raises subprocess.CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "pom.xml")
        project.write_text(pom, encoding="utf-8")
        listing = Path(folder, "list.txt")
        command = [mvn, "--batch-mode", "--quiet", "--file", str(project), "dependency:list"]
        command += ["-DincludeScope=runtime", f"-DoutputFile={listing}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        lines = listing.read_text(encoding="utf-8").splitlines()
    return {
        Artifact(entry["group"], entry["artifact"], entry["version"], entry["classifier"])
        for entry in map(_MVN_ENTRY.match, lines)
        if entry
    }


def pin(artifact: Artifact, repository: Repository, cache: Path) -> Jar:
    """The jar as ``repository`` has it, which is kept in ``cache`` for the builds.

    Raises UnavailableError.
    """
    content = b"".join(repository.chunks(artifact.maven_path))
    published = b"".join(repository.chunks(f"{artifact.maven_path}.sha1")).decode().split()[0]
    if (sha1 := hashlib.sha1(content, usedforsecurity=False).hexdigest()) != published:
        raise UnavailableError(f"{artifact}: SHA-1 {sha1}, but {repository.name} publishes {published}")
    jar = Jar(**asdict(artifact), size=len(content), sha256=hashlib.sha256(content).hexdigest())
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(cache / f"{jar.sha256}.jar") as file:
        file.write(content)
    return jar


def make(wanted: Input, maven: MavenContext, mvn: str | None, cache: Path) -> Lock:
    """The lock of an input, by jgo and by the command ``mvn`` if there is one.

    Raises ResolutionError, UnavailableError, subprocess.CalledProcessError.
    """
    pom = pom_of(wanted)
    artifacts = resolve_with_jgo(pom, maven)
    if mvn:
        if (by_mvn := resolve_with_mvn(pom, mvn)) != artifacts:
            raise ResolutionError(artifacts, by_mvn)
        print(f"jgo and mvn agree on {len(artifacts)} jars", file=sys.stderr)
    else:
        print(f"jgo resolves {len(artifacts)} jars; no mvn to compare with", file=sys.stderr)
    [repository] = remotes(maven)
    jars = [pin(artifact, repository, cache) for artifact in sorted(artifacts, key=str)]
    return Lock(wanted.version, wanted.kcl.version, wanted.daemon, tuple(jars))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jartools.make_lock", description=__doc__)
    parser.add_argument("version", help="the KCL's version")
    version = parser.parse_args(argv).version
    path = LOCKS / f"{version}.json"
    try:
        wanted = read_input(LOCKS / f"{version}.in.toml")
        lock = make(wanted, MavenContext(), shutil.which("mvn"), default_cache())
        document = lock.dumps()
        # What was made must be what the build can read.
        loads(document, str(path))
        with replacing(path) as file:
            file.write(document.encode())
    except (JarsError, OSError, subprocess.CalledProcessError) as error:
        print(f"make_lock: {error}", file=sys.stderr)
        return 1
    size = sum(jar.size for jar in lock.jars)
    print(f"{path}: {len(lock.jars)} jars, {size / 1e6:.1f} MB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
