"""What there is to know about one property key."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper import keys
from kclpy_helper.errors import UnknownKeyError
from kclpy_helper.findings import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kclpy_helper.keys import Key


class Explanation(NamedTuple):
    """A key's name, the sentence of what it is, and what further is known, as in ``Default: 10000``."""

    name: str
    sentence: str
    details: tuple[str, ...]


def explain(name: str) -> Explanation:
    """What there is to know about the key that any KCL takes ``name`` for.

    Raises :class:`~kclpy_helper.errors.UnknownKeyError`.
    """
    known = keys.find_in_any(name)
    if known is None:
        newest_first = [keys.table(keys.lines()[line]) for line in sorted(keys.lines(), reverse=True)]
        raise UnknownKeyError(
            without_secrets(name), next(filter(None, (table.meant_by(name) for table in newest_first)), None)
        )
    of_lines = keys.every_key()[known]
    details = [f"In: {keys.whereabouts(known)}"]
    for label, said in _LABELS:
        details += (f"{label}{lines}: {text}" for lines, text in _by_line(said, of_lines))
    return Explanation(known, [*of_lines.values()][-1].what, tuple(details))


def _by_line(said: Callable[[Key], str], of_lines: Mapping[int, Key]) -> Iterator[tuple[str, str]]:
    """What is said, and of which lines if not of all."""
    texts: dict[str, list[int]] = {}
    for line, key in of_lines.items():
        texts.setdefault(said(key), []).append(line)
    for text, lines in texts.items():
        if text:
            yield f" in {keys.kcl(lines)}" if len(texts) > 1 else "", text


def _type(key: Key) -> str:
    return f"{key.kind}, in {key.unit}" if key.unit else key.kind


_LABELS: tuple[tuple[str, Callable[[Key], str]], ...] = (
    ("Type", _type),
    ("Values", lambda key: ", ".join(key.allowed)),
    ("Required", lambda key: "yes" if key.required else ""),
    ("Default", lambda key: key.default),
    ("At most", lambda key: str(key.maximum) if key.maximum < keys.LARGEST else ""),
    ("No effect", lambda key: key.no_effect),
    ("Beware", lambda key: key.trap),
    ("In other KCLs", lambda key: key.instead),
)
