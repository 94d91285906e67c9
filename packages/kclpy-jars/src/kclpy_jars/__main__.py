"""``python -m kclpy_jars list | path | classpath | verify | sbom | licenses``: the bundled jars on the command line.

What a machine reads goes to stdout, what a person reads to stderr. The exit code is 0, or 1 with
the reason on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from dataclasses import asdict
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from kclpy_jars.bundle import (
    JARS,
    bundled_lock,
    class_path,
    jar_paths,
    license_expression,
    license_files,
    sbom,
    verify,
)
from kclpy_jars.errors import DamagedError, JarsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def _list(arguments: argparse.Namespace) -> None:
    lock = bundled_lock()
    if arguments.json:
        jars = [{**asdict(jar), "path": str(JARS / jar.filename)} for jar in lock.jars]
        _print_json({"version": lock.version, "kcl_version": lock.kcl_version, "java": lock.java, "jars": jars})
        return
    for jar in lock.jars:
        print(jar)
    size = sum(jar.size for jar in lock.jars)
    summary = f"KCL {lock.kcl_version}: {len(lock.jars)} jars, {size / 1e6:.1f} MB, for Java {lock.java} and newer"
    print(summary, file=sys.stderr)


def _path(_: argparse.Namespace) -> None:
    bundled_lock()
    print(JARS)


def _classpath(arguments: argparse.Namespace) -> None:
    if arguments.json:
        _print_json([str(path) for path in jar_paths()])
    else:
        print(class_path())


def _verify(arguments: argparse.Namespace) -> None:
    lock = bundled_lock()
    faults = verify()
    if arguments.json:
        _print_json({"kcl_version": lock.kcl_version, "faults": [asdict(fault) for fault in faults]})
    if faults:
        raise DamagedError(JARS, faults)
    print(f"{len(lock.jars)} jars of KCL {lock.kcl_version} are what the lock says", file=sys.stderr)


def _sbom(_: argparse.Namespace) -> None:
    print(sbom(), end="")


def _licenses(arguments: argparse.Namespace) -> None:
    jars = bundled_lock().jars
    files = license_files()
    if arguments.json:
        licences = {str(jar): jar.license for jar in jars}
        _print_json({"expression": license_expression(), "jars": licences, "files": [str(file) for file in files]})
        return
    for jar in jars:
        print(f"{jar.license}\t{jar}")
    print(f"{license_expression()}; the texts and notices:", *files, sep="\n  ", file=sys.stderr)


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2))


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="python -m kclpy_jars", description="The bundled jars of the Kinesis Client Library."
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command, what, in_json in (
        ("list", _list, "print each jar's coordinates", "with path, size, SHA-256 and licence"),
        ("path", _path, "print the folder of the jars", None),
        ("classpath", _classpath, "print the jars as a value of java -cp", "as a list of paths"),
        ("verify", _verify, "compare every byte of every jar with the lock", "the faults too on stdout"),
        ("sbom", _sbom, "print the bill of materials, in CycloneDX's JSON", None),
        ("licenses", _licenses, "print each jar's licence", "with the SPDX expression and the files of the texts"),
    ):
        subparser = commands.add_parser(name, help=what, description=what)
        subparser.set_defaults(command=command)
        if in_json:
            subparser.add_argument("--json", action="store_true", help=f"in JSON, {in_json}")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    if isinstance(sys.stdout, TextIOWrapper):  # a path may have what a terminal's encoding does not
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = parser().parse_args(argv)
    try:
        if warning := bundled_lock().support_warning:
            print(f"kclpy_jars: {warning}", file=sys.stderr)
        arguments.command(arguments)
        print(end="", flush=True)
    except (JarsError, OSError) as error:
        print(f"kclpy_jars: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001  (the outermost place)
        if os.environ.get("KCLPY_DEBUG"):
            traceback.print_exception(error)
        print(f"kclpy_jars: unforeseen {type(error).__name__}: {error!s:.300}".splitlines()[0], file=sys.stderr)
        print(
            "Please report this to the issue tracker of kclpy; KCLPY_DEBUG=1 shows where it comes from.",
            file=sys.stderr,
        )
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
