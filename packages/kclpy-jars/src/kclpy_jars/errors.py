"""What can go wrong, and whose fault it is.

::

    JarsError
    ├── LockError          a lock does not say what it must: its author's fault
    │   └── LayoutError    it is of another layout: another version of kclpy-jars wrote it
    ├── NotCollectedError  no jars beside the package: a source tree that was never built
    ├── DamagedError       a folder of jars is not what its lock says: whoever changed it
    └── (building only: jartools.sources.UnavailableError, jartools.collect.CollectError,
         jartools.resolution.ResolutionError, jartools.licences.LicenceError)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kclpy_jars.verification import Fault


class JarsError(Exception):
    """Root of the errors of kclpy-jars."""


class LockError(JarsError):
    """A lock that cannot be read.

    ``source`` names the document, ``where`` the place in it (``jars[3].sha256``; empty for the
    whole of it), and ``problem`` what is wrong there.
    """

    def __init__(self, source: str, where: str, problem: str) -> None:
        super().__init__(source, where, problem)
        self.source = source
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.source, self.where, self.problem)))


class LayoutError(LockError):
    """A lock of another layout than this kclpy-jars reads: written by an older or a newer one."""


class NotCollectedError(JarsError):
    """There are no jars in ``folder``: the package was not built, or the build did not finish."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return (
            f"no jars in {self.folder}: this is a source tree that was not built. Install the "
            "wheel of kclpy-jars, or 'pip install --editable' the folder of its pyproject.toml"
        )


class DamagedError(JarsError):
    """The jars in ``folder`` are not those of its lock; ``faults`` has one entry a jar."""

    def __init__(self, folder: Path, faults: Sequence[Fault]) -> None:
        super().__init__(folder, faults)
        self.folder = folder
        self.faults = tuple(faults)

    def __str__(self) -> str:
        listed = "".join(f"\n  {fault}" for fault in self.faults)
        return (
            f"the jars in {self.folder} are not those of the lock:{listed}\n"
            "Find out who changed them, then install kclpy-jars again (in its source tree: delete "
            "that folder and build again)."
        )
