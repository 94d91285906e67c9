"""What hatchling asks for when it builds kclpy-jars: its licence, its jars and their bill of materials."""  # noqa: INP001

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# The hook is loaded from its path alone: its siblings have to be found for it.
_ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]


class LicencesHook(MetadataHookInterface):
    """The licences of all that the lock lists, as PEP 639 wants them: an expression, and the texts."""

    def update(self, metadata: dict[str, Any]) -> None:
        from jartools.licences import expression, texts
        from jartools.locks import lock_of, notices_path

        lock = lock_of(metadata["version"])
        metadata["license"] = expression(lock)
        files = [*texts(lock), notices_path(lock)]
        metadata["license-files"] = ["LICENSE", "NOTICE", *(path.relative_to(_ROOT).as_posix() for path in files)]


class JarsHook(BuildHookInterface[BuilderConfig]):
    """Collects the jars before a wheel or an editable install is made, or fails the build: jartools.collect says when."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        from jartools.collect import collect, default_cache, is_complete, replacing
        from jartools.locks import lock_of
        from jartools.sbom import SBOM_NAME, sbom_of
        from jartools.sources import default_sources
        from kclpy_jars.errors import JarsError

        # The version is the choice already made; in an sdist it is the sdist's own.
        try:
            lock = lock_of(self.metadata.version)
            if lock.support_warning:
                self.app.display_warning(f"kclpy-jars: {lock.support_warning}")
            jars = _ROOT / "src" / "kclpy_jars" / "jars"
            if self.target_name == "sdist":
                # No jar goes into an sdist, but nothing is built of a tree whose jars were tampered with.
                is_complete(lock, jars)
                return
            collect(lock, jars, default_cache(), default_sources())
            sbom = _ROOT / "build" / SBOM_NAME
            sbom.parent.mkdir(exist_ok=True)
            with replacing(sbom) as file:
                file.write(sbom_of(lock).encode())
            build_data["sbom_files"].append(str(sbom.relative_to(_ROOT)))
        except JarsError as error:
            self.app.abort(f"kclpy-jars: {error}")
