"""`python -m kclpy module:Processor`: run a record processor that has no program of its own.

What stands after the colon is passed to `kclpy.run`: a class, an instance, a factory or a function.
"""

from __future__ import annotations

import importlib
import os
import sys
from operator import attrgetter

from kclpy.errors import EXIT_SETUP, SetupError
from kclpy.runner import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = "usage: python -m kclpy module:Processor    (started by the MultiLangDaemon, as executableName)"


def main(arguments: list[str]) -> None:
    """Run the processor that `arguments` name; exits with EXIT_SETUP if they name none."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        asked = arguments in (["-h"], ["--help"])
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else EXIT_SETUP)
    run(lambda: load(arguments[0]))


def load(target: str) -> Any:
    """What `module:name` names. Raises SetupError if there is no such thing."""
    module, colon, name = target.partition(":")
    if not (module and colon and name) or module.startswith("."):  # relative to a package, of which there is none
        raise SetupError(f"{target!r} names no processor: write module:Processor")
    try:
        return attrgetter(name)(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise SetupError(
            f"there is no module {error.name!r} in {os.getcwd()} or on the path of {sys.executable}"
        ) from None
    except AttributeError as error:
        raise SetupError(f"{target!r}: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
