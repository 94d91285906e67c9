"""How the daemon is to log, so that ``kclpy-helper run`` can read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import javaproperties

from kclpy_helper.logs import END_OF_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGBACK = Path(__file__).with_name("logging") / "run.xml"
"""The logback configuration whose lines :class:`~kclpy_helper.logs.Reader` reads."""
_KCL_1 = "com.amazonaws.services.kinesis"
_SPEAKERS = {
    f"{_KCL_1}.multilang.GetNextMessageTask": "INFO",
    f"{_KCL_1}.multilang.MessageWriter": "INFO",
    f"{_KCL_1}.multilang.MultiLangDaemon": "INFO",
    f"{_KCL_1}.multilang.MultiLangProtocol": "FINE",
    f"{_KCL_1}.multilang.MultiLangRecordProcessor": "INFO",
    f"{_KCL_1}.clientlibrary.lib.worker.Worker": "INFO",
}
"""KCL 1.x's loggers that say what :data:`LOGBACK` has those of the later ones say."""
_APPENDER = "kclpy"
_DRAIN = "software.amazon.kinesis.multilang.DrainChildSTDERRTask"


def java_util_logging(folder: Path, mark: str, *, debug: bool) -> Path:
    """Write a configuration of java.util.logging, for KCL 1.x, in the format that :class:`~kclpy_helper.logs.Reader` reads.

    The stack trace of an exception does not fit into its line there: it follows, in lines without the mark.
    """
    path = folder / "logging.properties"
    values = {
        "handlers": "java.util.logging.ConsoleHandler",
        "java.util.logging.ConsoleHandler.level": "ALL",
        "java.util.logging.ConsoleHandler.encoding": "UTF-8",
        "java.util.logging.SimpleFormatter.format": f"{mark}%1$tFT%1$tT.%1$tL%1$tz\t%4$s\t%3$s\t%5$s{END_OF_MESSAGE}%6$s%n",
        ".level": "INFO" if debug else "WARNING",
        **{f"{logger}.level": level for logger, level in _SPEAKERS.items()},
    }
    with path.open("w", encoding="latin-1") as file:
        javaproperties.dump(values, file)
    return path


def logback_too(folder: Path, users: Path) -> Path | None:
    """Write a copy of the logback configuration ``users`` in which the daemon logs as :data:`LOGBACK` says, too.

    The lines of that appender are for us to read; what ``users`` writes stays as it is. None where it is not a
    configuration.
    """
    try:
        tree = ET.parse(users)  # noqa: S314  (it is the user's own file, which the daemon would read)
    except (ET.ParseError, OSError, ValueError):
        return None
    configuration = tree.getroot()
    ours = ET.parse(LOGBACK).getroot().find("appender")  # noqa: S314
    if configuration.tag != "configuration" or ours is None:
        return None
    ours.set("name", _APPENDER)
    configuration.insert(0, ours)
    loggers = {logger.get("name", ""): logger for logger in configuration.iter("logger")}
    root = configuration.find("root")
    if root is None:
        root = ET.SubElement(configuration, "root")
    for logger in [root, *loggers.values()]:
        if logger is root or logger.get("additivity") == "false":
            ET.SubElement(logger, "appender-ref", ref=_APPENDER)
    level = next((level for name in _and_parents(_DRAIN) if (level := _level(loggers.get(name)))), _level(root))
    if level == "OFF":  # then we alone are told which of the lines on stderr are a child's
        drain = loggers.get(_DRAIN)
        if drain is not None:
            configuration.remove(drain)
        drain = ET.SubElement(configuration, "logger", name=_DRAIN, level="ERROR", additivity="false")
        ET.SubElement(drain, "appender-ref", ref=_APPENDER)
    path = folder / "logback.xml"
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return path


def _and_parents(logger: str) -> Iterator[str]:
    while logger:
        yield logger
        logger = logger.rpartition(".")[0]


def _level(logger: ET.Element | None) -> str:
    """The level that a ``<logger>`` sets, in capitals, or ``""``."""
    if logger is None:
        return ""
    nested = logger.find("level")
    return (logger.get("level") or (nested is not None and nested.get("value")) or "").upper()
