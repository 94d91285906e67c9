"""Checks a properties file against what the MultiLangDaemon of a KCL version makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kclpy_helper.findings import Finding
    from kclpy_helper.properties import Properties


def check(app: Properties, kcl_version: str) -> tuple[Finding, ...]:  # noqa: ARG001
    """What is wrong with ``app`` for the daemon of ``kcl_version`` (such as ``3.1.3``), sorted by line."""
    return ()
