"""The credentials providers that a properties file names, as AwsCredentialsProviderPropertyValueDecoder reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kclpy_helper import aws_names
from kclpy_helper.findings import Severity
from kclpy_helper.keys import closest
from kclpy_helper.values import ENDS, Problem, region_problem

if TYPE_CHECKING:
    from kclpy_helper.keys import Table

_SUCCESSORS = {
    "DefaultAWSCredentialsProviderChain": "DefaultCredentialsProvider",
    "EC2ContainerCredentialsProviderWrapper": "ContainerCredentialsProvider",
    "STSAssumeRoleSessionCredentialsProvider": "StsAssumeRoleCredentialsProvider",
    "SystemPropertiesCredentialsProvider": "SystemPropertyCredentialsProvider",
    "WebIdentityTokenCredentialsProvider": "WebIdentityTokenFileCredentialsProvider",
}
"""The names in the AWS SDK for Java 2 of what has another one in 1."""
_ASSUMES_ROLE = "StsAssumeRoleCredentialsProvider"
_ASSUME_ROLE = (_ASSUMES_ROLE, "KclStsAssumeRoleCredentialsProvider", "STSAssumeRoleSessionCredentialsProvider")
"""Those whose arguments are the ARN of a role and the name of a session."""
_DEFAULTS = {1: "DefaultAWSCredentialsProviderChain"}
_SDK_1, _SDK_2 = "com.amazonaws.", "software.amazon.awssdk."


def problem_of(value: str, table: Table) -> Problem | None:
    """What is wrong with the credentials providers in ``value``.

    A class by its full name may be the user's own: only those of the other SDK are known not to work.
    """
    names = [element.partition("|")[0].strip() for element in value.split(",") if element.strip()]
    unknown = [name for name in names if not _is_known(name, table)]
    if names and not unknown:
        return next((problem for element in value.split(",") if (problem := _problem_of_role(element))), None)
    if len(unknown) < len(names):
        return Problem(
            Severity.WARNING, f"there is no provider {unknown[0]}: the daemon leaves it out", _remedy(unknown[0], table)
        )
    name = unknown[0] if unknown else ""
    return Problem(Severity.FAULT, f"there is no provider '{name}': {ENDS}", _remedy(name, table))


def _problem_of_role(element: str) -> Problem | None:
    name, *arguments = element.strip().split("|")
    if name.rpartition(".")[2] not in _ASSUME_ROLE:
        return None
    options = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    role, session = ([argument for argument in arguments if "=" not in argument] + ["", ""])[:2]
    for shape, what, text in (
        ("RoleARN", "ARN of a role", role),
        ("roleSessionNameType", "name of a session", session),
    ):
        if wanted := aws_names.wanted(shape, text):
            effect = f"AWS refuses '{text}' as the {what}: it takes {wanted}"
            return Problem(Severity.FAULT, effect, f"write {name}|arn:aws:iam::ACCOUNT:role/NAME|SESSION")
    region = options.get("endpointRegion") or options.get("endpoint", "").partition("^")[2]
    return region_problem(region) if region else None


def _is_known(name: str, table: Table) -> bool:
    if "." in name:
        return not name.startswith(_SDK_2 if table.line == 1 else _SDK_1)
    return name in table.providers or (name == _ASSUMES_ROLE and table.line > 1)


def _remedy(name: str, table: Table) -> str:
    short = name.rpartition(".")[2]
    others = _SUCCESSORS if table.line > 1 else {new: old for old, new in _SUCCESSORS.items()}
    if short in table.providers:
        return f"write {short}"
    successor = others.get(short)
    if known := successor if successor and _is_known(successor, table) else closest(short, table.providers):
        return f"write {known}"
    return f"write {_DEFAULTS.get(table.line, 'DefaultCredentialsProvider')}, or the full name of a class of your own"
