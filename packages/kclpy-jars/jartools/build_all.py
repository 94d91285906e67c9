"""``hatch run build-jars``: the wheel and the sdist of every lock, into one folder."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from jartools.locks import LOCKS, VARIABLE, locks


def main() -> int:
    parser = argparse.ArgumentParser(prog="build-jars", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the wheels and sdists go")
    folder = parser.parse_args().folder
    for lock in locks():
        print(f"kclpy-jars {lock.version}", file=sys.stderr)
        command = [sys.executable, "-m", "build", "--outdir", str(folder), str(LOCKS.parent)]
        code = subprocess.run(command, env=os.environ | {VARIABLE: lock.version}, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
