"""Whether the JVM trusts an endpoint's certificate."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.doctor.http2 import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 60
_PASSWORD = "KCLPY_TRUST_STORE_PASSWORD"  # noqa: S105  (the variable that keytool reads it from)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class TrustStore(NamedTuple):
    """What a JVM trusts: the file, and the certificates in it, or why it could not be read."""

    path: Path
    certificates: str
    problem: str


def trust_store(java: Path, jvm_options: Sequence[str]) -> TrustStore:
    """The trust store of the JVM that ``java`` starts with ``jvm_options``, as the JVM and its keytool tell it.

    It is the one of the system properties, which JAVA_TOOL_OPTIONS sets too, or the Java's own (JSSE Reference Guide).
    """
    said = _output([str(java), *jvm_options, "-XshowSettings:properties", "-version"])
    settings = dict(re.findall(r"(?m)^ +(\S+) = (.*)$", said))
    if "java.home" not in settings:
        return TrustStore(java, "", _complaint(said))
    home = Path(settings["java.home"])
    own = [home / "lib" / "security" / name for name in ("jssecacerts", "cacerts")]
    named = settings.get("javax.net.ssl.trustStore")
    path = Path(named) if named else next((path for path in own if path.exists()), own[-1])
    keytool = shutil.which("keytool", path=str(home / "bin")) or shutil.which("keytool")
    if keytool is None:
        return TrustStore(path, "", f"there is no keytool in {home / 'bin'}")
    command = [keytool, "-list", "-rfc", "-keystore", str(path)]
    if kind := settings.get("javax.net.ssl.trustStoreType"):
        command += ["-storetype", kind]
    password = settings.get("javax.net.ssl.trustStorePassword")
    if password is not None:
        command += ["-storepass:env", _PASSWORD]
    said = _output(command, {_PASSWORD: password or ""})
    certificates = "\n".join(_CERTIFICATE.findall(said))
    return TrustStore(path, certificates, "" if certificates else _complaint(said))


def problem_of(url: str, store: TrustStore) -> str | None:
    """Why what is in ``store`` does not vouch for the server at ``url``, or None where it does. Raises :class:`OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # whatever is in the store is trusted, as in Java
    context.load_verify_locations(cadata=store.certificates)
    try:
        with connected(url, context):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message


def _complaint(said: str) -> str:
    lines = said.strip().splitlines() or ["there was no answer"]
    return next((line for line in lines if re.search(r"(?i)error|exception|unrecognized", line)), lines[-1])


def _output(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        ).stdout
    return ""
