"""`python -m kclpy module:Processor`: run a record processor that has no program of its own.

What stands after the colon is passed to `kclpy.run`: a class, an instance, a factory or a function.
"""

from __future__ import annotations

import importlib
import sys
from operator import attrgetter

from kclpy.errors import EXIT_SETUP, SetupError
from kclpy.runner import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_SHOWN = 200
"""How many characters of a name or an exception are shown."""
USAGE = "usage: python -m kclpy module:Processor    (started by the MultiLangDaemon, as executableName)"


def main(arguments: list[str]) -> None:
    """Run the processor that `arguments` name; exits with EXIT_SETUP if they name none."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        asked = arguments in (["-h"], ["--help"])
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else EXIT_SETUP)
    run(lambda: load(arguments[0]))


def load(target: str) -> Any:
    """What `module:name` names. Raises SetupError if there is no such thing, or if its module cannot be imported."""
    module, _, name = target.partition(":")
    if not (all(module.split(".")) and all(name.split("."))):
        raise SetupError(f"{_short(repr(target))} names no processor: write module:Processor\n{USAGE}")
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise _failed_import(module, error) from None
        raise SetupError(
            f"there is no module {_short(repr(error.name))} in {sys.path[0]} or on the path of {sys.executable}"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever the module raises
        raise _failed_import(module, error) from None
    try:
        return attrgetter(name)(imported)
    except AttributeError as error:
        raise SetupError(f"{_short(repr(target))}: {_short(str(error))}") from None


def _failed_import(module: str, error: Exception) -> SetupError:
    """What `error` was and where it was raised, and how to see the rest."""
    if isinstance(error, SyntaxError):  # whose text has the place
        what = str(error)
    else:
        from traceback import walk_tb

        frame, line = list(walk_tb(error.__traceback__))[-1]
        what = f"{_short(repr(error))} at {frame.f_code.co_filename}, line {line}"
    return SetupError(
        f"{module} cannot be imported: {what}\nthe whole traceback: {sys.executable} -c 'import {module}'"
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


if __name__ == "__main__":
    main(sys.argv[1:])
