"""The first two files of an application: its properties and its record processor."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import javaproperties

from kclpy_helper.errors import ExistsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATES = Path(__file__).with_name("start")
PROPERTIES, PROCESSOR = "app.properties", "processor.py"


def write(folder: Path, names: Mapping[str, str], *, force: bool = False) -> tuple[Path, ...]:
    """Write both files into ``folder``, which is made if need be; their paths.

    ``names`` has the ``stream``, the ``application`` and the ``region``. Raises
    :class:`~kclpy_helper.errors.ExistsError` where one of the files is there, unless ``force`` is said, and
    :class:`OSError`.
    """
    paths = tuple(folder / name for name in (PROPERTIES, PROCESSOR))
    for path in paths:
        if path.exists() and not force:
            raise ExistsError(path)
    folder.mkdir(parents=True, exist_ok=True)
    escaped = {name: javaproperties.escape(value) for name, value in names.items()}
    for path in paths:
        template = Template((_TEMPLATES / f"{path.name}.template").read_text(encoding="utf-8"))
        path.write_text(template.substitute(escaped), encoding="utf-8")
    return paths
