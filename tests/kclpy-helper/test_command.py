"""Commands as argument lists, and as lines to paste."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import kclpy_jars
import pytest
from kclpy_helper import command
from kclpy_helper.log_configuration import LOGBACK


def test_a_daemon_of_kcl_1_gets_its_properties_file_alone() -> None:
    """KCL 1.x takes one positional argument, and its log configuration as java.util.logging does: from the JVM's options."""
    daemon = kclpy_jars.Daemon("com.amazonaws.M", None, None)
    line = command.daemon_command(Path("/java"), "a:b", daemon, Path("/app.properties"))
    log = f"-Djava.util.logging.config.file={command.KCL_1_LOG_CONFIGURATION}"
    assert line == ["/java", "-Dfile.encoding=UTF-8", log, "-cp", "a:b", "com.amazonaws.M", "/app.properties"]
    given = command.daemon_command(Path("/java"), "a:b", daemon, Path("/p"), log_configuration=Path("/log"))
    assert given[2] == "-Djava.util.logging.config.file=/log"


def test_jvm_options_come_before_the_class() -> None:
    """What follows the main class would be the daemon's; of two options for the same, the JVM takes the given one."""
    daemon = kclpy_jars.Daemon("M", None, None)
    line = command.daemon_command(Path("/java"), "a", daemon, Path("/p"), jvm_options=["-Xmx64m"])
    assert line[2].startswith("-Djava.util.logging")
    assert line[3:] == ["-Xmx64m", "-cp", "a", "M", "/p"]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        (r"C:\jre\bin\java.exe", r"C:\jre\bin\java.exe"),
        (r"C:\Program Files\java.exe", r'"C:\Program Files\java.exe"'),
        ("-Dfile.encoding=UTF-8", '"-Dfile.encoding=UTF-8"'),
        (r"C:\a.jar;C:\b.jar", r'"C:\a.jar;C:\b.jar"'),
        ("--properties-file", "--properties-file"),
        (r"C:\R&D\app.properties", r'"C:\R&D\app.properties"'),
    ],
)
def test_on_windows_all_but_plain_words_are_in_double_quotes(word: str, shown: str) -> None:
    """cmd.exe and PowerShell split at different characters; neither splits what is quoted."""
    assert command.shell_line([word], {}, windows=True) == shown


def test_on_windows_the_environment_is_set_first() -> None:
    """cmd.exe has no `env`."""
    line = command.shell_line(["java"], {"PATH": r"C:\a b;C:\c"}, windows=True)
    assert line == r'set "PATH=C:\a b;C:\c" && java'


@pytest.mark.parametrize("path", [command.LOG_CONFIGURATION, LOGBACK], ids=lambda path: path.name)
def test_a_log_configuration_names_loggers_that_exist(path: Path) -> None:
    """A misspelt logger would change nothing, silently: each is a class in the bundled jars."""
    root = ET.parse(path).getroot()  # noqa: S314  (the file is ours)
    loggers = {logger.attrib["name"] for logger in root.iter("logger")}
    classes = set()
    for jar in kclpy_jars.jar_paths():
        if jar.name.startswith("amazon-kinesis-client"):
            with zipfile.ZipFile(jar) as archive:
                classes |= {name.removesuffix(".class").replace("/", ".") for name in archive.namelist()}
    assert loggers
    assert loggers - classes == set()
