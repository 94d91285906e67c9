"""The attributes of a DynamoDB item: as the types that a KCL writes, and as JSON.

A table may hold anything: a person or another program can write into it.
"""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Item = Mapping[str, Mapping[str, Any]]

_TYPES = {
    "S": "a string",
    "N": "a number",
    "B": "binary",
    "SS": "a set of strings",
    "NS": "a set of numbers",
    "BS": "a set of binaries",
    "M": "a map",
    "L": "a list",
    "BOOL": "a Boolean",
    "NULL": "null",
}
"""The types of DynamoDB's API, in the words of its developer guide."""
_LONG = re.compile(r"-?[0-9]{1,19}")


class Reader:
    """Reads the attributes of ``item``. What has another type than the one asked for counts as absent, and as a problem."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._problems: list[str] = []

    @property
    def problem(self) -> str | None:
        """What is wrong with the attributes that were read."""
        return ", ".join(self._problems) or None

    def text(self, name: str) -> str | None:
        """A string; an empty one is as good as none."""
        return self._value(name, "S") or None

    def texts(self, name: str) -> tuple[str, ...]:
        """A set of strings, sorted."""
        return tuple(sorted(self._value(name, "SS") or ()))

    def integer(self, name: str) -> int | None:
        """A whole number, as great as Java's ``long``."""
        text = self._value(name, "N")
        if text is None:
            return None
        if not _LONG.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
            self.add(f"{name} is {text}, not a whole number of 64 bits")
            return None
        return int(text)

    def number(self, name: str) -> float | None:
        """A number, as great as Java's ``double``."""
        text = self._value(name, "N")
        try:
            return None if text is None else _finite(text)
        except ValueError:
            self.add(f"{name} is {text}, not a number of 64 bits")
            return None

    def numbers(self, name: str) -> dict[str, tuple[float, ...]]:
        """A map of lists of numbers."""
        found = {}
        for key, attribute in sorted((self._value(name, "M") or {}).items()):
            try:
                found[key] = tuple(_finite(number["N"]) for number in attribute["L"])
            except (KeyError, ValueError):
                self.add(f"{name}.{key} is not a list of numbers")
        return found

    def add(self, problem: str) -> None:
        """Note a problem."""
        self._problems.append(problem)

    def _value(self, name: str, wanted: str) -> Any:
        # The AWS SDK for Java can write a null for what a worker does not know.
        ((kind, value),) = self._item.get(name, {"NULL": True}).items()
        if kind in {wanted, "NULL"}:
            return None if kind == "NULL" else value
        self.add(f"{name} is {_TYPES.get(kind, kind)}, not {_TYPES[wanted]}")
        return None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def to_json(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as JSON can hold it: bytes in base64."""
    ((kind, value),) = attribute.items()
    return {kind: _TO_JSON.get(kind, lambda same: same)(value)}


def from_json(document: Any) -> dict[str, Any]:
    """The attribute of which :func:`to_json` made ``document``. Raises :class:`ValueError` for what it never makes."""
    if not isinstance(document, dict) or len(document) != 1:
        raise ValueError("an attribute has one type and one value")
    ((kind, value),) = document.items()
    if kind not in _TYPES or not isinstance(value, _JSON_TYPES.get(kind, list)):
        raise ValueError(f"there is no attribute of the type {kind} with such a value")
    if kind in {"SS", "NS", "BS"} and not all(isinstance(element, str) for element in value):
        raise ValueError(f"not all elements of a {kind} are strings")
    return {kind: _FROM_JSON.get(kind, lambda same: same)(value)}


_JSON_TYPES: dict[str, Any] = {"S": str, "N": str, "B": str, "M": dict, "BOOL": bool, "NULL": bool}
"""What is none of these is a list."""
_FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "B": lambda text: base64.b64decode(text, validate=True),
    "BS": lambda texts: [base64.b64decode(text, validate=True) for text in texts],
    "L": lambda elements: [from_json(element) for element in elements],
    "M": lambda elements: {name: from_json(element) for name, element in elements.items()},
}
_TO_JSON: dict[str, Callable[[Any], Any]] = {
    "B": lambda data: base64.b64encode(data).decode(),
    "BS": lambda several: [base64.b64encode(data).decode() for data in several],
    "L": lambda elements: [to_json(element) for element in elements],
    "M": lambda elements: {name: to_json(element) for name, element in elements.items()},
}
