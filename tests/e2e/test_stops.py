"""Stops under load on the real daemon and a local AWS, counted by a ledger: each record comes once."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a daemon cannot be asked to end there"),
    pytest.mark.timeout(400),
]

ROOT = Path(__file__).parents[2]
PROGRAMS = ("kclpy", "amazon_kclpy")
STOPS = ("-m", "tests.faults.stops", "--stops", "2", "--applications", "1", "--busy", "8", "--program")


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """Two stops of each kind of program; they run side by side, because they mostly wait."""

    def stop(program: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *STOPS, program]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor() as pool:
        yield {program: pool.submit(stop, program) for program in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_shard_that_is_taken_up_again_during_a_stop_brings_no_record_twice(
    program: str, runs: dict[str, Future[subprocess.CompletedProcess[str]]]
) -> None:
    """The daemon takes the quick shard up again while the slow one is busy; the program checkpoints in its stop only."""
    done = runs[program].result()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "duplicates 0\nlost 0" in done.stdout
    assert re.search(r"a shard was taken up again in vain: [12]", done.stdout), "nothing was put to the test"
