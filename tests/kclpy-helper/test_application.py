"""Properties made of defaults, a file, variables and flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_helper import application, properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kclpy_helper.properties import Properties

    Flags = tuple[tuple[str, str, str], ...]


def file(folder: Path, text: str) -> Properties:
    path = folder / "app.properties"
    path.write_text(text, encoding="latin-1")
    return properties.read(path)


def compose(source: Properties | str, environment: Mapping[str, str] = {}, flags: Flags = ()) -> Properties:
    return application.compose(source, "3.1.3", environment, flags)


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    """And each value knows where it comes from."""
    source = file(tmp_path, "applicationName = a\n\nstreamName = from-file\nregionName = r\nshutdownGraceMillis = 1\n")
    variables = {"KCLPY_STREAM": "from-variable", "KCLPY_REGION": "from-variable", "KCLPY_ON_ERROR": "skip"}
    app = compose(source, variables, (("streamName", "from-flag", "--stream"),))
    assert {key: app.values[key] for key in source.values} == {
        "applicationName": "a",
        "streamName": "from-flag",
        "regionName": "from-variable",
        "shutdownGraceMillis": "1",
    }
    assert {key: str(app.places[key]) for key in ("streamName", "regionName", "applicationName")} == {
        "streamName": "--stream",
        "regionName": "KCLPY_REGION",
        "applicationName": f"{source.path}:1",
    }
    assert app.values.keys() == app.places.keys()


def test_any_key_can_be_set_by_a_variable() -> None:
    """Two underscores are the dot of a nested key."""
    app = compose("app:P", {"KCLPY_SET_maxRecords": "7", "KCLPY_SET_kinesisClient__fipsEnabled": "true"})
    assert app.values["maxRecords"] == "7"
    assert app.values["kinesisClient.fipsEnabled"] == "true"
    assert str(app.places["maxRecords"]) == "KCLPY_SET_maxRecords"


def test_a_stream_given_later_replaces_name_and_arn(tmp_path: Path) -> None:
    """The daemon would prefer an ARN of the file to a name given by a flag."""
    source = file(tmp_path, "streamArn = arn:aws:kinesis:us-east-1:1:stream/old\n")
    assert "streamArn" not in compose(source, {"KCLPY_STREAM": "new"}).values
    arn = "arn:aws:kinesis:us-east-1:1:stream/new"
    app = compose("app:P", {"KCLPY_STREAM": "old"}, (("streamName", arn, "--stream"),))
    assert "streamName" not in app.values
    assert app.values["streamArn"] == arn


def test_a_start_time_replaces_our_default_and_the_files(tmp_path: Path) -> None:
    """Of the two it is chance for the daemon which counts."""
    source = file(tmp_path, "initialPositionInStream = LATEST\n")
    for given in (source, "app:P"):
        for key in ("initialPositionInStreamExtended", "timestampAtInitialPositionInStream"):
            app = compose(given, {}, ((key, "1767225600", "--set"),))
            assert [name for name in app.values if "InitialPosition" in name or "initialPosition" in name] == [key]


def test_a_processor_runs_on_this_interpreter_with_nothing_lost_and_nothing_paid_for() -> None:
    """TRIM_HORIZON, a grace period, and no enhanced fan-out, which nobody asked for."""
    assert compose("app:WordCount").values == {
        "executableName": f"{Path(sys.executable).name} -m kclpy app:WordCount",
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "initialPositionInStream": "TRIM_HORIZON",
        "retrievalMode": "POLLING",
        "shardSyncIntervalMillis": "1000",
        "leaseAssignmentIntervalMillis": "5000",
        "shutdownGraceMillis": "15000",
    }


def test_kcl_1_has_its_own_credentials_provider() -> None:
    """And no retrieval mode."""
    values = application.compose("app:P", "1.15.3", {}, []).values
    assert values["AWSCredentialsProvider"] == "DefaultAWSCredentialsProviderChain"
    assert "retrievalMode" not in values


def test_a_file_keeps_the_daemons_defaults(tmp_path: Path) -> None:
    """Only what a stop needs is added: a grace period."""
    source = file(tmp_path, "applicationName = a\n")
    assert set(compose(source).values) - set(source.values) == {"shutdownGraceMillis"}


@pytest.mark.parametrize("value", ["a = b: c # d", "ünïcode 東京", "back\\slash", " leading", "two\nlines", ""])
def test_what_is_written_is_read_again(tmp_path: Path, value: str) -> None:
    """Whatever a value holds."""
    app = compose("app:P", {}, (("tableName", value, "--set"),))
    written = application.write(app, tmp_path)
    assert properties.read(written.path).values == app.values
    assert written.places == app.places
