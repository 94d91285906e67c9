"""docs/properties.md from the tables."""

from __future__ import annotations

from kclpy_helper import keys
from kclpy_helper.explanation import explain

_TOP = """\
# The properties

Every key that the MultiLangDaemon of KCL 1, 2 or 3 knows. `kclpy-helper check FILE` tells what is wrong with a file, and
`kclpy-helper check --explain KEY` prints what is said here of a key. This page was made by `hatch run keys`: the names, types
and values come from the classes of KCL {versions}.

Of KCL 2 and 3 most mistakes make no noise:

| in the file | what the daemon makes of it |
| --- | --- |
| a key that it does not know, or in another case of letters | ignored; below `kinesisClient` and its like it ends the daemon |
| what is no number, or empty, for an `int`, `long` or `double` | not set: the default stays. `Integer` and `Long`: 0 |
| `0`, or `false` for a `boolean` | not set: the default stays. `Boolean`: false |
| anything but true, yes, y, on or 1, in any case, for a boolean; spaces behind it count | false |
| a value that is not among those of a key that has a list | the daemon ends at its start; case does not count, spaces behind it do |
| a duration, a time or a region that is none | the daemon ends at its start |
| `kinesisClient.defaultsMode` and other parts of a client that are not a text, number, yes or no, URL or region | the daemon ends at its start |

KCL 1 logs a warning for what it cannot read, and keeps the default; it takes the first letter of most keys in either case,
and `true`, in any case, alone for true.
"""


def page() -> str:
    """The page."""
    versions = ", ".join(keys.lines().values())
    parts = [_TOP.format(versions=versions)]
    for heading, names in keys.headings().items():
        parts += [f"## {heading}", *map(_entry, names)]
    parts += ["## The same by other names", _others()]
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def _entry(name: str) -> str:
    first, *rest = explain(name).splitlines()
    lines = [f"- {line}" for line in rest]
    return "\n".join([f"### `{name}`", "", first, "", *lines])


def _others() -> str:
    """Keys without a section of their own: a bean's key with the bean before it, and what a client's builder has."""
    headed = {name for names in keys.headings().values() for name in names}
    rows = [
        f"| `{name}` | {keys.whereabouts(name)} | `{explain_kind(name)}` |"
        for name in sorted(keys.every_key())
        if name not in headed
    ]
    return "\n".join(["| key | | type |", "| --- | --- | --- |", *rows])


def explain_kind(name: str) -> str:
    return next(reversed(keys.every_key()[name].values())).kind
