"""The lock: which jars make the class path of one KCL's MultiLangDaemon, byte for byte.

A lock is a JSON document (``locks/VERSION.json``; ``jars/lock.json`` where the jars are), read by
the build, by the locking task and at run time. Reading is total: a document becomes a
:class:`Lock`, or a :class:`~kclpy_jars.errors.LockError` that says where it is wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from kclpy_jars.errors import LayoutError, LockError

SCHEMA = 2
"""The version of the document's layout; a lock of another one is a LayoutError."""

LOCK_NAME = "lock.json"
"""The lock's name in a folder of jars."""

_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LICENSE = re.compile(r"[A-Za-z0-9.-]+( OR [A-Za-z0-9.-]+)*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """Which jar: its Maven coordinates."""

    group: str
    artifact: str
    version: str
    classifier: str | None

    def __str__(self) -> str:
        return ":".join(filter(None, (self.group, self.artifact, self.version, self.classifier)))

    @property
    def filename(self) -> str:
        """Its name in a Maven repository and in the wheel: ``netty-common-4.1.124.Final.jar``."""
        return "-".join(filter(None, (self.artifact, self.version, self.classifier))) + ".jar"

    @property
    def maven_path(self) -> str:
        """Where every Maven repository keeps it, relative to the repository's root."""
        return "/".join((*self.group.split("."), self.artifact, self.version, self.filename))


@dataclass(frozen=True, slots=True)
class Jar(Artifact):
    """One jar, byte for byte: its size in bytes, and its SHA-256 in lower-case hexadecimal.

    ``license`` is an SPDX identifier, or several joined by `` OR ``. ``class_file`` is the version of its newest class
    file, such as 52 for Java 8; None if it has no class.
    """

    size: int
    sha256: str
    license: str
    class_file: int | None

    __str__ = Artifact.__str__


@dataclass(frozen=True, slots=True)
class Daemon:
    """How the MultiLangDaemon is started.

    An option is the word to put before a file. None means that the file stands alone (the
    properties file of KCL 1.x), or that the daemon takes none (the log configuration of KCL 1.x).
    """

    main_class: str
    properties_option: str | None
    log_configuration_option: str | None


@dataclass(frozen=True, slots=True)
class Lock:
    """The jars of one KCL version, ordered by their coordinates: the order of the class path.

    ``version`` is the distribution's: the KCL's, or the same with ``.postN``. ``end_of_support`` is the day on which
    AWS ends the support of this KCL, as YYYY-MM-DD; None if none was announced.
    """

    version: str
    kcl_version: str
    end_of_support: str | None
    daemon: Daemon
    jars: tuple[Jar, ...]

    @property
    def java(self) -> int:
        """The oldest Java that can read all of the jars, such as 8."""
        return max(jar.class_file or 0 for jar in self.jars) - 44

    @property
    def support_warning(self) -> str | None:
        """What people should be told who use a KCL whose support ends; None if there is nothing to tell."""
        if self.end_of_support is None:
            return None
        return (
            f"KCL {self.kcl_version}: AWS ended its support on {self.end_of_support}, and mends nothing in it since. "
            "The same record processor runs with the kclpy-jars of KCL 3"
        )

    def dumps(self) -> str:
        """The document: the same text for equal locks."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, sort_keys=True) + "\n"


def loads(text: str, source: str) -> Lock:
    """The lock in ``text``; ``source`` names it in errors. Raises LockError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError(source, "", f"not JSON: {error}") from None
    root = _Object(document, source)
    if (schema := root.integer("schema")) != SCHEMA:
        raise LayoutError(source, "schema", f"{schema}, but this kclpy-jars reads {SCHEMA}: install it again")
    lock = Lock(
        kcl_version=root.token("kcl_version"),
        version=root.token("version"),
        end_of_support=root.matching_or_none("end_of_support", _DATE, "YYYY-MM-DD"),
        daemon=_daemon(root.object("daemon")),
        jars=tuple(_jar(entry) for entry in root.objects("jars")),
    )
    root.end()
    if not re.fullmatch(re.escape(lock.kcl_version) + r"(\.post\d+)?", lock.version):
        raise root.error("version", f"{lock.version} is not {lock.kcl_version} or a .postN of it")
    _check_order(lock.jars, root)
    return lock


def _daemon(entry: _Object) -> Daemon:
    daemon = Daemon(
        main_class=entry.token("main_class"),
        properties_option=entry.text_or_none("properties_option"),
        log_configuration_option=entry.text_or_none("log_configuration_option"),
    )
    entry.end()
    return daemon


def _jar(entry: _Object) -> Jar:
    jar = Jar(
        group=entry.token("group"),
        artifact=entry.token("artifact"),
        version=entry.token("version"),
        classifier=entry.token_or_none("classifier"),
        size=entry.integer("size"),
        sha256=entry.matching("sha256", _SHA256, "64 lower-case hexadecimal digits"),
        license=entry.matching("license", _LICENSE, "SPDX identifiers joined by OR"),
        class_file=entry.integer_or_none("class_file"),
    )
    entry.end()
    return jar


def _check_order(jars: tuple[Jar, ...], root: _Object) -> None:
    if not jars:
        raise root.error("jars", "empty")
    filenames: set[str] = set()
    for i, jar in enumerate(jars):
        if jar.filename in filenames:
            raise root.error(f"jars[{i}]", f"a second {jar.filename}")
        filenames.add(jar.filename)
        if i and str(jar) < str(jars[i - 1]):
            raise root.error(f"jars[{i}]", f"{jar} belongs before {jars[i - 1]}")


class _Object:
    """A JSON object that is read key by key, and knows its place in the document."""

    def __init__(self, value: Any, source: str, where: str = "") -> None:
        self._source = source
        self._where = where
        if not isinstance(value, dict):
            raise LockError(source, where, f"an object is wanted, not {type(value).__name__}")
        self._left: dict[str, Any] = dict(value)

    def _place(self, key: str) -> str:
        return ".".join(filter(None, (self._where, key)))

    def error(self, key: str, problem: str) -> LockError:
        return LockError(self._source, self._place(key), problem)

    def _take(self, key: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        if key not in self._left:
            raise self.error(key, "missing")
        value = self._left.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(key, f"{wanted} is wanted, not {value!r}")
        return value

    def _take_null(self, key: str) -> bool:
        null = self._left.get(key, key) is None
        if null:
            del self._left[key]
        return null

    def integer(self, key: str) -> int:
        value: int = self._take(key, int, "a whole number")
        if value < 0:
            raise self.error(key, f"{value} is negative")
        return value

    def integer_or_none(self, key: str) -> int | None:
        return None if self._take_null(key) else self.integer(key)

    def matching(self, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        value: str = self._take(key, str, wanted)
        if not pattern.fullmatch(value):
            raise self.error(key, f"{wanted} are wanted, not {value!r}")
        return value

    def matching_or_none(self, key: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        return None if self._take_null(key) else self.matching(key, pattern, wanted)

    def token(self, key: str) -> str:
        # A token becomes part of a path and of an address: no slash, no space, no leading dot.
        return self.matching(key, _TOKEN, "letters, digits and _.+-")

    def token_or_none(self, key: str) -> str | None:
        return None if self._take_null(key) else self.token(key)

    def text_or_none(self, key: str) -> str | None:
        value: str | None = self._take(key, (str, type(None)), "text or null")
        return value

    def object(self, key: str) -> _Object:
        return _Object(self._take(key, dict, "an object"), self._source, self._place(key))

    def objects(self, key: str) -> list[_Object]:
        entries = enumerate(self._take(key, list, "a list"))
        return [_Object(entry, self._source, f"{self._place(key)}[{i}]") for i, entry in entries]

    def end(self) -> None:
        """Everything must have been read: what a reader does not know, it must not pass over."""
        for key in self._left:
            raise self.error(key, "unknown")
