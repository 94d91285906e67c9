"""The property keys of each KCL line: what its classes say, and what people wrote about them.

The data lies in the folder ``keys``: ``kcl-VERSION.json`` was extracted from the jars of that KCL (``hatch run keys``), and
``keys.ini``, whose first lines explain it, has the words. ``foreign.ini`` has names that no KCL knows.
"""

from __future__ import annotations

import json
import re
from configparser import RawConfigParser, SectionProxy
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kclpy_helper.errors import UnknownKclError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATA = Path(__file__).with_name("keys")
BUILDER, CLIENT = "builder", "client"
"""The kinds of what is no key itself: below a builder the file decides what there is, by naming a class to build."""
LARGEST = 2**63 - 1
_SAME_WORD = 0.7
"""How much two spellings of one word have in common: ``regon`` and ``region`` 0.91, ``min`` and ``max`` 0.33."""


@dataclass(frozen=True, slots=True)
class Key:
    """A property key as one KCL knows it.

    ``kind`` is its Java type by its simple name, and ``allowed`` the values of an enum. ``read_by_name`` means that the
    daemon asks the properties for it, and sets no property of a bean. The rest is as in ``keys.ini``, ``""`` where that
    says nothing.
    """

    name: str
    kind: str
    allowed: tuple[str, ...] = ()
    read_by_name: bool = False
    what: str = ""
    unit: str = ""
    default: str = ""
    minimum: int = 1
    maximum: int = LARGEST
    required: bool = False
    no_effect: str = ""
    trap: str = ""
    instead: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The keys that the daemon of one KCL knows, and the short names of its credentials providers."""

    kcl_version: str
    line: int
    keys: Mapping[str, Key]
    providers: tuple[str, ...]

    def find(self, name: str) -> Key | None:
        """The key that the daemon takes ``name`` for, or None where it takes no notice."""
        if self.line == 1:
            # KinesisClientLibConfigurator.withProperty
            other = self.keys.get(name[:1].swapcase() + name[1:])
            return self.keys.get(name) or (None if other is None or other.read_by_name else other)
        # KinesisClientLibConfigurator.processKey
        key = self.keys.get(re.sub("^awscredentialsprovider", "AwsCredentialsProvider", name, flags=re.IGNORECASE))
        return None if key is None or key.kind in (BUILDER, CLIENT) else key

    def in_other_letters(self, name: str) -> str | None:
        """The key that ``name`` is but for small and capital letters."""
        return next((key for key in self._settable() if key.lower() == name.lower()), None)

    def meant_by(self, name: str) -> str | None:
        """The key that was probably meant by ``name``: by its meaning where that is known, otherwise by its spelling."""
        key = self._foreign(name, "key")
        return key if key in self.keys else closest(name, self._settable())

    def advice(self, name: str) -> str:
        """What to do instead of writing ``name``; ``""`` where nobody can tell."""
        foreign = self._foreign(name, "key")
        if foreign in self.keys:
            return f"write {foreign}"
        similar = closest(name, self._settable())
        return self._foreign(name, "advice") or (f"write {similar}, if you mean that" if similar else "")

    def _settable(self) -> list[str]:
        return [key.name for key in self.keys.values() if key.kind not in (BUILDER, CLIENT)]

    def _foreign(self, name: str, option: str) -> str | None:
        section = _foreign().get(_plain(name), {})
        return section.get(f"{option}-{self.line}", section.get(option))

    def is_open(self, name: str) -> bool:
        """Whether ``name`` is below a key where only the daemon can tell what there is."""
        above = (self.keys.get(name[:index]) for index, character in enumerate(name) if character == ".")
        return any(key is not None and (key.kind == BUILDER or "Client." in key.name) for key in above)


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that is ``name`` but for slips of the pen, if any is.

    Word by word, so that a name which means something else is not taken for one: seconds for milliseconds, or STS for Kinesis.
    """
    words = _words_of(name)
    likeness = {known: _likeness(words, _words_of(known)) for known in names}
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] else None


def _likeness(one: list[str], other: list[str]) -> float:
    """From 0 to 1; 0 as soon as one word is another."""
    if "".join(one) == "".join(other):
        return 1
    ratios = [SequenceMatcher(None, *pair).ratio() for pair in zip(one, other, strict=False)]
    return min(ratios) if len(one) == len(other) and min(ratios) >= _SAME_WORD else 0


def _words_of(name: str) -> list[str]:
    """The words of a name in small letters: those of ``kinesisClient.region`` are kinesis, client and region."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)] or [""]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


@cache
def table(kcl_version: str) -> Table:
    """The keys of the daemon of ``kcl_version``, as in ``3.1.3``.

    What is not known of just this version is taken from the one of its line whose jars we have. Raises
    :class:`~kclpy_helper.errors.UnknownKclError` for any other line.
    """
    line = _numbers(kcl_version)[0]
    if line not in lines():
        raise UnknownKclError(kcl_version, tuple(lines()))
    extracted = kcl_version if kcl_version in _extracted() else lines()[line]
    document = json.loads((DATA / f"kcl-{extracted}.json").read_text(encoding="utf-8"))
    kinds: dict[str, str] = document["keys"]
    for name, section in _words().items():
        if "kind" in section and line == _numbers(section["since"])[0]:
            kinds.setdefault(name, section["kind"])
    keys = (_key(name, kind, document, line) for name, kind in kinds.items())
    known = {key.name: key for key in keys if _numbers(key.since) <= _numbers(kcl_version)}
    return Table(kcl_version, line, MappingProxyType(known), tuple(document["providers"]))


@cache
def lines() -> Mapping[int, str]:
    """The KCL lines that there are tables of: their major number, and the newest version that one was made from."""
    return MappingProxyType({_numbers(version)[0]: version for version in _extracted()})


@cache
def every_key() -> Mapping[str, Mapping[int, Key]]:
    """Every key by its name, as it is in each line that has it, in the newest version that is known of."""
    sinces = [section["since"] for section in _words().values() if "since" in section]
    found: dict[str, dict[int, Key]] = {}
    for line, extracted in lines().items():
        newest = max([extracted, *(since for since in sinces if _numbers(since)[0] == line)], key=_numbers)
        for name, key in table(newest).keys.items():
            found.setdefault(name, {})[line] = key
    return MappingProxyType(found)


def find_in_any(name: str) -> str | None:
    """The name of the key that any KCL takes ``name`` for."""
    every = every_key()
    if name in every:
        return name
    tables = [table(version) for version in lines().values()]
    known = next((key.name for of_line in tables if (key := of_line.find(name))), None)
    return known or next((name.partition(".")[0] for of_line in tables if of_line.is_open(name)), None)


def whereabouts(name: str) -> str:
    """The KCL lines that have a key, as in ``KCL 2 and 3, since 2.6.0``."""
    of_lines = every_key()[name]
    since = next(iter(of_lines.values())).since
    return f"{kcl(of_lines)}, since {since}" if since else kcl(of_lines)


def kcl(lines: Iterable[int]) -> str:
    """Lines as people write them: ``KCL 1, 2 and 3``."""
    *others, last = map(str, lines)
    return f"KCL {', '.join(others)} and {last}" if others else f"KCL {last}"


@cache
def headings() -> Mapping[str, tuple[str, ...]]:
    """The headings of ``keys.ini`` in their order, and the keys under each."""
    found: dict[str, tuple[str, ...]] = {}
    heading = ""
    for section in _words().sections():
        if section.startswith(":"):
            heading = section[1:]
            found[heading] = ()
        else:
            found[heading] += (section,)
    return MappingProxyType(found)


@cache
def _extracted() -> tuple[str, ...]:
    return tuple(sorted((path.stem.removeprefix("kcl-") for path in DATA.glob("kcl-*.json")), key=_numbers))


@cache
def _words() -> RawConfigParser:
    return _parsed("keys.ini")


@cache
def _foreign() -> Mapping[str, Mapping[str, str]]:
    """The sections of ``foreign.ini`` by each of their names."""
    parser = _parsed("foreign.ini")
    return {_plain(name): parser[names] for names in parser.sections() for name in names.split(",")}


def _parsed(filename: str) -> RawConfigParser:
    parser = RawConfigParser(delimiters=("=",), comment_prefixes=("#",), default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DATA / filename).read_text(encoding="utf-8"))
    return parser


def _section(name: str) -> SectionProxy:
    """What is said of a key, or else of the last or the first part of its name. Raises KeyError."""
    # The last part: what is in PollingConfigBean and its like can be set both by way of the bean and without it.
    for candidate in (name, name.rpartition(".")[2]):
        if candidate in _words():
            return _words()[candidate]
    return _words()[name.partition(".")[0]]


def _key(name: str, kind: str, document: dict[str, Any], line: int) -> Key:
    section = _section(name)

    def said(option: str, fallback: str = "") -> str:
        return section.get(f"{option}-{line}", section.get(option, fallback))

    allowed = said("allowed")
    return Key(
        name,
        kind,
        allowed=tuple(allowed.split(", ")) if allowed else tuple(document["enums"].get(kind, ())),
        read_by_name=name in document["read_by_name"],
        what=said("what"),
        unit=said("unit"),
        default=said("default"),
        minimum=int(said("minimum", "1")),
        maximum=int(said("maximum", str(LARGEST))),
        required=said("required") == "yes",
        no_effect=said("no-effect"),
        trap=said("trap"),
        instead=said("instead"),
        since=said("since"),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)) or (0,)
