"""What a command says where nothing foresaw what happened."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import click

from kclpy_helper.printable import printable

EXIT_UNFORESEEN = 70
"""sysexits.h: an error in the program."""
DEBUG = "KCLPY_DEBUG"
"""With this environment variable, the traceback is shown as well."""
_LONGEST = 300


def prepare_streams() -> None:
    """Write what stdout and stderr cannot encode as an escape, and what goes to one that is closed nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def report(error: Exception) -> int:
    """Say on stderr what happened; the exit code."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if isinstance(error, OSError):
        where = printable(str(error.filename or "output"))
        click.echo(f"Error: {where}: {error.strerror or error}", err=True)
        return 1
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = printable(f"{type(error).__name__}: {error}"[:_LONGEST])
    click.echo(f"Error: unforeseen {what} ({Path(frame.filename).name}:{frame.lineno})", err=True)
    click.echo(f"Please report this to the issue tracker of kclpy; {DEBUG}=1 shows where it comes from.", err=True)
    return EXIT_UNFORESEEN
