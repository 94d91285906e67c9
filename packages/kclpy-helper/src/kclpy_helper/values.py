"""What the daemon makes of one value.

KCL 2 and 3 convert texts by commons-beanutils and the converters of MultiLangDaemonConfiguration, KCL 1 by the decoders of
KinesisClientLibConfigurator. All of it was tried on the classes of 3.1.3 and 1.15.3.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper import aws_names
from kclpy_helper.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from kclpy_helper.keys import Key

_BITS = {"int": 31, "Integer": 31, "long": 63, "Long": 63}
_TRUE = ("true", "yes", "y", "on", "1")
_FALSE = ("false", "no", "n", "off", "0")
_DOUBLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[df]?", re.IGNORECASE)
_DURATION = re.compile(r"P(?!$)(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.IGNORECASE)
_TOO_MANY_SECONDS = 10**11
"""As seconds since 1970 it is in the year 5138, as milliseconds in 1973."""
_TEXTS = ("String", "String[]", "Set")
ENDS = "the daemon ends at its start"
_HALTING, _HALTS = "timeoutInSeconds", "the daemon halts at the first message"


class Problem(NamedTuple):
    """What is wrong with a value; the fields are a :class:`~kclpy_helper.findings.Finding`'s."""

    severity: Severity
    effect: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Setting:
    key: Key
    value: str
    line: int
    """The KCL's."""

    @property
    def default_stays(self) -> str:
        return f"which leaves the default, {self.key.default}" if self.key.default else "as if it were not there"

    @property
    def is_zero_not_set(self) -> bool:
        """ConfigurationSettableUtils does not pass a primitive on that has its type's default value."""
        return self.line != 1 and self.key.kind in ("int", "long", "double")


def problem_of(key: Key, value: str, line: int) -> Problem | None:
    """What the daemon of this KCL line makes of ``value``, where that is not what was meant."""
    read: Callable[[_Setting], Problem | None]
    if line != 1 and key.name.endswith(("Endpoint", "endpointOverride")):
        read = _endpoint
    elif "Client." in key.name:
        read = _PARTS_OF_A_CLIENT.get(key.kind, _no_text)
    elif key.allowed:
        read = _enum
    else:
        read = _KINDS.get(key.kind, _text)
    return read(_Setting(key, value, line))


def integer(value: str) -> int | None:
    """A number as Java reads it, or None; no type of Java's that is read here has more than 19 digits."""
    found = re.fullmatch(r"([+-]?)0*([0-9]{1,19})", value)
    return int(found[1] + found[2]) if found else None


def _fault(effect: str, remedy: str) -> Problem:
    return Problem(Severity.FAULT, effect, remedy)


def _warning(effect: str, remedy: str) -> Problem:
    return Problem(Severity.WARNING, effect, remedy)


def _integer(it: _Setting) -> Problem | None:
    """BeanUtils trims numbers, KCL 1 and Integer.parseInt do not."""
    number = integer(it.value if it.line == 1 or it.key.read_by_name else it.value.strip())
    if number is not None and not -(2 ** _BITS[it.key.kind]) <= number < 2 ** _BITS[it.key.kind]:
        number = None
    if number is None:
        remedy = f"write a whole number{f' of {it.key.unit}' if it.key.unit else ''}, without spaces or units"
        return _no_number(it, f"{remedy}, or remove the line")
    return _bounds(it, number)


def _no_number(it: _Setting, remedy: str) -> Problem:
    if it.key.read_by_name:
        effect = ENDS
    elif it.line == 1:
        effect = f"KCL 1 ignores it, {it.default_stays}"
    elif it.is_zero_not_set:
        effect = f"it is read as not set, {it.default_stays}"
    else:
        effect = f"it is read as 0{f', and {_HALTS}' if it.key.name == _HALTING else ''}"
    return _fault(f"'{it.value}' is no number: {effect}", remedy)


def _bounds(it: _Setting, number: float) -> Problem | None:
    least, most = it.key.minimum, it.key.maximum
    if number > most:
        ends = "KCL 1 passes it on, and Kinesis refuses it" if it.line == 1 else ENDS
        return _fault(f"{number} is more than {most}: {ends}", f"write {most} or less")
    if number >= least:
        return None
    remedy = f"write {least} or more, or remove the line"
    if it.key.name == _HALTING:
        return _fault(f"{number} leaves no time for an answer: {_HALTS}", remedy)
    if it.line == 1:
        return _fault(f"{number} is too small: KCL 1 ignores it, {it.default_stays}", remedy)
    if number == 0 and it.is_zero_not_set:
        return _warning(f"0 is read as not set, {it.default_stays}", remedy)
    return _fault(f"{number} makes no sense, and the daemon takes it as it is", remedy)


def _double(it: _Setting) -> Problem | None:
    text = it.value.strip()
    if not _DOUBLE.fullmatch(text):
        return _no_number(it, "write a number, as in 0.5")
    return _bounds(it, float(text.rstrip("dfDF")))


def _boolean(it: _Setting) -> Problem | None:
    """Neither BeanUtils nor KCL 1 trims them."""
    true, false = (("true",), ("false",)) if it.line == 1 else (_TRUE, _FALSE)
    if it.value.lower() not in true + false:
        return _fault(f"'{it.value}' is read as false", "write true or false, without spaces behind it")
    if it.line != 1 and it.value.lower() in false and it.key.kind == "boolean" and it.key.default == "true":
        return _warning("false is read as not set, which leaves the default, true", "remove the line")
    return None


def _enum(it: _Setting) -> Problem | None:
    """A String of KCL 1 is trimmed before it is looked up, all others are not."""
    text = it.value.strip() if it.key.kind == "String" else it.value
    if text.upper() in it.key.allowed:
        return None
    effect = f"KCL 1 ignores it, {it.default_stays}" if it.line == 1 else ENDS
    space = ", without spaces behind it" if it.value != it.value.strip() else ""
    return _fault(f"'{it.value}' is not among the values: {effect}", f"write {_or(it.key.allowed)}{space}")


def _seconds_since_1970(it: _Setting) -> Problem | None:
    number, now = integer(it.value), int(time.time())
    if number is None:
        return _fault(
            f"'{it.value}' is no number: {'KCL 1 ignores it' if it.line == 1 else ENDS}",
            f"write seconds since 1970, as in {now}, without spaces behind it",
        )
    if number <= now:
        return None
    if number > _TOO_MANY_SECONDS:
        return _fault(
            "it is in seconds, and this is in milliseconds: nothing is read before the far future",
            f"write {number // 1000}",
        )
    return _warning("this is in the future: nothing is read before it", f"now is {now}")


def _duration(it: _Setting) -> Problem | None:
    if _DURATION.fullmatch(it.value.strip()):
        return None
    return _fault(f"'{it.value}' is no ISO 8601 duration: {ENDS}", "write one, as in P1D, PT12H or PT15M")


def _tags(it: _Setting) -> Problem | None:
    wrong = [tag for tag in it.value.split(",") if len([part for part in tag.split("=") if part]) != 2]
    if not wrong:
        return None
    return _warning(f"'{wrong[0].strip()}' is no tag: the daemon leaves it out", "write NAME=VALUE,NAME=VALUE")


def _region(it: _Setting) -> Problem | None:
    name = it.value.strip()
    if not name and it.line != 1:
        return _fault(f"it is empty: {ENDS}", "write a region, as in us-east-1, or remove the line")
    if it.value != name and it.line != 1:
        return _fault(f"there are spaces after '{name}': {ENDS}", f"write {name} without them")
    return region_problem(it.value)


def region_problem(name: str) -> Problem | None:
    """A warning of a region that the AWS SDK does not know; it may be newer than that."""
    if aws_names.is_region(name):
        return None
    closest = _or(tuple(aws_names.closest_regions(name)) or ("one, as in us-east-1",))
    effect = f"'{name}' is not a region that the AWS SDK knows"
    return _warning(effect, f"write {closest}; a newer region works as it is")


def _endpoint(it: _Setting) -> Problem | None:
    if re.fullmatch(r"https?://[^\s/]\S*", it.value):
        return None
    return _fault(
        f"'{it.value}' is no URL: the daemon ends, or reaches nothing", "write one, as in http://localhost:4566"
    )


def _text(it: _Setting) -> Problem | None:
    if it.key.kind in _TEXTS and not it.value.strip() and not it.key.required:
        return _warning("it is set to nothing, which is not as if it were not there", "remove the line")
    return None


def _no_text(it: _Setting) -> Problem:
    return _fault(f"no text can be made into this ({it.key.kind}): {ENDS}", "remove the line")


def _or(values: tuple[str, ...]) -> str:
    return " or ".join([", ".join(values[:-1]), values[-1]] if values[1:] else values)


_KINDS: dict[str, Callable[[_Setting], Problem | None]] = {
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
