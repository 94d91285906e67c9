"""What holds between the five distributions."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))]
SHARED_VERSION = ["kclpy", "kclpy-core", "kclpy-helper", "kclpy-samples"]
VERSION_FILE = ROOT / "packages/kclpy-core/src/kclpy/_version.py"


def project_of(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def requirements(project: dict[str, Any]) -> list[Requirement]:
    extras = project["project"].get("optional-dependencies", {}).values()
    return [Requirement(text) for group in (project["project"].get("dependencies", []), *extras) for text in group]


@pytest.fixture(scope="module")
def version() -> str:
    found = re.search(r'"(.+)"', VERSION_FILE.read_text())
    assert found
    return found[1]


def test_there_are_five_distributions() -> None:
    """The root is the meta distribution, and each folder of packages/ is named like its own."""
    names = [project_of(folder)["project"]["name"] for folder in PROJECTS]
    assert names == ["kclpy", "kclpy-core", "kclpy-helper", "kclpy-jars", "kclpy-samples"]
    assert [folder.name for folder in PROJECTS[1:]] == names[1:]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_the_shared_version_is_declared_in_one_place(folder: Path) -> None:
    """core, helper, samples and the meta distribution all read core's version file."""
    project = project_of(folder)
    if project["project"]["name"] in SHARED_VERSION:
        path = folder / project["tool"]["hatch"]["version"]["path"]
        assert path.resolve() == VERSION_FILE
        assert "version" not in project["project"]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_pins_between_the_distributions_are_exact(folder: Path, version: str) -> None:
    """Each of our distributions requires the others of the shared version in exactly that version."""
    for requirement in requirements(project_of(folder)):
        if requirement.name in SHARED_VERSION:
            assert str(requirement.specifier) == f"=={version}", requirement


def test_the_layers_stay_apart() -> None:
    """Core and jars depend on nothing, and nothing but the meta distribution names the samples."""
    projects = {project_of(folder)["project"]["name"]: project_of(folder) for folder in PROJECTS}
    assert projects["kclpy-core"]["project"]["dependencies"] == []
    assert projects["kclpy-jars"]["project"].get("dependencies", []) == []
    for name in ("kclpy-core", "kclpy-jars", "kclpy-helper"):
        assert "kclpy-samples" not in {requirement.name for requirement in requirements(projects[name])}


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", ["LICENSE", "NOTICE"])
def test_the_licence_is_the_same_everywhere(folder: Path, name: str) -> None:
    """Each distribution carries its own identical copy of the licence and the notice."""
    assert (folder / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_imports_of_the_layers_stay_apart() -> None:
    """Core imports nothing of the others; jars likewise; helper never imports the samples at module level."""
    forbidden = {
        "kclpy-core": r"kclpy_\w+|boto3|click",
        "kclpy-jars": r"kclpy\b|kclpy_(helper|samples)|amazon_kclpy",
        "kclpy-helper": r"kclpy_samples|kclpy\b|boto3",
    }
    for distribution, pattern in forbidden.items():
        for path in (ROOT / "packages" / distribution / "src").rglob("*.py"):
            found = re.findall(rf"^(?:from|import) (?:{pattern}).*$", path.read_text(), re.MULTILINE)
            assert not found, (path, found)
