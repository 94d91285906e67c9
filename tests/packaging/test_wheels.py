"""What ships: the files of each wheel, as a set, and the core wheel alone in a fresh environment."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "kclpy": {},
    "kclpy-core": {"src/kclpy": "kclpy", "src/amazon_kclpy": "amazon_kclpy"},
    "kclpy-helper": {"src/kclpy_helper": "kclpy_helper"},
    "kclpy-samples": {"src/kclpy_samples": "kclpy_samples"},
}
WITH_COMMANDS = {"kclpy-core", "kclpy-helper", "kclpy-samples"}


def folder_of(distribution: str) -> Path:
    return ROOT if distribution == "kclpy" else ROOT / "packages" / distribution


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """The wheel of each distribution, built by way of its sdist."""
    built = {}
    for distribution in PACKAGES:
        folder = tmp_path_factory.mktemp(distribution)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder_of(distribution)]
        subprocess.run(command, check=True, capture_output=True)
        (built[distribution],) = folder.glob("*.whl")
    return built


def tracked(folder: Path, target: str) -> set[str]:
    return {
        f"{target}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("distribution", PACKAGES)
def test_a_wheel_holds_its_packages_and_nothing_else(wheels, distribution):
    """The wheel's files are the package's own, its licence and notice, and the metadata."""
    wheel = wheels[distribution]
    metadata = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    expected = {f"{metadata}/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    expected |= {f"{metadata}/licenses/{name}" for name in ("LICENSE", "NOTICE")}
    if distribution in WITH_COMMANDS:
        expected.add(f"{metadata}/entry_points.txt")
    for source, target in PACKAGES[distribution].items():
        expected |= tracked(folder_of(distribution) / source, target)
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == expected
    assert wheel.name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("distribution", sorted(PACKAGES.keys() - {"kclpy"}))
def test_every_package_is_typed(wheels, distribution):
    """Each importable package carries `py.typed`."""
    with zipfile.ZipFile(wheels[distribution]) as archive:
        names = archive.namelist()
    for package in PACKAGES[distribution].values():
        assert f"{package}/py.typed" in names


SEED_PROGRAM = """
    from amazon_kclpy import kcl
    class RecordProcessor(kcl.RecordProcessorBase):
        def initialize(self, shard_id): ...
        def process_records(self, records, checkpointer): ...
        def shutdown(self, checkpointer, reason): ...
    if __name__ == "__main__":
        kcl.KCLProcess(RecordProcessor()).run()
"""
TRANSCRIPT = """\
{"action":"initialize","shardId":"shardId-000000000000","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}
{"action":"processRecords","records":[{"data":"aMOpbGxv","partitionKey":"k","sequenceNumber":"49",\
"approximateArrivalTimestamp":1700000000123,"subSequenceNumber":0,"action":"record"}],"millisBehindLatest":42}
{"action":"shutdown","reason":"TERMINATE"}
"""


def test_the_core_wheel_alone_runs_the_program_of_kcl_1(wheels, tmp_path):
    """Without a network, `pip install` of the core wheel adds one distribution, on which the first program runs."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = venv.EnvBuilder().ensure_directories(tmp_path / "venv").env_exe

    def pip(*arguments: str) -> list[str]:
        command = [python, "-m", "pip", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    before = pip("list", "--format=freeze")
    pip("install", "--no-index", "--quiet", str(wheels["kclpy-core"]))
    assert set(pip("list", "--format=freeze")) - set(before) == {"kclpy-core==1.0.0"}

    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(SEED_PROGRAM))
    done = subprocess.run([python, program], input=TRANSCRIPT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        '{"action":"status","responseFor":"initialize"}',
        '{"action":"status","responseFor":"processRecords"}',
        '{"action":"status","responseFor":"shutdown"}',
    ]
