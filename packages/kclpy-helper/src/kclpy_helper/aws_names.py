"""What AWS takes for a name, and its regions: ``keys/aws.json``, which ``hatch run keys`` makes from botocore's models."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).with_name("keys") / "aws.json"


class Partition(NamedTuple):
    """A partition of AWS, as in ``aws-cn``: which names its regions have, and which domains its endpoints."""

    name: str
    pattern: str
    suffixes: tuple[str, ...]
    regions: tuple[str, ...]


def wanted(shape: str, name: str) -> str | None:
    """What AWS takes as a ``shape``, such as ``StreamName``; None where ``name`` is that."""
    limits = _data()["shapes"][shape]
    if limits["min"] <= len(name) <= limits["max"] and re.fullmatch(limits["pattern"], name, re.ASCII):
        return None
    return f"{limits['min']} to {limits['max']} characters that match {limits['pattern']}"


@cache
def partitions() -> Mapping[str, Partition]:
    """The partitions by their names."""
    return {
        name: Partition(name, found["pattern"], tuple(found["suffixes"]), tuple(found["regions"]))
        for name, found in _data()["partitions"].items()
    }


def partition_of(region: str) -> Partition:
    """The partition that ``region`` is in; that of any name which none has is ``aws``."""
    return next((found for found in partitions().values() if re.match(found.pattern, region)), partitions()["aws"])


def is_region(name: str) -> bool:
    """Whether there is a region ``name``; one that is newer than our data is found where boto3 is installed."""
    return name in _regions() or name in _regions_of_botocore()


def closest_regions(name: str) -> list[str]:
    """The regions that are spelt most like ``name``."""
    return get_close_matches(name.strip().lower(), _regions(), 3)


def is_aws(host: str) -> bool:
    """Whether ``host`` is in a domain of AWS."""
    return any(host.endswith(f".{suffix}") for found in partitions().values() for suffix in found.suffixes)


def _regions() -> list[str]:
    return [region for found in partitions().values() for region in found.regions]


@cache
def _regions_of_botocore() -> frozenset[str]:
    try:
        import botocore.session
    except ImportError:
        return frozenset()
    found = botocore.session.Session().get_data("partitions")["partitions"]
    return frozenset(region for partition in found for region in partition["regions"])


@cache
def _data() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return document
