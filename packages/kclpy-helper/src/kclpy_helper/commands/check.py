"""``kclpy-helper check``: what is wrong with a properties file, and what a property key is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kclpy_helper.findings import Finding

_STYLES = {"fault": "bold red", "warning": "yellow", "skipped": "dim"}


@click.command()
@click.argument("file", type=click.Path(), required=False)
@click.option("--kcl-version", type=click.Choice(["1", "2", "3"]), help="The KCL line. Without it: that of kclpy-jars.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--explain", metavar="KEY", help="Say what this property key is, instead.")
def command(*, file: str | None, kcl_version: str | None, as_json: bool, explain: str | None) -> None:
    """Check a properties file as the MultiLangDaemon reads it. Starts nothing, and asks no network.

    Exits 1 if there is a fault: what ends the daemon, or is not taken as it is meant. A warning is for what works, and is
    probably not wanted; skipped is what cannot be told from here.

    \b
    kclpy-helper check app.properties
    kclpy-helper check --json --kcl-version 2 app.properties
    kclpy-helper check --explain shutdownGraceMillis
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)
    if explain is not None:
        from kclpy_helper import explanation

        of_key = explanation.explain(explain)
        click.echo("\n  ".join([f"{of_key.name}: {of_key.sentence}", *of_key.details]))
        return
    if file is None:
        raise click.UsageError("name a properties file, or a key with --explain.")
    from kclpy_helper import check, keys, properties

    app = properties.read(file)
    version = _bundled_version() if kcl_version is None else keys.lines()[int(kcl_version)]
    findings = check.check(app, version)
    faults = sum(finding.severity.value == "fault" for finding in findings)
    if as_json:
        document = {"file": str(app.path), "kcl_version": version, "findings": list(map(_document, findings))}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(findings)
        warnings = sum(finding.severity.value == "warning" for finding in findings)
        counts = f"{_count(faults, 'fault')} and {_count(warnings, 'warning')}"
        click.echo(f"{app.path}, for KCL {version}: {counts if findings else 'nothing to find fault with'}.", err=True)
    sys.exit(1 if faults else 0)


def _bundled_version() -> str:
    """The KCL of kclpy-jars, or without them the newest that there is a table of."""
    from kclpy_helper import classpath, keys
    from kclpy_helper.errors import JarsUnusableError, NotInstalledError

    try:
        return classpath.bundled_lock().kcl_version
    except (NotInstalledError, JarsUnusableError):
        return keys.lines()[max(keys.lines())]


def _document(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.place and finding.place.line,
        "key": finding.subject,
        "severity": finding.severity.value,
        "effect": finding.effect,
        "remedy": finding.remedy,
    }


def _print(findings: tuple[Finding, ...]) -> None:
    from rich.console import Console
    from rich.text import Text

    from kclpy_helper.printable import printable

    console = Console(soft_wrap=True)
    for finding in findings:
        severity = finding.severity.value
        console.print(
            Text.assemble(
                (f"{finding.place}: ", "dim"),
                (severity, _STYLES[severity]),
                ": ",
                (printable(finding.subject), "bold"),
                f": {printable(finding.effect)}",
            )
        )
        console.print(Text(f"    {printable(finding.remedy)}"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
