"""The sample's properties."""

from __future__ import annotations

import shutil
import sysconfig

import pytest
from kclpy_helper.properties import Properties, read, sample


@pytest.fixture(scope="module")
def app() -> Properties:
    return read(sample())


def test_the_program_is_installed(app: Properties) -> None:
    """The executableName is one word, so that Windows finds its .exe too, and an installed command."""
    assert app.executable_name == "kclpy-wordcount"
    assert shutil.which(app.executable_name, path=sysconfig.get_path("scripts"))


def test_all_that_the_daemon_requires_is_there(app: Properties) -> None:
    """The stream of the word putter's examples; no streamArn, which would take precedence."""
    assert app.values["streamName"] == "words"
    assert app.values["applicationName"] == "words-app"
    assert app.values["AwsCredentialsProvider"] == "DefaultCredentialsProvider"
    assert app.values["regionName"] == "us-east-1"
    assert "streamArn" not in app.values


def test_record_processors_are_told_of_the_end(app: Properties) -> None:
    """Unset, shutdownGraceMillis is 0, and no record processor sees shutdownRequested."""
    assert app.shutdown_grace_millis == 15000
