"""``kclpy-helper doctor``: whether an application can run here, and its least IAM policy."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from kclpy_helper import properties
from kclpy_helper.findings import Severity
from kclpy_helper.printable import printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from kclpy_helper.doctor import Examination
    from kclpy_helper.findings import Finding

_STYLES = {
    Severity.OK: ("✓", "green"),
    Severity.WARNING: ("!", "yellow"),
    Severity.FAULT: ("✗", "bold red"),
    Severity.SKIPPED: ("-", "dim"),
}


@click.command(
    "doctor",
    short_help="Check that an application can run here, and print its least IAM policy.",
)
@click.argument("file", type=click.Path(), required=False, metavar="[FILE]")
@click.option("--sample", is_flag=True, help="Examine the sample.properties of kclpy-samples.")
@click.option("-j", "--java", metavar="PATH_TO_JAVA", help="The java executable that the daemon is to run with.")
@click.option(
    "--jvm-option",
    "jvm_options",
    multiple=True,
    metavar="OPTION",
    help="As for run: what the JVM trusts may depend on it.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="How long the executable may take to start, answer and end.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--iam-policy", is_flag=True, help="Print the least IAM policy for the application, and check nothing.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    file: str | None,
    sample: bool,
    java: str | None,
    jvm_options: tuple[str, ...],
    seconds: float,
    as_json: bool,
    iam_policy: bool,
) -> None:
    """Check what the application of the properties file FILE needs, and say how to correct what is wrong.

    Without FILE: what is installed. The application's own program is started, for a shard that does not exist; it gets
    no records. AWS is only read from. The exit code is 1 where something would keep the daemon from running.

    \b
    kclpy-helper doctor
    kclpy-helper doctor app.properties
    kclpy-helper doctor app.properties --json
    kclpy-helper doctor app.properties --iam-policy > policy.json
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)
    from kclpy_helper.doctor import Examination, examine

    if sample and file:
        raise click.UsageError("FILE or --sample, not both.", ctx)
    path = properties.sample() if sample else file
    examination = Examination(properties.read(path) if path else None, java, seconds, jvm_options)
    if iam_policy:
        if path is None:
            raise click.UsageError("--iam-policy needs FILE, or --sample.", ctx)
        _print_policy(examination)
        return
    if as_json:
        findings = list(examine(examination))
        document = {"file": examination.app and str(examination.app.path), "findings": list(map(_document, findings))}
        click.echo(json.dumps(document, indent=2))
    else:
        findings = _show_all(examine(examination))
        if path is None:
            click.echo("Next: 'kclpy-helper doctor FILE' examines an application as well.", err=True)
    if any(finding.severity is Severity.FAULT for finding in findings):
        sys.exit(1)


def _print_policy(examination: Examination) -> None:
    from kclpy_helper import iam
    from kclpy_helper.classpath import bundled_lock
    from kclpy_helper.doctor.cloud import least_policy
    from kclpy_helper.errors import HelperError

    try:
        examination.kcl_version = bundled_lock().kcl_version
    except HelperError as error:
        click.echo(f"warning: {error}\nThis policy is for KCL {examination.kcl_version}.", err=True)
    statements = least_policy(examination)
    click.echo(json.dumps(iam.policy(statements), indent=2))
    if "*" in statements[0].resource:
        click.echo("warning: the account or the region could not be found out; '*' stands for it.", err=True)


def _show_all(findings: Iterable[Finding]) -> list[Finding]:
    """Show each as soon as it is there."""
    from rich.console import Console

    console = Console()
    shown = []
    with console.status("examining"):  # shows nothing off a terminal
        for finding in findings:
            console.print(_row(finding, console)) if console.is_terminal else click.echo(_lines(finding))
            shown.append(finding)
    return shown


def _row(finding: Finding, console: Console) -> Table:
    from rich.table import Table
    from rich.text import Text

    mark, style = _STYLES[finding.severity]
    verdict = finding.severity.value if console.options.ascii_only else f"{mark} {finding.severity.value}"
    row = Table.grid(padding=(0, 1))
    row.add_column(width=9, style=style)
    row.add_column(width=16, style="bold")
    row.add_column(overflow="fold")  # a path stays whole
    row.add_row(verdict, Text(finding.subject), Text(printable_lines(_effect(finding))))
    if finding.remedy:
        row.add_row("", "", Text(printable_lines(f"Next: {finding.remedy}")))
    return row


def _lines(finding: Finding) -> str:
    remedy = f"\n  Next: {finding.remedy}" if finding.remedy else ""
    return printable_lines(f"{finding.severity.value}: {finding.subject}: {_effect(finding)}{remedy}")


def _effect(finding: Finding) -> str:
    return f"{finding.place}: {finding.effect}" if finding.place else finding.effect


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "line": finding.place and finding.place.line,
        "subject": finding.subject,
        "severity": finding.severity.value,
        "effect": finding.effect,
        "remedy": finding.remedy,
    }
