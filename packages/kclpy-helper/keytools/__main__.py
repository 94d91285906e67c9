"""``hatch run keys``: the tables of kclpy_helper/keys from the jars and botocore, and docs/properties.md from the tables."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper import aws_names, keys

from keytools.classfile import ClassPath
from keytools.extract import Extract, extract
from keytools.names import names
from keytools.page import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_jars import Lock

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "properties.md"
sys.path.append(str(ROOT / "packages" / "kclpy-jars"))  # jartools is in no wheel


@contextmanager
def collected(lock: Lock) -> Iterator[ClassPath]:
    """The classes of the jars of ``lock``, from the cache of kclpy-jars or where else it gets them from."""
    from jartools.collect import collect, default_cache
    from jartools.sources import default_sources

    with tempfile.TemporaryDirectory() as folder:
        collect(lock, Path(folder), default_cache(), default_sources())
        with ClassPath(sorted(Path(folder).glob("*.jar"))) as classes:
            yield classes


def dumps(found: Extract) -> str:
    """As it is kept in kclpy_helper/keys."""
    return json.dumps(asdict(found), indent=1) + "\n"


def main() -> None:
    from jartools.locks import locks

    for lock in locks():
        with collected(lock) as classes:
            path = keys.DATA / f"kcl-{lock.kcl_version}.json"
            path.write_text(dumps(extract(lock.kcl_version, classes)), encoding="utf-8")
            print(path)
    aws_names.DATA.write_text(json.dumps(names(), indent=1) + "\n", encoding="utf-8")
    print(aws_names.DATA)
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
