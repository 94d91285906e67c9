"""Checks that an application can run: the installation, the properties, the executable, and the AWS that they name."""

from __future__ import annotations

from kclpy_helper.doctor.checks import examine
from kclpy_helper.doctor.examination import Examination

__all__ = ["Examination", "examine"]
