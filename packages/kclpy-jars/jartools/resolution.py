"""Resolves the class path of a MultiLangDaemon: by jgo, and by Maven where it is installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from jgo.maven import POM, MavenContext
from kclpy_jars.errors import JarsError
from kclpy_jars.lock import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jartools.inputs import Input


class ResolutionError(JarsError):
    """Two lists of jars that must be the same are not; each is named by who made it."""

    def __init__(self, one: str, ones: Iterable[Artifact], other: str, others: Iterable[Artifact]) -> None:
        super().__init__(one, ones, other, others)
        self.only_one = sorted(map(str, set(ones) - set(others)))
        self.only_other = sorted(map(str, set(others) - set(ones)))
        self._names = one, other

    def __str__(self) -> str:
        one, other = self._names
        return f"{one} and {other} name different jars:" + "".join(
            [f"\n  only {one}: {jar}" for jar in self.only_one]
            + [f"\n  only {other}: {jar}" for jar in self.only_other]
        )


def resolve(wanted: Input, maven: MavenContext, mvn: str | None) -> set[Artifact]:
    """The jars of an input, by jgo and by the command ``mvn`` if there is one.

    Raises ResolutionError if they differ, or if a raised jar is not among them, and subprocess.CalledProcessError.
    """
    pom = pom_of(wanted)
    artifacts = _resolve_with_jgo(pom, maven)
    if mvn:
        if (by_mvn := _resolve_with_mvn(pom, mvn, maven.repo_cache)) != artifacts:
            raise ResolutionError("jgo", artifacts, "mvn", by_mvn)
        print(f"jgo and mvn agree on {len(artifacts)} jars", file=sys.stderr)
    else:
        print(f"jgo resolves {len(artifacts)} jars; no mvn to compare with", file=sys.stderr)
    if useless := set(wanted.raised) - artifacts:
        raise ResolutionError("what is raised", useless, "the class path", ())
    return artifacts


def pom_of(wanted: Input) -> str:
    """A Maven project that needs the KCL and what is added, and has its say on the versions of what those need."""
    project = Element("project")
    _elements(project, modelVersion="4.0.0", groupId="kclpy", artifactId="kclpy-jars", version="0")
    managed = SubElement(SubElement(project, "dependencyManagement"), "dependencies")
    for jar in wanted.raised:
        _dependency(managed, jar)
    dependencies = SubElement(project, "dependencies")
    exclusions = SubElement(_dependency(dependencies, wanted.kcl), "exclusions")
    for excluded in wanted.exclude:
        group, _, artifact = excluded.partition(":")
        _elements(SubElement(exclusions, "exclusion"), groupId=group, artifactId=artifact)
    for jar in wanted.added:
        _dependency(dependencies, jar)
    return tostring(project, encoding="unicode")


def _dependency(parent: Element, jar: Artifact) -> Element:
    dependency = SubElement(parent, "dependency")
    _elements(dependency, groupId=jar.group, artifactId=jar.artifact, version=jar.version)
    return dependency


def _elements(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = text


def _resolve_with_jgo(pom: str, maven: MavenContext) -> set[Artifact]:
    _, nodes = maven.pom_dependency_list(POM(pom))
    needed = (node.dep for node in nodes)
    return {Artifact(dep.groupId, dep.artifactId, dep.version, dep.classifier or None) for dep in needed}


_MVN_ENTRY = re.compile(
    r"\s*(?P<group>[^:\s]+):(?P<artifact>[^:]+):jar:(?:(?P<classifier>[^:]+):)?(?P<version>[^:]+):(compile|runtime)\b"
)


def _resolve_with_mvn(pom: str, mvn: str, local_repository: Path) -> set[Artifact]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "pom.xml")
        project.write_text(pom, encoding="utf-8")
        listing = Path(folder, "list.txt")
        command = [mvn, "--batch-mode", "--quiet", "--file", str(project), "dependency:list"]
        command += ["-DincludeScope=runtime", f"-DoutputFile={listing}", f"-Dmaven.repo.local={local_repository}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        lines = listing.read_text(encoding="utf-8").splitlines()
    return {
        Artifact(entry["group"], entry["artifact"], entry["version"], entry["classifier"])
        for entry in map(_MVN_ENTRY.match, lines)
        if entry
    }
