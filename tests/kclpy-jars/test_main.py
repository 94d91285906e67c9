"""The command line and the runtime API, on a copy of the installed package with tiny jars of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import kclpy_jars
import pytest
from jartools.licences import expression
from jartools.sbom import sbom_of
from kclpy_jars.lock import LOCK_NAME, Lock


@pytest.fixture
def site(lock: Lock, contents: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder to import kclpy_jars from, whose jars are the tiny ones."""
    site = tmp_path / "site"
    installed = Path(kclpy_jars.__file__).parent
    shutil.copytree(installed, site / "kclpy_jars", ignore=shutil.ignore_patterns("jars", "__pycache__"))
    jars = site / "kclpy_jars" / "jars"
    jars.mkdir()
    (jars / LOCK_NAME).write_text(lock.dumps(), encoding="utf-8")
    for name, content in contents.items():
        (jars / name).write_bytes(content)
    info = site / "kclpy_jars-3.0.1.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "sboms").mkdir()
    metadata = "Metadata-Version: 2.4\nName: kclpy-jars\nVersion: 3.0.1\nLicense-Expression: Apache-2.0 AND MIT\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    (info / "licenses" / "LICENSE").write_text("the text", encoding="utf-8")
    (info / "sboms" / "kclpy-jars.cdx.json").write_text('{"bomFormat": "CycloneDX"}\n', encoding="utf-8")
    record = [f"{path.relative_to(site).as_posix()},,\n" for path in site.rglob("*") if path.is_file()]
    (info / "RECORD").write_text("".join(record), encoding="utf-8")
    return site


def _run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "kclpy_jars", *arguments]
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_verify_succeeds_on_whole_jars_and_keeps_stdout_empty(site: Path) -> None:
    """Jars that are as the lock says: exit code 0, and a word for people on stderr."""
    result = _run(site, "verify")
    assert (result.returncode, result.stdout) == (0, "")
    assert "3 jars of KCL 3.0.1" in result.stderr


def test_verify_fails_and_names_every_changed_missing_and_unlisted_jar(site: Path) -> None:
    """Each fault is named, with its kind, in one run."""
    jars = site / "kclpy_jars" / "jars"
    (jars / "daemon-3.0.1.jar").write_bytes(b"?" + (jars / "daemon-3.0.1.jar").read_bytes()[1:])
    (jars / "netty-4.1.jar").unlink()
    (jars / "stranger.jar").touch()
    result = _run(site, "verify")
    assert (result.returncode, result.stdout) == (1, "")
    for line in ("changed: daemon-3.0.1.jar", "missing: netty-4.1.jar", "unlisted: stranger.jar"):
        assert line in result.stderr
    assert "netty-4.1-linux.jar" not in result.stderr


def test_verify_in_json_has_every_fault(site: Path) -> None:
    """A machine reads the faults on stdout; the exit code is the same."""
    assert json.loads(_run(site, "verify", "--json").stdout) == {"kcl_version": "3.0.1", "faults": []}
    (site / "kclpy_jars" / "jars" / "netty-4.1.jar").unlink()
    result = _run(site, "verify", "--json")
    assert result.returncode == 1
    [fault] = json.loads(result.stdout)["faults"]
    assert (fault["kind"], fault["filename"]) == ("missing", "netty-4.1.jar")


def test_path_prints_the_folder(site: Path) -> None:
    """One line, for a shell to use."""
    result = _run(site, "path")
    assert (result.returncode, result.stdout) == (0, f"{site / 'kclpy_jars' / 'jars'}\n")


def test_classpath_prints_the_jars_in_the_order_of_the_lock(site: Path, lock: Lock) -> None:
    """One line that java -cp takes as it is."""
    result = _run(site, "classpath")
    assert result.returncode == 0
    paths = [Path(path) for path in result.stdout.removesuffix("\n").split(os.pathsep)]
    assert paths == [site / "kclpy_jars" / "jars" / jar.filename for jar in lock.jars]


def test_classpath_in_json_is_a_list(site: Path, lock: Lock) -> None:
    """For who builds the command with another separator, or none."""
    paths = json.loads(_run(site, "classpath", "--json").stdout)
    assert [Path(path).name for path in paths] == [jar.filename for jar in lock.jars]


def test_sbom_prints_the_document_of_the_metadata(site: Path) -> None:
    """Byte for byte, so that it can be redirected to a file."""
    result = _run(site, "sbom")
    assert (result.returncode, result.stdout) == (0, '{"bomFormat": "CycloneDX"}\n')


def test_licenses_prints_each_jars_licence(site: Path, lock: Lock) -> None:
    """One jar a line for machines; the expression and the files of the texts for people."""
    result = _run(site, "licenses")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [f"MIT\t{jar}" for jar in lock.jars]
    assert "Apache-2.0 AND MIT" in result.stderr
    assert str(site / "kclpy_jars-3.0.1.dist-info" / "licenses" / "LICENSE") in result.stderr


def test_licenses_in_json_leads_to_the_texts(site: Path, lock: Lock) -> None:
    """Every file that is named can be read."""
    document = json.loads(_run(site, "licenses", "--json").stdout)
    assert document["expression"] == "Apache-2.0 AND MIT"
    assert document["jars"] == {str(jar): "MIT" for jar in lock.jars}
    assert [Path(file).read_text(encoding="utf-8") for file in document["files"]] == ["the text"]


@pytest.mark.parametrize("command", ["list", "path", "classpath", "verify", "sbom", "licenses"])
def test_a_kcl_whose_support_ends_says_so_on_stderr(site: Path, lock: Lock, command: str) -> None:
    """Whatever is asked, people see the date, and machines see what they always do."""
    usual = _run(site, command)
    document = site / "kclpy_jars" / "jars" / LOCK_NAME
    document.write_text(replace(lock, end_of_support="2026-01-30").dumps(), encoding="utf-8")
    result = _run(site, command)
    assert (result.returncode, result.stdout) == (0, usual.stdout)
    assert "ended its support on 2026-01-30" in result.stderr
    assert "ended its support" not in usual.stderr


def test_list_prints_coordinates_for_machines_and_the_sum_for_people(site: Path, lock: Lock) -> None:
    """On stdout is one jar a line and nothing else."""
    result = _run(site, "list")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [str(jar) for jar in lock.jars]
    assert "KCL 3.0.1: 3 jars" in result.stderr


def test_list_in_json_has_all_that_the_lock_knows(site: Path, lock: Lock, contents: dict[str, bytes]) -> None:
    """Each jar with its coordinates, size and hash, and a path at which it is found."""
    result = _run(site, "list", "--json")
    document = json.loads(result.stdout)
    assert document["kcl_version"] == "3.0.1"
    assert [entry["sha256"] for entry in document["jars"]] == [jar.sha256 for jar in lock.jars]
    assert [Path(entry["path"]).read_bytes() for entry in document["jars"]] == list(contents.values())


@pytest.mark.parametrize("command", ["list", "path", "classpath", "verify", "licenses"])
def test_a_tree_without_jars_says_what_to_do(site: Path, command: str) -> None:
    """Every command fails with the next step, and without a traceback."""
    shutil.rmtree(site / "kclpy_jars" / "jars")
    result = _run(site, command)
    assert (result.returncode, result.stdout) == (1, "")
    assert "no jars in" in result.stderr
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_lock_that_cannot_be_read_is_named(site: Path) -> None:
    """The error has the path of the lock."""
    document = site / "kclpy_jars" / "jars" / LOCK_NAME
    document.write_text("{", encoding="utf-8")
    result = _run(site, "classpath")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{document}: not JSON" in result.stderr


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000], ids=["not UTF-8", "too deep"])
def test_a_lock_of_odd_bytes_is_named_too(site: Path, content: bytes) -> None:
    """Without a traceback."""
    document = site / "kclpy_jars" / "jars" / LOCK_NAME
    document.write_bytes(content)
    result = _run(site, "verify")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"kclpy_jars: {document}: not ")


@pytest.mark.parametrize("arguments", [(), ("nonsense",)])
def test_a_wrong_command_is_refused_on_stderr(site: Path, arguments: tuple[str, ...]) -> None:
    """No command, or an unknown one: exit code 2, and stdout stays empty."""
    result = _run(site, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "usage: python -m kclpy_jars" in result.stderr


def test_the_installed_jars_are_whole_and_of_a_committed_lock(package: Path) -> None:
    """What this environment really has is, byte for byte, what the repository's lock says."""
    assert kclpy_jars.verify() == ()
    committed = package / "locks" / f"{kclpy_jars.KCL_VERSION}.json"
    assert kclpy_jars.bundled_lock().dumps() == committed.read_text(encoding="utf-8")
    assert kclpy_jars.bundled_lock().daemon.main_class == kclpy_jars.MAIN_CLASS
    assert all(path.is_file() for path in kclpy_jars.jar_paths())
    assert kclpy_jars.sbom() == sbom_of(kclpy_jars.bundled_lock())
    assert kclpy_jars.license_expression() == expression(kclpy_jars.bundled_lock())
    texts = {path.name for path in kclpy_jars.license_files()}
    assert texts >= {"LICENSE", "NOTICE", "Apache-2.0.txt", f"{kclpy_jars.KCL_VERSION}.notices.txt"}


@pytest.mark.skipif(not shutil.which("java"), reason="there is no java on this machine")
def test_the_installed_class_path_starts_the_daemon() -> None:
    """A java finds the daemon on the class path, and the daemon asks for a properties file."""
    command = ["java", "-cp", kclpy_jars.class_path(), kclpy_jars.MAIN_CLASS]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert result.returncode == 1
    assert "properties file" in result.stdout + result.stderr
    assert "ClassNotFoundException" not in result.stderr


def test_public_names_are_those_that_are_promised() -> None:
    """Every name of __all__ exists, and an unknown one is an AttributeError as anywhere."""
    for name in kclpy_jars.__all__:
        assert getattr(kclpy_jars, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = kclpy_jars.nonsense


def test_what_nothing_foresaw_is_two_lines_and_exit_code_70(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was, and whom to tell; the traceback for who asks for it."""
    bundle = site / "kclpy_jars" / "bundle.py"
    bundle.write_text(
        bundle.read_text("utf-8") + "\n\ndef class_path(): raise ArithmeticError('not\\nforeseen')\n", "utf-8"
    )
    result = _run(site, "classpath")
    assert (result.returncode, result.stdout) == (70, "")
    assert result.stderr.splitlines() == [
        "kclpy_jars: unforeseen ArithmeticError: not",
        "Please report this to the issue tracker of kclpy; KCLPY_DEBUG=1 shows where it comes from.",
    ]
    monkeypatch.setenv("KCLPY_DEBUG", "1")
    debug = _run(site, "classpath")
    assert debug.stderr.startswith("Traceback (most recent call last):")
    assert (debug.returncode, debug.stderr.endswith(result.stderr)) == (70, True)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(site: Path) -> None:
    """Said once, with exit code 1, also where so little was written that only the end finds it out."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kclpy_jars", "path"],
            env=os.environ | {"PYTHONPATH": str(site)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "kclpy_jars: [Errno 28] No space left on device\n")
