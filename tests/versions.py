"""Run the tests of kclpy-core on every CPython from 3.10 on that is on this machine: `hatch run versions`.

Looked for are `python3.N` on the path and what pyenv has installed; each gets an environment of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 10)


def interpreters() -> dict[tuple[int, int], Path]:
    """One interpreter a minor version, by version."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [*pyenv.glob("versions/*/bin/python"), *(shutil.which(f"python3.{minor}") for minor in range(10, 30))]
    found = {}
    for candidate in filter(None, candidates):
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"Python (\d+)\.(\d+)\.\d+$", done.stdout.strip())
        if version and (key := (int(version[1]), int(version[2]))) >= OLDEST:
            found[key] = Path(candidate)
    return dict(sorted(found.items()))


def main() -> int:
    """Print a line for each version, and say how many of them failed."""
    failed = []
    for version, python in interpreters().items():
        name = ".".join(map(str, version))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([python, "-m", "venv", folder], check=True)
            inside = next(Path(folder).glob("[bS]*/python*"))
            packages = ["hypothesis", "msgspec", "pytest", "pytest-timeout", str(ROOT / "packages/kclpy-core")]
            subprocess.run([inside, "-m", "pip", "install", "--quiet", *packages], check=True)
            print(f"== CPython {name}", flush=True)
            tests = subprocess.run([inside, "-m", "pytest", "-q", "tests/kclpy-core"], cwd=ROOT, check=False)
        if tests.returncode:
            failed.append(name)
    print(f"failed on {', '.join(failed)}" if failed else "passed on all of them")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
