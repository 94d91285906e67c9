"""The MultiLangDaemon's properties file."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import javaproperties

from kclpy_helper.errors import NotInstalledError, PropertiesError

if TYPE_CHECKING:
    from collections.abc import Mapping


_LINE_END = re.compile(r"\r\n|\r|\n")


POLLING_KEYS = (
    "maxRecords",
    "idleTimeBetweenReadsInMillis",
    "millisBehindLatestThresholdForReducedTps",
    "retryGetRecordsInSeconds",
    "maxGetRecordsThreadPool",
)
"""Which of them is set turns the retrieval mode DEFAULT from fan-out into polling (PollingConfigBean.anyPropertiesSet)."""


class Place(NamedTuple):
    """Where a value was set: a properties file and its line (from 1), or a flag or environment variable."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Properties:
    """A properties file as java.util.Properties reads it; ``path`` is absolute.

    ``places`` has the place of each key; of a key that is set twice, the last, whose value counts. ``overridden`` has the
    places of the others.
    """

    path: Path
    values: Mapping[str, str]
    places: Mapping[str, Place] = field(default_factory=dict)
    overridden: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    @property
    def executable_name(self) -> str:
        """The command that the daemon starts for each shard, or ``""``."""
        return self.values.get("executableName", "")

    @property
    def shutdown_grace_millis(self) -> int:
        """How long a daemon that is told to end waits for its record processors; 0 where the daemon reads 0."""
        # The daemon takes what is no number for "not set" (MultiLangDaemonConfiguration.shutdownGraceMillis).
        try:
            return int(self.values.get("shutdownGraceMillis", ""))
        except ValueError:
            return 0


def read(path: str | Path) -> Properties:
    """Read a properties file.

    Raises :class:`~kclpy_helper.errors.PropertiesError`, which names the file and what is wrong with it.
    """
    absolute = Path(path).absolute()
    try:
        with absolute.open("rb") as file:
            text = file.read().decode("latin-1")
        values: dict[str, str] = {}
        places: dict[str, Place] = {}
        overridden: dict[str, tuple[Place, ...]] = {}
        line = 1
        for element in javaproperties.parse(text):
            if isinstance(element, javaproperties.KeyValue):
                if element.key in places:
                    overridden[element.key] = (*overridden.get(element.key, ()), places[element.key])
                values[element.key] = element.value
                places[element.key] = Place(str(absolute), line)
            line += len(_LINE_END.findall(element.source))
    except OSError as error:
        raise PropertiesError(absolute, error.strerror or str(error)) from error
    except javaproperties.InvalidUEscapeError as error:
        raise PropertiesError(absolute, str(error)) from error
    return Properties(absolute, values, places, overridden)


def sample() -> Path:
    """The ``sample.properties`` of kclpy-samples.

    Raises :class:`~kclpy_helper.errors.NotInstalledError`.
    """
    spec = importlib.util.find_spec("kclpy_samples")
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalledError("kclpy-samples", "sample.properties")
    return Path(spec.submodule_search_locations[0], "sample.properties")
