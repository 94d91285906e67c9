"""The pytest fixture `fake_daemon`, which pytest finds through the entry point `pytest11`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kclpy.testing import FakeDaemon


@pytest.fixture
def fake_daemon() -> Iterator[Callable[..., FakeDaemon]]:
    """Makes a `kclpy.testing.FakeDaemon`, with the same arguments, and closes it after the test."""
    from kclpy.testing import FakeDaemon

    daemons: list[FakeDaemon] = []

    def make(*arguments: Any, **options: Any) -> FakeDaemon:
        daemons.append(FakeDaemon(*arguments, **options))
        return daemons[-1]

    yield make
    for daemon in daemons:
        daemon.close()
