"""Checks of the properties file and of the program that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper import aws
from kclpy_helper.check import check
from kclpy_helper.doctor.probe import SHARD_ID, probe_aside
from kclpy_helper.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_helper.doctor.examination import Examination

_NOT_PYTHON = "name an interpreter that is on PATH: executableName = python -m kclpy module:Processor"


def properties(examination: Examination) -> Iterator[Finding]:
    """What the daemon makes of the properties file."""
    app = examination.properties
    found = check(app, examination.kcl_version)
    yield from found
    if not found:
        yield Finding(Severity.OK, "properties", f"{len(app.values)} keys in {app.path}")


def executable(examination: Examination) -> Iterator[Finding]:
    """That the program is found, and answers the protocol."""
    app = examination.properties
    place = app.places.get("executableName")

    def fault(effect: str, remedy: str) -> Finding:
        return Finding(Severity.FAULT, "executable", effect, remedy, place)

    if not app.executable_name:
        yield fault(
            "executableName is not set: the daemon would not start", f"write into {app.path}: executableName = ..."
        )
        return
    try:
        answer = probe_aside(app, aws.kcl_line(examination.kcl_version), examination.seconds)
    except OSError as error:
        yield fault(f"'{app.executable_name}' cannot be started: {error}", _NOT_PYTHON)
        return
    left = f"; in {Path.cwd()} it wrote {', '.join(answer.left)}" if answer.left else ""
    said = (
        f"{left}. Its stderr ends with:\n{answer.stderr}" if answer.stderr else f"{left}; it writes nothing to stderr"
    )
    if answer.problem:
        remedy = f"run '{app.executable_name}' by hand; its program has to call kclpy.run"
        yield fault(f"'{app.executable_name}' {answer.problem}{said}", remedy)
    if answer.noise is not None:
        yield fault(
            f"'{app.executable_name}' writes to its stdout, which is the daemon's: {answer.noise[:200]!r}",
            "write to stderr, or run the processor with kclpy.run, which keeps stdout for the daemon",
        )
    if not answer.problem and answer.noise is None:
        effect = f"'{app.executable_name}' started, took and gave up {SHARD_ID}, and ended in {answer.seconds:.1f} s"
        yield Finding(Severity.OK, "executable", f"{effect}{left}")
