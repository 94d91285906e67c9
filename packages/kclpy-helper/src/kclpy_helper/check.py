"""Checks a properties file against what the MultiLangDaemon of a KCL makes of it."""

from __future__ import annotations

import os
import re
from configparser import Error as ConfigError
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper import aws_names, credentials, executable, keys, names, values
from kclpy_helper.findings import Finding, Severity
from kclpy_helper.properties import POLLING_KEYS, Place
from kclpy_helper.values import ENDS, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kclpy_helper.keys import Key, Table
    from kclpy_helper.properties import Properties

_CLIENTS = ("kinesisClient.", "dynamoDbClient.", "cloudWatchClient.")
_EXAMPLES = {
    "executableName": "python -m kclpy app:Processor",
    "applicationName": "my-app",
    "streamName": "my-stream",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "AWSCredentialsProvider": "DefaultAWSCredentialsProviderChain",
}
_EMPTY_IS_CHECKED_ELSEWHERE = ("executableName", "AwsCredentialsProvider", "AWSCredentialsProvider")
_FEW_THREADS = 10
_PROXY = "http.proxy"
_BELOW = {
    keys.BUILDER: "class = the full name of a class, in place of AwsCredentialsProvider",
    keys.CLIENT: "NAME = VALUE",
}
_POLLING_BEAN = "pollingConfig."
OLD_JARS = re.compile(r"amazon_kclpy\b.{0,40}\bjars\b")
"""The folder in which programs that were written for amazon_kclpy look for jars, as a path or put together."""


def check(app: Properties, kcl_version: str) -> tuple[Finding, ...]:
    """What is wrong with ``app`` for the daemon of ``kcl_version`` (as in ``3.1.3``), sorted by line.

    What concerns no line comes last. Raises :class:`~kclpy_helper.errors.UnknownKclError`.
    """
    file = _File(app, keys.table(kcl_version))
    found = (finding for rule in _RULES for finding in rule(file))
    return tuple(sorted(found, key=lambda finding: _line(finding.place)))


def _line(place: Place | None) -> float:
    return float("inf") if place is None or place.line is None else place.line


@dataclass(frozen=True)
class _File:
    app: Properties
    table: Table

    def known(self) -> Iterator[tuple[str, Key]]:
        """The names that the daemon knows, as they are written, and their keys."""
        for name in self.app.values:
            key = self.table.find(name)
            if key is not None:
                yield name, key

    def name_of(self, key: str) -> str | None:
        """The name by which the file sets a key."""
        return next((name for name, known in self.known() if known.name == key), None)

    def value_of(self, key: str) -> str:
        """The value of a key, without the spaces around it; ``""`` where it is not set."""
        return self.app.values.get(self.name_of(key) or "", "").strip()

    def finding(self, name: str, problem: Problem) -> Finding:
        return Finding(problem.severity, name, problem.effect, problem.remedy, self.place(name))

    def fault(self, name: str, effect: str, remedy: str) -> Finding:
        return self.finding(name, Problem(Severity.FAULT, effect, remedy))

    def warning(self, name: str, effect: str, remedy: str) -> Finding:
        return self.finding(name, Problem(Severity.WARNING, effect, remedy))

    def place(self, name: str) -> Place:
        return self.app.places.get(name, Place(str(self.app.path)))


def _unknown_keys(file: _File) -> Iterator[Finding]:
    table = file.table
    daemon = f"KCL {table.kcl_version} does not know this key"
    for name in file.app.values:
        if table.find(name) is not None or table.is_open(name) or _is_old_launcher(file, name):
            continue
        remedy = table.advice(name) or "remove the line"
        if key := table.in_other_letters(name):
            yield file.fault(name, f"{daemon} in this case of letters, and ignores it", f"write {key}")
        elif name in table.keys:
            effect = "it sets nothing by itself, and the daemon ignores it"
            yield file.warning(name, effect, f"write {name}.{_BELOW[table.keys[name].kind]}, or remove the line")
        elif other := keys.find_in_any(name):
            effect = f"it is a key of {keys.whereabouts(other)}: KCL {table.kcl_version} ignores it"
            instead = next((key.instead for key in keys.every_key()[other].values()), "")
            say = file.warning if name.startswith(_PROXY) else file.fault
            yield say(name, effect, f"write {instead}" if instead in table.keys else remedy)
        elif name.startswith(_CLIENTS) and table.line > 1:
            yield file.fault(name, f"{daemon}: {ENDS}", remedy)
        else:
            yield file.fault(name, f"{daemon}, and ignores it", remedy)


def _old_launcher(file: _File) -> Iterator[Finding]:
    for name in file.app.values:
        if _is_old_launcher(file, name):
            effect = "amazon_kclpy/jars has no jars here: java would end with ClassNotFoundException"
            yield file.fault(
                name, effect, "start the daemon by kclpy-helper run FILE; docs/migrating.md has other ways"
            )


def _is_old_launcher(file: _File, name: str) -> bool:
    """Whether a line is of a program that starts java on the jars in amazon_kclpy, or names them itself."""
    return OLD_JARS.search(f"{name} {file.app.values[name]}") is not None


def _values(file: _File) -> Iterator[Finding]:
    for name, key in file.known():
        problem = values.problem_of(key, file.app.values[name], file.table.line)
        if problem is not None:
            yield file.finding(name, problem)
        elif key.no_effect:
            yield file.warning(name, f"it has no effect: {key.no_effect}", "remove the line")


def _required(file: _File) -> Iterator[Finding]:
    for key in file.table.keys.values():
        name = file.name_of(key.name)
        if not key.required or (name and (key.name in _EMPTY_IS_CHECKED_ELSEWHERE or file.value_of(key.name))):
            continue
        if key.name == "streamName" and file.value_of("streamArn"):
            continue
        if key.name == "AwsCredentialsProvider" and _has_below(file, "kinesisCredentialsProvider"):
            continue
        effect = f"it is required: without it {ENDS}"
        yield file.fault(name or key.name, effect, f"write {key.name} = {_EXAMPLES[key.name]}")


def _has_below(file: _File, key: str) -> bool:
    return any(name.startswith(f"{key}.") for name in file.app.values)


def _set_twice(file: _File) -> Iterator[Finding]:
    for name, places in file.app.overridden.items():
        for place in places:
            effect = f"it is set again in line {file.place(name).line}, and the last one counts"
            yield Finding(Severity.WARNING, name, effect, "remove one of the lines", place)
    first: dict[str, str] = {}
    for name, key in file.known():
        other = first.setdefault(key.name, name)
        if other == name:
            continue
        if key.name.startswith("AwsCredentialsProvider"):
            effect = f"it is the same as {other}, and with both of them {ENDS}"
            yield file.fault(name, effect, "remove one of the lines")
        else:
            yield file.warning(
                name, f"it is the same as {other}: which of them counts is chance", "remove one of the lines"
            )


def _executable(file: _File) -> Iterator[Finding]:
    if "executableName" in file.app.values:
        yield from (
            file.finding("executableName", problem) for problem in executable.problems_of(file.app.executable_name)
        )


def _credentials(file: _File) -> Iterator[Finding]:
    for name, key in file.known():
        if key.name.lower().startswith("awscredentialsprovider"):
            problem = credentials.problem_of(file.app.values[name], file.table)
            if problem is not None:
                yield file.finding(name, problem)
    if file.name_of("AwsCredentialsProvider") and _has_below(file, "kinesisCredentialsProvider"):
        name = next(name for name in file.app.values if name.startswith("kinesisCredentialsProvider."))
        yield file.fault(name, f"beside AwsCredentialsProvider: {ENDS}", "remove one of the two")


def _region(file: _File) -> Iterator[Finding]:
    if (
        file.table.line == 1
        or file.name_of("regionName")
        or all(file.name_of(f"{client}region") for client in _CLIENTS)
    ):
        return
    found = os.environ.get("AWS_REGION") or _region_of_profile()
    if found and (problem := values.region_problem(found)):
        yield file.warning("regionName", f"AWS_REGION or the AWS profile says {problem.effect}", problem.remedy)
    if not found:
        effect = f"it is not set, and neither AWS_REGION nor the AWS profile has a region: {ENDS}"
        yield file.warning(
            "regionName", f"{effect}, unless it runs on EC2", "write regionName = us-east-1, or your own"
        )


def _region_of_profile() -> str | None:
    """As the AWS SDK for Java finds it: AWS_DEFAULT_REGION is not asked."""
    config = RawConfigParser(strict=False)
    with suppress(OSError, ConfigError, UnicodeDecodeError, RuntimeError):  # there may be no home
        config.read_string(Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser().read_text("utf-8"))
    profile = os.environ.get("AWS_PROFILE") or "default"
    sections = (profile, f"profile {profile}")
    return next((region for section in sections if (region := config.get(section, "region", fallback=None))), None)


def _names(file: _File) -> Iterator[Finding]:
    values_by_key = {key.name: file.app.values[name] for name, key in file.known()}
    if file.table.line == 1:  # which trims them
        values_by_key = {key: value.strip() for key, value in values_by_key.items()}
    for key, problem in names.problems_of(replace(file.app, values=values_by_key), file.table.kcl_version):
        yield file.finding(file.name_of(key) or key, problem)


def _stream(file: _File) -> Iterator[Finding]:
    arn, name = file.value_of("streamArn"), file.value_of("streamName")
    if not arn:
        return
    if wanted := aws_names.wanted("StreamARN", arn):
        effect = f"'{arn}' is not the ARN of a stream, which is {wanted}: {ENDS}"
        yield file.fault("streamArn", effect, "write arn:aws:kinesis:REGION:ACCOUNT:stream/NAME")
        return
    parts = arn.split(":", 5)
    of_arn = parts[5].removeprefix("stream/")
    if problem := values.region_problem(parts[3]):
        yield file.finding("streamArn", problem)
    if name and name != of_arn:
        yield file.warning(
            "streamName", f"streamArn takes precedence: the daemon reads {of_arn}", "remove one of the two"
        )
    region = file.value_of("regionName")
    if region and region != parts[3]:
        effect = f"only the name is taken from it: the daemon reads {of_arn} in {region}, not in {parts[3]}"
        yield file.warning("streamArn", effect, f"write regionName = {parts[3]}, or use streamName instead")


def _retrieval(file: _File) -> Iterator[Finding]:
    if file.table.line == 1:
        return
    mode = file.value_of("retrievalMode").upper() or "DEFAULT"
    polling = [(name, key) for name, key in file.known() if key.name.removeprefix(_POLLING_BEAN) in POLLING_KEYS]
    effective = [
        name for name, key in polling if key.kind == "Integer" or values.integer(file.app.values[name].strip())
    ]
    for name, _ in polling:
        if mode == "FANOUT":
            yield file.warning(name, "it is for POLLING, and has no effect with FANOUT", "remove the line")
        elif mode == "DEFAULT" and name in effective:
            effect = "it is for POLLING, and turns DEFAULT from fan-out into polling"
            yield file.warning(name, effect, "write retrievalMode = POLLING, or remove the line")
    if mode == "POLLING" or (mode == "DEFAULT" and effective):
        for name in file.app.values:
            if name.startswith("fanoutConfig.") and file.table.find(name):
                yield file.warning(name, "it is for fan-out, and has no effect with polling", "remove the line")


def _initial_position(file: _File) -> Iterator[Finding]:
    if file.name_of("initialPositionInStream"):
        for key in ("initialPositionInStreamExtended", "timestampAtInitialPositionInStream"):
            if name := file.name_of(key):
                effect = "beside initialPositionInStream it is chance which of the two counts"
                yield file.warning(name, effect, "remove one of the two")


def _shutdown_grace(file: _File) -> Iterator[Finding]:
    if file.table.line > 1 and not file.name_of("shutdownGraceMillis"):
        effect = "it is not set, so that no record processor sees shutdownRequested when the daemon is told to end"
        yield file.warning("shutdownGraceMillis", effect, "write shutdownGraceMillis = 15000")


def _threads(file: _File) -> Iterator[Finding]:
    threads = values.integer(file.app.values.get("maxActiveThreads", "")) or 0
    if 0 < threads < _FEW_THREADS:
        effect = f"{threads} threads are for the daemon and all of its shards: too few stop it for good"
        yield file.warning("maxActiveThreads", effect, "remove the line: without it there is no limit")


_RULES: tuple[Callable[[_File], Iterator[Finding]], ...] = (
    _unknown_keys,
    _old_launcher,
    _values,
    _required,
    _set_twice,
    _executable,
    _credentials,
    _region,
    _names,
    _stream,
    _retrieval,
    _initial_position,
    _shutdown_grace,
    _threads,
)
