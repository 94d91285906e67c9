"""The checks in their order, and what each of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.doctor import application, cloud, installation, network
from kclpy_helper.errors import HelperError
from kclpy_helper.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kclpy_helper.doctor.examination import Examination


class Check(NamedTuple):
    """One check: it is skipped where one that it ``needs`` failed or was skipped itself."""

    name: str
    findings: Callable[[Examination], Iterable[Finding]]
    needs: tuple[str, ...] = ()


INSTALLATION = (
    Check("Python", installation.python),
    Check("distributions", installation.distributions),
    Check("amazon_kclpy", installation.old_distributions),
    Check("KCL", installation.kcl),
    Check("jars", installation.jars, ("KCL",)),
    Check("Java", installation.java, ("KCL",)),
)
"""What can be checked without a properties file."""

APPLICATION = (
    Check("properties", application.properties, ("KCL",)),
    Check("executable", application.executable, ("KCL",)),
    Check("boto3", cloud.boto3_installed, ("KCL",)),
    Check("region", cloud.region, ("boto3",)),
    Check("credentials", cloud.credentials, ("region",)),
    Check("stream", cloud.stream, ("credentials",)),
    Check("tables", cloud.tables, ("credentials",)),
    Check("permissions", cloud.permissions, ("stream", "tables")),
    Check("HTTP/2", network.http2, ("region",)),
    Check("certificate", network.certificates, ("region",)),
    Check("proxy", network.proxy, ("region",)),
    Check("clock", cloud.clock, ("credentials",)),
)


def examine(examination: Examination) -> Iterator[Finding]:
    """Make the checks one after the other; those of the application only where there is one.

    What a check raises on purpose is a fault.
    """
    unmet = set()
    for check in INSTALLATION + (APPLICATION if examination.app else ()):
        obstacle = next((name for name in check.needs if name in unmet), None)
        if obstacle:
            found = [Finding(Severity.SKIPPED, check.name, f"skipped because of {obstacle}")]
        else:
            found = _made(check, examination)
        if any(finding.severity in {Severity.FAULT, Severity.SKIPPED} for finding in found):
            unmet.add(check.name)
        yield from found


def _made(check: Check, examination: Examination) -> list[Finding]:
    try:
        return list(check.findings(examination))
    except HelperError as error:
        effect, _, remedy = str(error).partition("\nNext: ")
        return [Finding(Severity.FAULT, check.name, effect, remedy)]
