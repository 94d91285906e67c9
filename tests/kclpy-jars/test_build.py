"""The build itself, as pip and build run it, in a copy of the package whose lock has three tiny jars."""

from __future__ import annotations

import email
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_jars.lock import LOCK_NAME, SCHEMA, Lock
from packaging.licenses import canonicalize_license_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(package: Path, lock: Lock, tmp_path: Path) -> Path:
    """A copy of the package's source tree with the tiny lock alone."""
    tree = tmp_path / "tree"
    generated = ("jars", "build", "dist", "locks", "__pycache__", ".*_cache")
    shutil.copytree(package, tree, ignore=shutil.ignore_patterns(*generated))
    (tree / "locks").mkdir()
    _write_lock(tree, lock)
    return tree


def _write_lock(tree: Path, lock: Lock) -> None:
    (tree / "locks" / f"{lock.kcl_version}.json").write_text(lock.dumps(), encoding="utf-8")
    (tree / "locks" / f"{lock.kcl_version}.notices.txt").write_text(f"notices of {lock.kcl_version}", encoding="utf-8")


@pytest.fixture
def run(repository: Path, tmp_path: Path) -> Iterator[Run]:
    """Runs python with arguments in a folder; the tiny jars' repository is the only source that answers."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        hidden = ("NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "KCLPY_JARS_VERSION", "PYTHONPATH")
        environment = {name: value for name, value in os.environ.items() if name.upper() not in hidden}
        environment |= {
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "KCL_MVN_REPO_SEARCH_URL": str(repository),
            "KCLPY_JARS_CACHE": str(tmp_path / "cache"),
            "M2_REPO": str(tmp_path / "no-local-repository"),
        }

        def run(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, *arguments],
                cwd=cwd,
                env=environment | variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                check=False,
            )

        yield run


BUILD = ("-m", "build", "--no-isolation", "--outdir", "dist")
WHEEL = (*BUILD, "--wheel")


def _only(tree: Path, pattern: str) -> Path:
    [path] = (tree / "dist").glob(pattern)
    return path


def test_the_wheel_holds_the_jars_their_lock_and_the_package_and_nothing_else(
    tree: Path, run: Run, lock: Lock, contents: dict[str, bytes]
) -> None:
    """What ships is compared as a set, and each jar byte for byte."""
    result = run(tree, *WHEEL)
    assert result.returncode == 0, result.stdout
    wheel = _only(tree, "*")
    assert wheel.name == "kclpy_jars-3.0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        modules = {path.name for path in (tree / "src" / "kclpy_jars").glob("*.py")} | {"py.typed"}
        info = "kclpy_jars-3.0.1.dist-info"
        metadata = {"METADATA", "WHEEL", "RECORD", "sboms/kclpy-jars.cdx.json"} | {
            f"licenses/{name}"
            for name in ("LICENSE", "NOTICE", "licenses/Apache-2.0.txt", "licenses/MIT.txt", "locks/3.0.1.notices.txt")
        }
        assert set(archive.namelist()) == (
            {f"kclpy_jars/{name}" for name in modules}
            | {f"kclpy_jars/jars/{name}" for name in (*contents, LOCK_NAME)}
            | {f"{info}/{name}" for name in metadata}
        )
        for name, content in contents.items():
            assert archive.read(f"kclpy_jars/jars/{name}") == content
        assert archive.read(f"kclpy_jars/jars/{LOCK_NAME}").decode() == lock.dumps()


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree(tree: Path, run: Run, tmp_path: Path) -> None:
    """Built on either way, and with full or empty folders, the wheel has the same bytes."""
    result = run(tree, *BUILD)
    assert result.returncode == 0, result.stdout
    through_sdist = _only(tree, "*.whl").rename(tmp_path / "sdist.whl")
    result = run(tree, *WHEEL)
    assert result.returncode == 0, result.stdout
    assert _only(tree, "*.whl").read_bytes() == through_sdist.read_bytes()


def test_another_path_and_another_day_give_the_same_bytes(tree: Path, run: Run, tmp_path: Path) -> None:
    """Neither where the tree lies, nor when its files were written, nor who may read them shows in wheel and sdist."""
    assert run(tree, *BUILD).returncode == 0
    elsewhere = shutil.copytree(tree, tmp_path / "else" / "where")
    shutil.rmtree(elsewhere / "dist")
    for path in elsewhere.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(path.stat().st_mode | stat.S_IWGRP | stat.S_IRGRP)
    result = run(elsewhere, *BUILD, TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    assert result.returncode == 0, result.stdout
    built = {path.name: path.read_bytes() for path in (tree / "dist").iterdir()}
    assert {path.name: path.read_bytes() for path in (elsewhere / "dist").iterdir()} == built
    assert len(built) == 2


def test_the_metadata_names_the_licences_and_their_texts_both_ways(tree: Path, run: Run, lock: Lock) -> None:
    """Each licence of the expression has its text in the wheel, and no text is there without its licence."""
    either = replace(lock.jars[1], license="EPL-1.0 OR LGPL-2.1-only")
    _write_lock(tree, replace(lock, jars=(lock.jars[0], either, lock.jars[2])))
    result = run(tree, *WHEEL)
    assert result.returncode == 0, result.stdout
    with zipfile.ZipFile(_only(tree, "*.whl")) as archive:
        metadata = email.message_from_bytes(archive.read("kclpy_jars-3.0.1.dist-info/METADATA"))
        expression = metadata["License-Expression"]
        files = metadata.get_all("License-File")
        assert files
        texts = {name.removeprefix("licenses/").removesuffix(".txt") for name in files if name.startswith("licenses/")}
        assert expression == canonicalize_license_expression("Apache-2.0 AND (EPL-1.0 OR LGPL-2.1-only) AND MIT")
        assert set(re.findall(r"[^() ]+", expression)) - {"AND", "OR"} == texts
        for name in files:
            source = tree / name
            assert archive.read(f"kclpy_jars-3.0.1.dist-info/licenses/{name}") == source.read_bytes()


def test_a_licence_without_its_text_fails_the_build(tree: Path, run: Run) -> None:
    """What cannot be read cannot be agreed to."""
    (tree / "licenses" / "MIT.txt").unlink()
    result = run(tree, *WHEEL)
    assert result.returncode != 0
    assert "MIT: its text is not in" in result.stdout
    assert not list(tree.glob("dist/*.whl"))


def test_a_licence_that_is_not_allowed_fails_the_build(tree: Path, run: Run, lock: Lock) -> None:
    """A lock that was written by hand does not bring in what the locking task would refuse."""
    _write_lock(tree, replace(lock, jars=(*lock.jars[:2], replace(lock.jars[2], license="GPL-3.0-only"))))
    result = run(tree, *WHEEL)
    assert result.returncode != 0
    assert "netty:4.1:linux: GPL-3.0-only is not one of" in result.stdout
    assert not list(tree.glob("dist/*.whl"))


def test_a_kcl_whose_support_ends_is_built_with_a_warning(tree: Path, run: Run, lock: Lock) -> None:
    """Who builds it is told the date."""
    assert "ended its support" not in run(tree, *WHEEL).stdout
    _write_lock(tree, replace(lock, end_of_support="2026-01-30"))
    result = run(tree, *WHEEL)
    assert result.returncode == 0, result.stdout
    assert "ended its support on 2026-01-30" in result.stdout


def test_the_sdist_holds_what_the_hook_needs_and_no_jar(tree: Path, run: Run) -> None:
    """Although the jars lie in the tree, the sdist has only sources, locks and tools."""
    assert run(tree, *WHEEL).returncode == 0
    assert (tree / "src" / "kclpy_jars" / "jars" / LOCK_NAME).exists()
    result = run(tree, *BUILD, "--sdist")
    assert result.returncode == 0, result.stdout
    with tarfile.open(_only(tree, "*.tar.gz")) as archive:
        names = {name.removeprefix("kclpy_jars-3.0.1/") for name in archive.getnames()}
    sources = {
        path.relative_to(tree).as_posix()
        for folder in ("src", "jartools", "licenses", "locks")
        for path in (tree / folder).rglob("*")
        if path.is_file() and not {"jars", "__pycache__"} & set(path.parts)
    }
    root = {".gitignore", "LICENSE", "NOTICE", "PKG-INFO", "README.md", "hatch_build.py", "pyproject.toml"}
    assert names == sources | root


def _change(jars: Path) -> None:
    path = jars / "netty-4.1.jar"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _remove(jars: Path) -> None:
    (jars / "netty-4.1.jar").unlink()


def _add(jars: Path) -> None:
    (jars / "stranger.jar").touch()


@pytest.mark.parametrize("build", [WHEEL, BUILD], ids=["of the tree", "of its sdist"])
@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (_change, "changed: netty-4.1.jar"),
        (_remove, "missing: netty-4.1.jar"),
        (_add, "unlisted: stranger.jar"),
    ],
)
def test_a_changed_a_missing_and_an_unlisted_jar_fail_the_build(
    tree: Path, run: Run, damage: Callable[[Path], None], fault: str, build: tuple[str, ...]
) -> None:
    """The build stops, names the jar, and makes no wheel, on the way through an sdist too."""
    assert run(tree, *WHEEL).returncode == 0
    shutil.rmtree(tree / "dist")
    damage(tree / "src" / "kclpy_jars" / "jars")
    result = run(tree, *build)
    assert result.returncode != 0
    assert fault in result.stdout
    assert not list(tree.glob("dist/*.whl"))


def test_a_jar_that_no_source_has_fails_the_build(tree: Path, run: Run, lock: Lock, repository: Path) -> None:
    """The build names the jar and each source with its reason, and makes no wheel."""
    jar = lock.jars[1]
    (repository / jar.maven_path).unlink()
    result = run(tree, *WHEEL)
    assert result.returncode != 0
    assert f"cannot collect {jar.filename}" in result.stdout
    for source in ("KCL_MVN_REPO_SEARCH_URL: ", "the local Maven repository: ", "Maven repository central: "):
        assert source in result.stdout
    assert not list(tree.glob("dist/*.whl"))
    assert not (tree / "src" / "kclpy_jars" / "jars" / LOCK_NAME).exists()


def test_a_source_with_a_wrong_jar_fails_the_build(tree: Path, run: Run, lock: Lock, repository: Path) -> None:
    """A repository cannot slip another jar into the wheel."""
    jar = lock.jars[2]
    (repository / jar.maven_path).write_bytes(b"x" * jar.size)
    result = run(tree, *WHEEL)
    assert result.returncode != 0
    assert f"cannot collect {jar.filename}" in result.stdout
    assert "another file" in result.stdout


EDITABLE = (
    "-c",
    "import hatchling.build, os; os.makedirs('dist', exist_ok=True); hatchling.build.build_editable('dist')",
)


def test_an_editable_install_collects_the_jars_too(tree: Path, run: Run, contents: dict[str, bytes]) -> None:
    """The jars land in the source tree, where an editable install finds them."""
    result = run(tree, *EDITABLE)
    assert result.returncode == 0, result.stdout
    jars = tree / "src" / "kclpy_jars" / "jars"
    assert {path.name for path in jars.iterdir()} == {*contents, LOCK_NAME}
    with zipfile.ZipFile(_only(tree, "*.whl")) as archive:
        [pth] = [name for name in archive.namelist() if name.endswith(".pth")]
        assert Path(archive.read(pth).decode().strip()) == tree / "src"


@pytest.mark.parametrize("schema", [1, 99])
def test_jars_whose_lock_is_of_another_layout_are_collected_anew(
    tree: Path, run: Run, contents: dict[str, bytes], schema: int
) -> None:
    """A tree that an older or a newer kclpy-jars was built in needs no cleaning by hand, for an sdist as little."""
    jars = tree / "src" / "kclpy_jars" / "jars"
    jars.mkdir()
    (jars / "daemon-2.9.jar").touch()
    (jars / LOCK_NAME).write_text(f'{{"schema": {schema}, "wheels": ["what", "ever"]}}', encoding="utf-8")
    result = run(tree, *BUILD, "--sdist")
    assert result.returncode == 0, result.stdout
    result = run(tree, *EDITABLE)
    assert result.returncode == 0, result.stdout
    assert {path.name: path.read_bytes() for path in jars.glob("*.jar")} == contents
    assert f'"schema": {SCHEMA}' in (jars / LOCK_NAME).read_text(encoding="utf-8")


def _version(run: Run, tree: Path, **variables: str) -> str:
    result = run(tree, "-m", "hatchling", "version", **variables)
    assert result.returncode == 0, result.stdout
    return str(result.stdout.split()[-1])


def test_the_newest_lock_of_the_default_line_is_built_unless_another_is_chosen(
    tree: Path, run: Run, lock: Lock
) -> None:
    """Versions are compared as versions; KCLPY_JARS_VERSION takes the KCL's or the distribution's."""
    for version in ("1.15.3", "2.7.3", "3.0.9", "3.0.10", "4.0.0"):
        _write_lock(tree, replace(lock, version=version, kcl_version=version))
    _write_lock(tree, replace(lock, version="3.0.2.post3", kcl_version="3.0.2"))
    assert _version(run, tree) == "3.0.10"
    assert _version(run, tree, KCLPY_JARS_VERSION="1.15.3") == "1.15.3"
    assert _version(run, tree, KCLPY_JARS_VERSION="3.0.2") == "3.0.2.post3"
    assert _version(run, tree, KCLPY_JARS_VERSION="3.0.2.post3") == "3.0.2.post3"


def test_a_version_without_a_lock_is_refused_with_those_there_are(tree: Path, run: Run) -> None:
    """The error says what could be chosen instead."""
    result = run(tree, *WHEEL, KCLPY_JARS_VERSION="9.9.9")
    assert result.returncode != 0
    assert "no lock of 9.9.9; there are: 3.0.1" in result.stdout


def test_an_sdist_keeps_the_version_that_was_chosen_for_it(tree: Path, run: Run, lock: Lock, tmp_path: Path) -> None:
    """Its wheel is of that version, with that lock, whatever the environment says later."""
    _write_lock(tree, replace(lock, version="2.7.3", kcl_version="2.7.3"))
    result = run(tree, *BUILD, "--sdist", KCLPY_JARS_VERSION="2.7.3")
    assert result.returncode == 0, result.stdout
    shutil.unpack_archive(_only(tree, "kclpy_jars-2.7.3.tar.gz"), tmp_path, filter="data")
    unpacked = tmp_path / "kclpy_jars-2.7.3"
    for variables in ({}, {"KCLPY_JARS_VERSION": "3.0.1"}):
        result = run(unpacked, *WHEEL, **variables)
        assert result.returncode == 0, result.stdout
        with zipfile.ZipFile(_only(unpacked, "kclpy_jars-2.7.3-*.whl")) as archive:
            assert b'"kcl_version": "2.7.3"' in archive.read(f"kclpy_jars/jars/{LOCK_NAME}")


def test_the_licence_files_are_the_repositorys(package: Path) -> None:
    """LICENSE and NOTICE ship with the wheel, and are copies of the repository's own."""
    for name in ("LICENSE", "NOTICE"):
        assert (package / name).read_bytes() == (package.parents[1] / name).read_bytes()
