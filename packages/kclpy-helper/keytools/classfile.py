"""Reads the part of Java class files that says what a class has: its fields, methods, ancestors and string constants.

The format is in The Java Virtual Machine Specification, chapter 4.
"""

from __future__ import annotations

import re
import struct
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Self

_PUBLIC, _STATIC, _ABSTRACT, _ENUM = 0x0001, 0x0008, 0x0400, 0x4000
_UTF8, _INTEGER, _FLOAT, _LONG, _DOUBLE, _CLASS, _STRING = 1, 3, 4, 5, 6, 7, 8
_SIZES = {_INTEGER: 4, _FLOAT: 4, _LONG: 8, _DOUBLE: 8, _CLASS: 2, _STRING: 2}
_SIZES |= {9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}  # references, handles, modules
_PRIMITIVES = {"B": "byte", "C": "char", "D": "double", "F": "float", "I": "int", "J": "long", "S": "short"}
_PRIMITIVES |= {"Z": "boolean", "V": "void"}
_TYPE = re.compile(r"\[*(?:L[^;]+;|[BCDFIJSZV])")


@dataclass(frozen=True)
class Member:
    """A field, whose ``types`` is its type, or a method, whose ``types`` are its parameters' and its result's."""

    name: str
    types: tuple[str, ...]
    flags: int
    constant: str | None = None
    """The value of a string constant."""

    @property
    def is_public(self) -> bool:
        return bool(self.flags & _PUBLIC)

    @property
    def is_static(self) -> bool:
        return bool(self.flags & _STATIC)


@dataclass(frozen=True)
class ClassFile:
    """A class by its full name, as in ``java.util.Map$Entry``; ``parents`` are its superclass and its interfaces."""

    name: str
    flags: int
    parents: tuple[str, ...]
    fields: tuple[Member, ...]
    methods: tuple[Member, ...]

    @property
    def is_public_and_whole(self) -> bool:
        return self.flags & (_PUBLIC | _ABSTRACT) == _PUBLIC

    @property
    def enum_constants(self) -> list[str]:
        return [field.name for field in self.fields if field.flags & _ENUM]


class ClassPath:
    """The classes of jars."""

    def __init__(self, jars: Iterable[Path]) -> None:
        self._archives = [zipfile.ZipFile(jar) for jar in jars]
        self._entries = {name: archive for archive in self._archives for name in archive.namelist()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._archives:
            archive.close()

    def __contains__(self, name: str) -> bool:
        return _entry(name) in self._entries

    def __getitem__(self, name: str) -> ClassFile:
        """The class of this name. Raises KeyError."""
        entry = _entry(name)
        return _Reader(self._entries[entry].read(entry)).class_file()

    def package(self, name: str) -> Iterator[ClassFile]:
        """The classes of a package, less those inside others."""
        for entry in self._entries:
            folder, _, file = entry.rpartition("/")
            if folder == name.replace(".", "/") and file.endswith(".class") and "$" not in file:
                yield self[entry.removesuffix(".class").replace("/", ".")]

    def ancestry(self, name: str) -> Iterator[ClassFile]:
        """The class and all that it inherits from, as far as the jars have it."""
        ahead, seen = [name], set()
        while ahead:
            name = ahead.pop()
            if name in self and name not in seen:
                seen.add(name)
                yield (found := self[name])
                ahead += found.parents


def _entry(name: str) -> str:
    return name.replace(".", "/") + ".class"


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._file = BytesIO(data)

    def class_file(self) -> ClassFile:
        self._numbers("IHH")  # the magic number and the version
        self._read_constants()
        flags, this, parent, count = self._numbers("HHHH")
        interfaces = self._numbers("H" * count)
        return ClassFile(
            name=self._class_name(this),
            flags=flags,
            parents=tuple(self._class_name(index) for index in (parent, *interfaces) if index),
            fields=tuple(self._members()),
            methods=tuple(self._members()),
        )

    def _numbers(self, layout: str) -> tuple[int, ...]:
        layout = f">{layout}"
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))

    def _read_constants(self) -> None:
        self._constants: dict[int, bytes] = {}
        (count,) = self._numbers("H")
        index = 1
        while index < count:
            (tag,) = self._numbers("B")
            size = self._numbers("H")[0] if tag == _UTF8 else _SIZES[tag]
            self._constants[index] = self._file.read(size)
            index += 2 if tag in (_LONG, _DOUBLE) else 1

    def _text(self, index: int) -> str:
        return self._constants[index].decode()

    def _text_at(self, index: int) -> str:
        """The text that a class or a string names."""
        return self._text(int.from_bytes(self._constants[index], "big"))

    def _class_name(self, index: int) -> str:
        return self._text_at(index).replace("/", ".")

    def _members(self) -> Iterator[Member]:
        (count,) = self._numbers("H")
        for _ in range(count):
            flags, name, descriptor, attributes = self._numbers("HHHH")
            constant = None
            types = tuple(map(_type_name, _TYPE.findall(self._text(descriptor))))
            for _ in range(attributes):
                attribute, size = self._numbers("HI")
                value = self._file.read(size)
                if self._text(attribute) == "ConstantValue" and types == ("java.lang.String",):
                    constant = self._text_at(int.from_bytes(value, "big"))
            yield Member(self._text(name), types, flags, constant)


def _type_name(descriptor: str) -> str:
    element = descriptor.lstrip("[")
    name = _PRIMITIVES.get(element) or element[1:-1].replace("/", ".")
    return name + "[]" * (len(descriptor) - len(element))
