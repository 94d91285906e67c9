"""What a check found, and what of it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kclpy_helper import check, keys, properties
from kclpy_helper.findings import Finding, Severity

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "pa55word"
URLS = [
    f"http://user:{SECRET}@host:4566",
    f"http://{SECRET}@host",
    f"https://user:x/{SECRET}@y@host/path",
    f"user:{SECRET}@host:4566",
    f"http:user:{SECRET}@host",
    f"http:/user:{SECRET}/x@host",
    f"htp//user:{SECRET}@host",
    f"http://user:a {SECRET}@host",
    f"https://host/path?token={SECRET}&region=x",
    f"StsAssumeRoleCredentialsProvider|arn:aws:iam::1:role/r|me|endpoint=https://user:{SECRET}@host^us-east-1",
]


@pytest.mark.parametrize("url", URLS)
def test_a_finding_keeps_no_secret_of_a_url(url: str) -> None:
    """Neither the user and password, however the URL is written, nor the values of its query."""
    finding = Finding(Severity.FAULT, url, f"'{url}' is not a URL", f"write {url}")
    assert SECRET not in finding.subject + finding.effect + finding.remedy
    assert "***" in finding.effect


@pytest.mark.parametrize(
    "text", ["http://localhost:4566", "arn:aws:kinesis:us-east-1:1:stream/x", "at 10:20, me@host", 'pip "x[aws]"']
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    """Only what looks like a URL's user or query is replaced."""
    assert Finding(Severity.OK, "x", text).effect == text


KEYS = [
    "kinesisEndpoint",
    "regionName",
    "kinesisClient.endpointOverride",
    "AwsCredentialsProvider",
    "streamArn",
    "maxRecords",
]


def file_of(path: Path, key: str, url: str) -> Path:
    path.write_text(f"executableName = python app.py --to {url}\nstreamName = {url}\n{key} = {url}\n{url}\n")
    return path


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("url", URLS)
def test_no_finding_of_a_check_has_a_secret_of_a_property(tmp_path: Path, key: str, url: str) -> None:
    """Whatever is wrong with the value."""
    for kcl in keys.lines().values():
        found = check.check(properties.read(file_of(tmp_path / "app.properties", key, url)), kcl)
        assert SECRET not in "".join(finding.subject + finding.effect + finding.remedy for finding in found)


def test_check_and_run_print_no_secret_of_a_property(run: Run, tmp_path: Path) -> None:
    """In text and in JSON, and where `run` refuses to start."""
    path = file_of(tmp_path / "app.properties", KEYS[0], URLS[0])
    for arguments in (["check", path], ["check", "--json", path], ["run", path]):
        done = run(*arguments)
        assert done.returncode == 1
        assert "***" in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr


def test_a_flag_that_is_refused_keeps_no_secret(run: Run, tmp_path: Path) -> None:
    """One that is not a key and a value."""
    path = file_of(tmp_path / "app.properties", KEYS[0], "x")
    done = run("run", path, "--set", f"kinesisEndpoint {URLS[0]}")
    assert (done.returncode, SECRET in done.stderr) == (2, False)


def test_explain_prints_no_secret_of_what_is_not_a_key(run: Run) -> None:
    """A URL that was taken for a key."""
    assert SECRET not in run("check", "--explain", URLS[0]).stderr
