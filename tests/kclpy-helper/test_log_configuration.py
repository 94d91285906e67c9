"""A logback configuration of the user's, in which the daemon logs for us too, in a real JVM."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import kclpy_jars
import pytest
from kclpy_helper.java import find_java
from kclpy_helper.log_configuration import logback_too
from kclpy_helper.logs import Reader

if TYPE_CHECKING:
    from pathlib import Path

MARK = "5ca1ab1e"
DRAIN = "software.amazon.kinesis.multilang.DrainChildSTDERRTask"
# With each configuration, logs as the daemon does.
PROGRAM = f"""
public class Speaker {{
    public static void main(String[] arguments) throws Exception {{
        for (String file : arguments) {{
            var context = (ch.qos.logback.classic.LoggerContext) org.slf4j.LoggerFactory.getILoggerFactory();
            context.reset();
            var configurator = new ch.qos.logback.classic.joran.JoranConfigurator();
            configurator.setContext(context);
            System.out.println("file: " + file);
            configurator.doConfigure(file);
            org.slf4j.LoggerFactory.getLogger("{DRAIN}").error("Received error line from subprocess [no] for shard s");
            org.slf4j.LoggerFactory.getLogger("a.B").warn("careful");
        }}
    }}
}}
"""
APPENDER = """
<appender name="MINE" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>mine: %msg%n</pattern></encoder></appender>
"""
USERS = {
    "as usual": '<root level="INFO"><appender-ref ref="MINE"/></root>',
    "children off": f'<logger name="{DRAIN}" level="OFF"/><root level="INFO"><appender-ref ref="MINE"/></root>',
    "package off": (
        '<logger name="software.amazon"><level value="off"/></logger>'
        '<root level="INFO"><appender-ref ref="MINE"/></root>'
    ),
    "not passed on": (
        '<logger name="software.amazon.kinesis" additivity="false"><appender-ref ref="MINE"/></logger>'
        '<root level="INFO"><appender-ref ref="MINE"/></root>'
    ),
    "without a root": f'<logger name="{DRAIN}" level="INFO"><appender-ref ref="MINE"/></logger>',
}


def test_we_hear_of_a_childs_line_and_the_user_sees_what_the_file_says(tmp_path: Path) -> None:
    """Without our being told, a child's line could be taken for the daemon's word."""
    java = find_java()
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    if "jdk.compiler" not in modules:
        pytest.skip("this Java has no compiler")
    files: list[Path] = []
    for number, users in enumerate(USERS.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = folder / "mine.xml"
        given.write_text(f"<!-- mine --><configuration>{APPENDER}{users}</configuration>", encoding="utf-8")
        both = logback_too(folder, given)
        assert both
        files += [given, both]
    (tmp_path / "Speaker.java").write_text(PROGRAM, encoding="utf-8")
    command = [java, "-cp", kclpy_jars.class_path(), f"-Dkclpy.mark={MARK}", tmp_path / "Speaker.java", *files]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=100)
    parts = [part.split("\n")[1:] for part in said.stdout.split("file: ")[1:]]
    for name, before, after in zip(USERS, parts[::2], parts[1::2], strict=True):
        assert [line for line in after if not line.startswith(MARK)] == before, name
        read = Reader(MARK)
        events = [event for line in after if line.startswith(MARK) and (event := read(line))]
        assert events, name
        assert events[0].of_child, name


@pytest.mark.parametrize("text", ["", "<configuration>", "<other/>", "\x00"])
def test_what_is_not_a_configuration_is_left_to_the_daemon(tmp_path: Path, text: str) -> None:
    """It says what is wrong with it."""
    (tmp_path / "mine.xml").write_text(text, encoding="utf-8")
    assert logback_too(tmp_path, tmp_path / "mine.xml") is None
