"""What the check says of the daemon, on the daemon, and the application that init writes."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import kclpy_jars
import pytest
from kclpy_helper import check, properties
from kclpy_samples.local import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Watch = Callable[..., Any]

HELPER = Path(sysconfig.get_path("scripts")) / "kclpy-helper"
WITHOUT_REGION = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
SOUND = {
    "executableName": "python",
    "streamName": "words",
    "applicationName": "words-app",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "regionName": "us-east-1",
    "shutdownGraceMillis": "15000",
    "retrievalMode": "POLLING",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"applicationName": None}, "Application name is required"),
        ({"regionName": None}, "Unable to load region"),
        ({"AwsCredentialsProvider": "DefaultAWSCredentialsProviderChain"}, "No credential providers were specified"),
        ({"AWSCredentialsProvider": "DefaultCredentialsProvider"}, "further properties may not be set"),
        ({"streamArn": "words"}, "Malformed ARN"),
        ({"streamArn": "arn:aws:kinesis:us-east-1:123:stream/words"}, "Invalid streamArn"),
        ({"regionName": "us-east-1 "}, "invalid URI"),
        ({"metricsLevel": "NONE "}, "No enum constant"),
        ({"maxActiveThreads": "2 "}, "NumberFormatException"),
        ({"maxRecords": "10001"}, "maxRecords must be less than or equal to 10000"),
        ({"staleWorkerMetricsEntryCleanupDuration": "1d"}, "cannot be parsed to a Duration"),
        ({"kinesisClient.nope": "1"}, "Unknown property: nope"),
        ({"kinesisClient.defaultsMode": "STANDARD"}, "ConversionException"),
    ],
)
def test_what_is_said_to_end_the_daemon_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], reason: str
) -> None:
    """The only finding says so, and the real daemon exits 1 for that reason."""
    path = tmp_path / "app.properties"
    values = {**SOUND, **changes}
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items() if value is not None))
    with monkeypatch.context() as context:
        context.delenv("AWS_REGION", raising=False)
        context.setenv("AWS_CONFIG_FILE", os.devnull)
        (finding,) = check.check(properties.read(path), kclpy_jars.KCL_VERSION)
    assert "the daemon ends at its start" in finding.effect
    command = [HELPER, "--execute", "--properties", path]
    done = subprocess.run(command, env=WITHOUT_REGION, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 1
    assert reason in done.stdout + done.stderr


FAST = "failoverTimeMillis = 3000\n"
IGNORED = "kinesisCredentialsProvider = X\nkinesisClient = X\nhttp.proxyHost = nowhere\nfailovrTimeMillis = 1\nMaxLeasesForWorker = 0\nmaxLeasesForWorker = none\ncoordinatorStateReadCapacity =\n"


@pytest.mark.skipif(sys.platform == "win32", reason="it is run by a POSIX shell")
def test_the_application_of_init_runs(watch: Watch, tmp_path: Path) -> None:
    """With the files as they were written, what makes a first start fast, and what is said to be ignored."""
    app = tmp_path / "app"
    subprocess.run([HELPER, "init", app, "--stream", "words"], capture_output=True, check=True)
    path = app / "app.properties"
    with path.open("a") as file:
        file.write(FAST + IGNORED)
    findings = check.check(properties.read(path), kclpy_jars.KCL_VERSION)
    assert ["ignores it" in finding.effect or "not set" in finding.effect for finding in findings] == [True] * 7
    with local_aws() as aws:
        put = [HELPER.with_name("kclpy-wordputter"), "-s", "words", "-w", "cat"]
        subprocess.run(put, env={**os.environ, **aws.environment}, capture_output=True, check=True)
        start = f"cd {app} && exec {HELPER} --execute --properties app.properties"
        run = watch("/bin/sh", "-c", start, env=aws.environment)
        run.wait_for("INFO:processor:shardId-000000000000: ", "b'cat'")
