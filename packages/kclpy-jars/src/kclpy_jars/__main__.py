"""``python -m kclpy_jars list | path | classpath | verify``: the bundled jars on the command line.

What a machine reads goes to stdout, what a person reads to stderr. The exit code is 0, or 1 with
the reason on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from kclpy_jars.bundle import JARS, bundled_lock, class_path, verify
from kclpy_jars.errors import DamagedError, JarsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def _list(arguments: argparse.Namespace) -> None:
    lock = bundled_lock()
    if arguments.json:
        jars = [{**asdict(jar), "path": str(JARS / jar.filename)} for jar in lock.jars]
        json.dump({"kcl_version": lock.kcl_version, "jars": jars}, sys.stdout, indent=2)
        print()
    else:
        for jar in lock.jars:
            print(jar)
        size = sum(jar.size for jar in lock.jars)
        summary = f"KCL {lock.kcl_version}: {len(lock.jars)} jars, {size / 1e6:.1f} MB"
        print(summary, file=sys.stderr)


def _path(_: argparse.Namespace) -> None:
    bundled_lock()
    print(JARS)


def _classpath(_: argparse.Namespace) -> None:
    print(class_path())


def _verify(_: argparse.Namespace) -> None:
    if faults := verify():
        raise DamagedError(JARS, faults)
    lock = bundled_lock()
    print(f"{len(lock.jars)} jars of KCL {lock.kcl_version} are what the lock says", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="python -m kclpy_jars", description="The bundled jars of the Kinesis Client Library."
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    list_ = commands.add_parser("list", help="print each jar's coordinates")
    list_.add_argument("--json", action="store_true", help="with path, size and SHA-256")
    list_.set_defaults(command=_list)
    path = commands.add_parser("path", help="print the folder of the jars")
    path.set_defaults(command=_path)
    classpath = commands.add_parser("classpath", help="print the jars as a value of java -cp")
    classpath.set_defaults(command=_classpath)
    verify_ = commands.add_parser("verify", help="compare every byte of every jar with the lock")
    verify_.set_defaults(command=_verify)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except (JarsError, OSError) as error:
        print(f"kclpy_jars: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
