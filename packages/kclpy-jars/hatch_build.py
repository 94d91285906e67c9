"""Puts the jars of the lock into the package before a wheel or an editable install is made of it."""  # noqa: INP001

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class JarsHook(BuildHookInterface[BuilderConfig]):
    """Collects the jars, or fails the build: jartools.collect says when and why."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        # The hook is loaded from its path alone: its siblings have to be found for it.
        sys.path[:0] = [str(root), str(root / "src")]
        from jartools.collect import collect, default_cache, is_complete
        from jartools.locks import lock_of
        from jartools.sources import default_sources
        from kclpy_jars.errors import JarsError

        # The version is the choice already made; in an sdist it is the sdist's own.
        try:
            lock = lock_of(self.metadata.version)
            jars = root / "src" / "kclpy_jars" / "jars"
            if self.target_name == "sdist":
                # No jar goes into an sdist, but nothing is built of a tree whose jars were tampered with.
                is_complete(lock, jars)
            else:
                collect(lock, jars, default_cache(), default_sources())
        except JarsError as error:
            self.app.abort(f"kclpy-jars: {error}")
