"""Stops under load on the real daemon and a local AWS, counted by a ledger: each record comes once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a daemon cannot be asked to end there"),
    pytest.mark.timeout(400),
]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("program", ["kclpy", "amazon_kclpy"])
def test_a_shard_that_is_taken_up_again_during_a_stop_brings_no_record_twice(program: str) -> None:
    """The daemon takes the quick shard up again while the slow one is busy; the program checkpoints in its stop only."""
    options = ["--stops", "2", "--applications", "1", "--busy", "8", "--properties", "init", "--program", program]
    command = [sys.executable, "-m", "tests.faults.stops", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "duplicates 0\nlost 0" in done.stdout
    assert re.search(r"a shard was taken up again in vain: [12]", done.stdout), "nothing was put to the test"
