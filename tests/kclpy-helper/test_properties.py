"""Properties files, as java.util.Properties reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kclpy_helper.errors import PropertiesError
from kclpy_helper.properties import read

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    """ISO 8859-1, escapes, continuation lines, and three kinds of separators."""
    path = tmp_path / "app.properties"
    path.write_bytes(b"! note\nexecutableName=python \\\n  app.py\nstreamName : caf\xe9\napplicationName \\u65e5\n")
    app = read(path)
    assert app.values == {"executableName": "python app.py", "streamName": "café", "applicationName": "日"}
    assert (app.path, app.executable_name) == (path, "python app.py")


def test_each_key_has_its_place(tmp_path: Path) -> None:
    """Lines end where java ends them, a value goes on over several, and of two the last counts."""
    path = tmp_path / "app.properties"
    path.write_bytes(b"# a\x85b\r\nstreamName = one \\\n  two\rworkerId = a\n\nworkerId = b")
    app = read(path)
    assert app.places == {"streamName": (str(path), 2), "workerId": (str(path), 6)}
    assert app.overridden == {"workerId": ((str(path), 4),)}
    assert str(app.places["workerId"]) == f"{path}:6"


@pytest.mark.parametrize(("line", "millis"), [("", 0), ("=", 0), ("=abc", 0), ("=0", 0), ("=15000", 15000)])
def test_the_grace_period_is_what_the_daemon_makes_of_it(tmp_path: Path, line: str, millis: int) -> None:
    """A number that does not parse is 0 for the daemon: not set."""
    path = tmp_path / "app.properties"
    path.write_text(f"shutdownGraceMillis{line}" if line else "")
    assert read(path).shutdown_grace_millis == millis


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The error has the absolute path and the reason as fields."""
    with pytest.raises(PropertiesError) as caught:
        read(tmp_path / "none")
    assert (caught.value.path, caught.value.reason) == (tmp_path / "none", "No such file or directory")
