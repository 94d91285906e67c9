"""CPU time and memory of one shard's process: kclpy, kclpy with msgspec, and amazon_kclpy's own code.

The same program reads the same messages from a pipe in three environments, in turn, several rounds; printed are medians.
amazon_kclpy's code comes from the wheel of kclpy-ext, which carries it unchanged. The floor is a loop of the standard
library's own json.loads and a2b_base64 and nothing else.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import re
import statistics
import subprocess
import threading
import venv
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "packages/kclpy-core"
PEER = "amazon_kclpy"
ENVIRONMENTS = {PEER: "kclpy-ext==3.1.3.post4", "kclpy": str(CORE), "kclpy[speedups]": f"{CORE}[speedups]"}
FLOOR = "json.loads alone"
PAYLOAD_BYTES = 400_000_000
MOST_RECORDS = 600_000
MIB = 1024 * 1024
PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")
"""The peak of a process since it became its program; `ru_maxrss` would include the feeder that it was forked from."""


class Case(NamedTuple):
    """`batch` records of `size` bytes a message; a batch holds at most what one GetRecords call returns, 10 MiB."""

    name: str
    size: int
    batch: int

    @property
    def batches(self) -> int:
        records = min(MOST_RECORDS, PAYLOAD_BYTES // self.size)
        return max(1, records // self.batch)


CASES = [
    Case("100 B x 1,000", 100, 1_000),
    Case("100 B x 10,000", 100, 10_000),
    Case("1 KB x 1,000", 1_000, 1_000),
    Case("1 KB x 10,000", 1_000, 10_000),
    Case("50 KB x 200", 50_000, 200),
    Case("10 MiB x 1", 10 * MIB, 1),
]


class Usage(NamedTuple):
    """What a process used: CPU time, its children's and the feeder's not counted, and its peak memory."""

    cpu_seconds: float
    peak_rss_kib: float


def transcript(case: Case) -> list[bytes]:
    """What the daemon sends for `case`, with the replies to the program's checkpoints where they belong."""
    chance = random.Random(case.size)
    reply = {"action": "checkpoint", "sequenceNumber": None, "subSequenceNumber": None, "error": None}
    lines = [
        line({"action": "initialize", "shardId": "shardId-000000000000", "sequenceNumber": "0", "subSequenceNumber": 0})
    ]
    records = [
        {
            "data": base64.b64encode(chance.randbytes(case.size)).decode(),
            "partitionKey": f"partition-key-{index}",
            "sequenceNumber": str(49590338271490256608559692538361571095921575989136588898 + index),
            "approximateArrivalTimestamp": 1_700_000_000_000 + index,
            "subSequenceNumber": 0,
            "action": "record",
        }
        for index in range(case.batch)
    ]
    batch = line({"action": "processRecords", "records": records, "millisBehindLatest": 0})
    lines += [batch, line(reply)] * case.batches
    return [*lines, line({"action": "shardEnded"}), line(reply)]


def line(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def measure(python: Path, arguments: list[str], lines: list[bytes]) -> Usage:
    """The resources that `python` used, itself alone, to read `lines` from a pipe and answer."""
    process = subprocess.Popen(
        [python, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    answers: list[bytes] = []
    reader = threading.Thread(target=answers.extend, args=(process.stdout,))
    reader.start()
    for text in lines:
        process.stdin.write(text)
    process.stdin.close()
    peak = PEAK.search(process.stderr.read())
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    statuses = sum(b"status" in answer for answer in answers)
    expected = sum(b"checkpoint" not in text[:30] for text in lines)
    if process.returncode or statuses != expected or not peak:
        raise SystemExit(f"{python} answered {statuses} of {expected} messages and exited {process.returncode}")
    return Usage(usage.ru_utime + usage.ru_stime, int(peak[1]))


def idle(python: Path, code: str) -> Usage:
    """What a process costs that has imported its code and then meets the end of its stream."""
    tell = "print(open('/proc/self/status').read(), file=sys.stderr)"
    return measure(python, ["-c", f"import sys; {code}; sys.stdin.read(); {tell}"], [])


def environment(folder: Path, name: str) -> Path:
    """The interpreter of an environment of its own with `name` installed, its byte code compiled."""
    home = folder / name.replace("[", "-").rstrip("]")
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--compile"]
    if name == PEER:
        subprocess.run([*install, ENVIRONMENTS[name]], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "boto3"], check=True)
    else:
        subprocess.run([python, "-m", "pip", "install", "--quiet", ENVIRONMENTS[name]], check=True)
        subprocess.run([*install, str(CORE)], check=True)
    return python


def medians(rounds: int, pythons: dict[str, Path], lines: list[bytes]) -> dict[str, Usage]:
    programs = {name: (python, HERE / "program.py") for name, python in pythons.items()}
    programs[FLOOR] = (pythons[PEER], HERE / "floor.py")
    used: dict[str, list[Usage]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, (python, program) in programs.items():
            used[name].append(measure(python, [str(program)], lines))
    return {name: Usage(*map(statistics.median, zip(*runs, strict=True))) for name, runs in used.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="protocol", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="only the cases whose name starts so")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where the environments are kept")
    options = parser.parse_args()
    pythons = {name: environment(options.folder.resolve(), name) for name in ENVIRONMENTS}
    console = Console(width=110)

    table = Table("records", "code", "us/record", "MB/s", "peak RSS MiB", "times as fast", title="CPU time a record")
    for case in CASES:
        if options.only and not case.name.startswith(options.only):
            continue
        used = medians(options.rounds, pythons, transcript(case))
        count = case.batch * case.batches
        for name, usage in used.items():
            table.add_row(
                case.name,
                escape(name),
                f"{usage.cpu_seconds / count * 1e6:,.2f}",
                f"{count * case.size / usage.cpu_seconds / 1e6:,.0f}",
                f"{usage.peak_rss_kib / 1024:,.1f}",
                f"{used[PEER].cpu_seconds / usage.cpu_seconds:.2f}",
            )
        table.add_section()
    console.print(table)

    table = Table("code", "CPU ms", "RSS MiB", title="An idle child, over a bare interpreter")
    used_idle: dict[str, list[Usage]] = {name: [] for name in pythons}
    for _ in range(options.rounds * 4):
        for name, python in pythons.items():
            bare, loaded = idle(python, "pass"), idle(python, "from amazon_kclpy import kcl")
            used_idle[name].append(
                Usage(loaded.cpu_seconds - bare.cpu_seconds, loaded.peak_rss_kib - bare.peak_rss_kib)
            )
    for name, runs in used_idle.items():
        cpu, rss = map(statistics.median, zip(*runs, strict=True))
        table.add_row(escape(name), f"{cpu * 1e3:.1f}", f"{rss / 1024:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
