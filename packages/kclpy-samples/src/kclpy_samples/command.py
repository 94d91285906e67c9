"""What the sample commands have in common: their arguments, and their end where nothing foresaw what happened."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import traceback
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def utf8(text: str) -> str:
    """The type of an argument that is put into a stream."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8") from None
    return text


def seconds(text: str) -> float:
    """The type of an argument that is waited for."""
    value = float(text)
    if not 0 <= value <= threading.TIMEOUT_MAX:
        raise ValueError(text)
    return value


def end_with(program: str, run: Callable[[Sequence[str]], int]) -> None:
    """Run the command ``program``, and end with its exit code; 70 for an error in it."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
        print(end="", flush=True)
    except OSError as error:
        print(f"{program}: {error}", file=sys.stderr)
        code = 1
    except Exception as error:  # noqa: BLE001  (the outermost place)
        if os.environ.get("KCLPY_DEBUG"):
            traceback.print_exception(error)
        print(f"{program}: unforeseen {type(error).__name__}: {error!s:.300}".splitlines()[0], file=sys.stderr)
        print(
            "Please report this to the issue tracker of kclpy; KCLPY_DEBUG=1 shows where it comes from.",
            file=sys.stderr,
        )
        code = 70
    sys.exit(code)
