"""What the daemon makes of one value.

KCL 2 and 3 convert texts by commons-beanutils and the converters of MultiLangDaemonConfiguration, KCL 1 by the decoders of
KinesisClientLibConfigurator. All of it was tried on the classes of 3.1.3 and 1.15.3.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from kclpy_helper.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from kclpy_helper.keys import Key

_BITS = {"int": 31, "Integer": 31, "long": 63, "Long": 63}
_NOT_SET_IF_ZERO = ("int", "long", "double")
"""ConfigurationSettableUtils does not pass a primitive on that has its type's default value."""
_TRUE = ("true", "yes", "y", "on", "1")
_FALSE = ("false", "no", "n", "off", "0")
_DOUBLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[df]?", re.IGNORECASE)
_DURATION = re.compile(r"P(?!$)(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.IGNORECASE)
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-\d+")
_TEXTS = ("String", "String[]", "Set")
_ENDS = "the daemon ends at its start"


class Problem(NamedTuple):
    """What is wrong with a value; the fields are a :class:`~kclpy_helper.findings.Finding`'s."""

    severity: Severity
    effect: str
    remedy: str


def problem_of(key: Key, value: str, line: int) -> Problem | None:
    """What the daemon of this KCL line makes of ``value``, where that is not what was meant."""
    if key.name.endswith(("Endpoint", "endpointOverride")):
        return _endpoint(value)
    if line != 1 and key.name.partition(".")[0].endswith("Client"):
        return _PARTS_OF_A_CLIENT.get(key.kind, _no_text)(key, value, line)
    if key.allowed:
        return _enum(key, value, line)
    return _KINDS.get(key.kind, _text)(key, value, line)


def integer(value: str) -> int | None:
    """A number as Java reads it, or None."""
    return int(value) if re.fullmatch(r"[+-]?[0-9]+", value) else None


def _fault(effect: str, remedy: str) -> Problem:
    return Problem(Severity.FAULT, effect, remedy)


def _stays(key: Key) -> str:
    return f"which leaves the default, {key.default}" if key.default else "as if it were not there"


def _integer(key: Key, value: str, line: int) -> Problem | None:
    """BeanUtils trims numbers, KCL 1 and Integer.parseInt do not."""
    number = integer(value if line == 1 or key.read_by_name else value.strip())
    if number is not None and not -(2 ** _BITS[key.kind]) <= number < 2 ** _BITS[key.kind]:
        number = None
    remedy = f"write a whole number{f' of {key.unit}' if key.unit else ''}, without spaces or units"
    if key.default:
        remedy += f", or remove the line for the default, {key.default}"
    if key.read_by_name:
        return None if number is not None else _fault(f"'{value}' is no number: {_ENDS}", remedy)
    if key.name == "timeoutInSeconds" and (number or 0) <= 0 and not (line == 1 and number is None):
        return _fault(f"'{value}' is read as a limit of {number or 0}: the daemon halts at the first message", remedy)
    if number is None:
        return _fault(f"'{value}' is no number: {_instead_of_a_number(key, line)}", remedy)
    return _bounds(key, number, line)


def _instead_of_a_number(key: Key, line: int) -> str:
    if line == 1:
        return f"KCL 1 ignores it, {_stays(key)}"
    if key.kind in _NOT_SET_IF_ZERO:
        return f"it is read as not set, {_stays(key)}"
    return "it is read as 0"


def _bounds(key: Key, number: float, line: int) -> Problem | None:
    if number > key.maximum:
        ends = "KCL 1 passes it on, and Kinesis refuses it" if line == 1 else _ENDS
        return _fault(f"{number} is more than {key.maximum}: {ends}", f"write {key.maximum} or less")
    if number >= key.minimum:
        return None
    if line == 1:
        return _fault(f"{number} is too small: KCL 1 ignores it, {_stays(key)}", f"write {key.minimum} or more")
    if number == 0 and key.kind in _NOT_SET_IF_ZERO:
        return Problem(
            Severity.WARNING, f"0 is read as not set, {_stays(key)}", "remove the line, or write a number above 0"
        )
    return _fault(f"{number} makes no sense, and the daemon takes it as it is", f"write {key.minimum} or more")


def _double(key: Key, value: str, line: int) -> Problem | None:
    text = value.strip()
    if not _DOUBLE.fullmatch(text):
        return _fault(f"'{value}' is no number: {_instead_of_a_number(key, line)}", "write a number, as in 0.5")
    number = float(text.rstrip("dfDF"))
    return None if number > 0 else _bounds(key, number, line)


def _boolean(key: Key, value: str, line: int) -> Problem | None:
    """Neither BeanUtils nor KCL 1 trims them."""
    true, false = (("true",), ("false",)) if line == 1 else (_TRUE, _FALSE)
    if value.lower() not in true + false:
        return _fault(f"'{value}' is read as false", "write true or false, without spaces behind it")
    if line != 1 and value.lower() in false and key.kind == "boolean" and key.default == "true":
        return Problem(Severity.WARNING, "false is read as not set, which leaves the default, true", "remove the line")
    return None


def _enum(key: Key, value: str, line: int) -> Problem | None:
    """A String of KCL 1 is trimmed before it is looked up, all others are not."""
    text = value.strip() if key.kind == "String" else value
    if text.upper() in key.allowed:
        return None
    effect = f"KCL 1 ignores it, {_stays(key)}" if line == 1 else _ENDS
    space = ", without spaces behind it" if value != value.strip() else ""
    return _fault(f"'{value}' is not among the values: {effect}", f"write {_or(key.allowed)}{space}")


def _seconds_since_1970(key: Key, value: str, line: int) -> Problem | None:
    number, now = integer(value), int(time.time())
    if number is None:
        return _fault(
            f"'{value}' is no number: {'KCL 1 ignores it' if line == 1 else _ENDS}",
            f"write seconds since 1970, as in {now}, without spaces behind it",
        )
    if number <= now:
        return None
    if number // 1000 <= now:
        return _fault(
            "it is in seconds, and this is in milliseconds: nothing is read before the far future",
            f"write {number // 1000}",
        )
    return Problem(Severity.WARNING, "this is in the future: nothing is read before it", f"now is {now}")


def _duration(key: Key, value: str, line: int) -> Problem | None:
    if _DURATION.fullmatch(value.strip()):
        return None
    return _fault(f"'{value}' is no ISO 8601 duration: {_ENDS}", "write one, as in P1D, PT12H or PT15M")


def _tags(key: Key, value: str, line: int) -> Problem | None:
    wrong = [tag for tag in value.split(",") if len([part for part in tag.split("=") if part]) != 2]
    if not wrong:
        return None
    return Problem(
        Severity.WARNING, f"'{wrong[0].strip()}' is no tag: the daemon leaves it out", "write NAME=VALUE,NAME=VALUE"
    )


def _region(key: Key, value: str, line: int) -> Problem | None:
    if not value.strip() and line != 1:
        return _fault(f"it is empty: {_ENDS}", "write a region, as in us-east-1, or remove the line")
    if not _REGION.fullmatch(value):
        return Problem(Severity.WARNING, f"'{value}' does not look like an AWS region", "write one, as in us-east-1")
    return None


def _endpoint(value: str) -> Problem | None:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme in ("http", "https") and parts.netloc and not re.search(r"\s", value):
        return None
    return _fault(f"'{value}' is no URL: the daemon ends, or reaches nothing", "write one, as in http://localhost:4566")


def _text(key: Key, value: str, line: int) -> Problem | None:
    if key.kind in _TEXTS and not value.strip() and not key.required:
        return Problem(
            Severity.WARNING, "it is set to nothing, which is not as if it were not there", "remove the line"
        )
    return None


def _no_text(key: Key, value: str, line: int) -> Problem:
    return _fault(f"no text can be made into this ({key.kind}): {_ENDS}", "remove the line")


def _or(values: tuple[str, ...]) -> str:
    return " or ".join([", ".join(values[:-1]), values[-1]] if values[1:] else values)


_KINDS: dict[str, Callable[[Key, str, int], Problem | None]] = {
    **dict.fromkeys(_BITS, _integer),
    "double": _double,
    "boolean": _boolean,
    "Boolean": _boolean,
    "Date": _seconds_since_1970,
    "Duration": _duration,
    "InitialPositionInStreamExtended": _seconds_since_1970,
    "Region": _region,
    "ShardPrioritization": _no_text,
    "TagCollection": _tags,
}
_PARTS_OF_A_CLIENT = {kind: _KINDS[kind] for kind in ("boolean", "Boolean", "Region")}
"""What a text can be made into of what a client's builder has."""
