"""Licences: from the spellings of POMs to SPDX, which of them may be bundled, and the texts that go with the jars."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_jars.errors import JarsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jgo.maven import POM, MavenContext
    from kclpy_jars.lock import Artifact, Jar, Lock

TEXTS = Path(__file__).resolve().parent.parent / "licenses"
"""The text of each licence, as SPDX has it: ``SPDX-ID.txt``."""

OWN = "Apache-2.0"
"""The licence of kclpy itself."""

ALLOWED = frozenset({"Apache-2.0", "BSD-3-Clause", "EPL-1.0", "MIT", "MIT-0"})
"""What may be bundled with a program under the Apache licence: of alternatives, one of these is enough."""

SPELLINGS = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "The Apache Software License, Version 2.0": "Apache-2.0",
    "Eclipse Public License - v 1.0": "EPL-1.0",
    "MIT License": "MIT",
    "The MIT License": "MIT",
}
"""How POMs spell what SPDX has an identifier for."""

SPELLINGS_BY_ADDRESS = {"http://www.gnu.org/licenses/old-licenses/lgpl-2.1.html": "LGPL-2.1-only"}
"""Where the name alone does not tell the version."""

_KNOWN = {*ALLOWED, *SPELLINGS.values(), *SPELLINGS_BY_ADDRESS.values()}
_FILE = re.compile(r"(?:.*/)?(?:licen[cs]e|notice|copying|copyright)[^/]*(?<!\.class)", re.IGNORECASE)


class LicenceError(JarsError):
    """A jar whose licence is not known or not allowed, or a licence without a text."""

    def __init__(self, subject: Artifact | str, problem: str) -> None:
        super().__init__(subject, problem)
        self.subject = subject
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


def licence_of(artifact: Artifact, maven: MavenContext) -> str:
    """What its POM says, or the next of the POM's parents that says anything: several licences are alternatives.

    Raises LicenceError.
    """
    pom: POM | None = maven.project(artifact.group, artifact.artifact).at_version(artifact.version).pom()
    while pom is not None:
        if elements := pom.elements("licenses/license"):
            found = [_identifier(artifact, element.findtext("name"), element.findtext("url")) for element in elements]
            return " OR ".join(found)
        pom = maven.pom_parent(pom)
    raise LicenceError(artifact, "its POM names no licence")


def _identifier(artifact: Artifact, name: str | None, url: str | None) -> str:
    name = (name or "").strip()
    if name in _KNOWN:
        return name
    if identifier := SPELLINGS.get(name) or SPELLINGS_BY_ADDRESS.get((url or "").strip()):
        return identifier
    raise LicenceError(artifact, f"unknown licence {name!r} ({url}): add its spelling to jartools/licences.py")


def expression(lock: Lock) -> str:
    """The SPDX expression of the whole wheel (PEP 639): kclpy's licence and that of every jar.

    Raises LicenceError if a jar may not be bundled.
    """
    for jar in lock.jars:
        if ALLOWED.isdisjoint(jar.license.split(" OR ")):
            raise LicenceError(jar, f"{jar.license} is not one of {', '.join(sorted(ALLOWED))}")
    parts = sorted({OWN, *(jar.license for jar in lock.jars)})
    return " AND ".join(f"({part})" if " OR " in part else part for part in parts)


def texts(lock: Lock) -> list[Path]:
    """The text of every licence in the expression. Raises LicenceError if one is missing."""
    names = {OWN, *(name for jar in lock.jars for name in jar.license.split(" OR "))}
    paths = [TEXTS / f"{name}.txt" for name in sorted(names)]
    for path in paths:
        if not path.is_file():
            raise LicenceError(path.stem, f"its text is not in {TEXTS}")
    return paths


def notices(lock: Lock, contents: Mapping[Jar, Path]) -> str:
    """The licence and notice files inside the jars, in one document: each text once, under all who carry it.

    What only repeats one of the texts of TEXTS is left out.
    """
    known = {_words(path.read_text(encoding="utf-8")) for path in TEXTS.glob("*.txt")}
    found: dict[str, tuple[str, list[str]]] = {}
    for jar in lock.jars:
        for name, text in _files(contents[jar]):
            words = _words(text)
            if words and words not in known:
                found.setdefault(words, (text, []))[1].append(f"{jar}: {name}")
    line = "=" * 80
    parts = [
        f"What the licence and notice files inside the jars of KCL {lock.kcl_version} say beyond their licences' texts.\n"
    ]
    for text, owners in found.values():
        parts += ["\n", *(f"{part}\n" for part in (line, *owners, line, "")), text]
    return "".join(parts)


def _files(path: Path) -> Iterable[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if _FILE.fullmatch(name):
                content = archive.read(name)
                try:
                    text = content.decode()
                except UnicodeDecodeError:
                    text = content.decode("latin-1")
                yield name, "".join(f"{line.rstrip()}\n" for line in text.strip("\n\f\r ").splitlines())


def _words(text: str) -> str:
    return " ".join(text.split())
