"""The contracts as `amazon_kclpy` has them: abstract in word only, because its `__metaclass__` has no effect.

A program whose class lacks a method starts, and finds out when the method is called.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Class = TypeVar("Class", bound=type)


def not_enforced(contract: Class) -> Class:
    """`contract`, whose abstract methods no longer keep a subclass from being made."""
    contract.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    return contract
