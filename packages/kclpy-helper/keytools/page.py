"""docs/properties.md from the tables."""

from __future__ import annotations

from kclpy_helper import keys
from kclpy_helper.explanation import explain

_TOP = """\
# The properties

Every key that the MultiLangDaemon of KCL 1, 2 or 3 knows. `kclpy-helper check FILE` tells what is wrong with a file, and
`kclpy-helper check --explain KEY` prints what is said here of a key. This page was made by `hatch run keys`: the names, types
and values come from the classes of KCL {versions}.

Most mistakes make no noise in KCL 2 and 3 (tried on the classes of 2.7.2 and 3.1.3):

| in the file | what the daemon makes of it |
| --- | --- |
| a key that it does not know, or in another case of letters | ignored; below `kinesisClient` and its like it ends the daemon |
| what is no number, or empty | of an `int`, `long` or `double`: not set, the default stays; of an `Integer` or `Long`: 0 |
| `0` | of an `int`, `long` or `double`: not set, the default stays; of an `Integer` or `Long`: 0 |
| `false`, `no`, `n`, `off` or `0`, in any case | of a `boolean`: not set, the default stays; of a `Boolean`: false |
| any other text than those and `true`, `yes`, `y`, `on` and `1`; spaces behind it count | the same as `false` |
| a value that is not among those of a key that has a list | the daemon ends at its start; case does not count, spaces behind it do |
| a duration or a time that is none, an empty region | the daemon ends at its start |
| a part of a client that is no `Boolean`, `URI` or `Region`, such as `kinesisClient.defaultsMode` | the daemon ends at its start |
| `AwsCredentialsProvider` in two cases of letters, or beside `kinesisCredentialsProvider` | the daemon ends at its start |

KCL 1 logs a warning for what it cannot read, and keeps the default; it takes the first letter of most keys in either case,
and `true`, in any case, alone for true.
"""


def page() -> str:
    """The page."""
    versions = ", ".join(keys.lines().values())
    parts = [_TOP.format(versions=versions)]
    for heading, names in keys.headings().items():
        parts += [f"## {heading}", *map(_entry, names)]
    parts += ["## By way of beans and clients", _others()]
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def _entry(name: str) -> str:
    of_key = explain(name)
    return "\n".join([f"### `{name}`", "", of_key.sentence, "", *(f"- {detail}" for detail in of_key.details)])


def _others() -> str:
    """Keys without a section of their own: a bean's key behind the bean's name, and what a client's builder has."""
    every = keys.every_key()
    headed = {name for names in keys.headings().values() for name in names}
    types = {name: [*every[name].values()][-1].kind for name in sorted(every.keys() - headed)}
    rows = [f"| `{name}` | {keys.whereabouts(name)} | `{kind}` |" for name, kind in types.items()]
    return "\n".join(["| key | | type |", "| --- | --- | --- |", *rows])
