"""Licences and the bill of materials, of the committed locks as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jartools.collect import default_cache
from jartools.licences import ALLOWED, SPELLINGS, SPELLINGS_BY_ADDRESS, TEXTS, LicenceError, expression, notices, texts
from jartools.locks import locks, notices_path
from jartools.sbom import sbom_of
from packaging.licenses import canonicalize_license_expression

if TYPE_CHECKING:
    from kclpy_jars import Lock

each_lock = pytest.mark.parametrize("committed", locks(), ids=lambda lock: lock.version)


@each_lock
def test_the_expression_is_spdx_and_covers_every_jar(committed: Lock) -> None:
    """packaging, which knows SPDX's list, finds nothing to change in it."""
    whole = expression(committed)
    assert canonicalize_license_expression(whole) == whole
    for jar in committed.jars:
        assert jar.license in whole


def test_there_is_a_text_for_each_licence_and_a_licence_for_each_text() -> None:
    """What the locks name and what the folder holds is the same."""
    wanted = {path for lock in locks() for path in texts(lock)}
    assert wanted == set(TEXTS.iterdir())
    assert {*ALLOWED, *SPELLINGS.values(), *SPELLINGS_BY_ADDRESS.values()} == {path.stem for path in wanted}


def test_one_allowed_alternative_is_enough(lock: Lock) -> None:
    """Who may choose chooses what is allowed; alone, the other is refused."""
    first, *rest = lock.jars
    either = replace(lock, jars=(replace(first, license="LGPL-2.1-only OR EPL-1.0"), *rest))
    assert expression(either) == "Apache-2.0 AND (LGPL-2.1-only OR EPL-1.0) AND MIT"
    with pytest.raises(LicenceError, match=r"daemon:3\.0\.1: LGPL-2\.1-only is not one of"):
        expression(replace(lock, jars=(replace(first, license="LGPL-2.1-only"), *rest)))


@each_lock
def test_the_bill_of_materials_is_valid_and_the_same_each_time(committed: Lock) -> None:
    """CycloneDX's own schema, read strictly, finds no fault; nothing in it depends on the day."""
    document = sbom_of(committed)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
    assert sbom_of(committed) == document
    assert "timestamp" not in document


@each_lock
def test_the_bill_of_materials_names_every_jar_as_the_lock_does(committed: Lock) -> None:
    """Each component has the jar's purl, hash and licence, and there is no other."""
    components = json.loads(sbom_of(committed))["components"]
    assert {
        (entry["purl"], entry["hashes"][0]["content"], entry["licenses"][0]["expression"]) for entry in components
    } == {
        (f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}?type=jar", jar.sha256, jar.license)
        for jar in committed.jars
    }


@each_lock
def test_the_committed_notices_are_those_of_the_jars(committed: Lock) -> None:
    """What the lock's task wrote is what is in the jars, where this machine has them all in its cache."""
    paths = {jar: default_cache() / f"{jar.sha256}.jar" for jar in committed.jars}
    if not all(path.exists() for path in paths.values()):
        pytest.skip("these jars were not collected on this machine")
    assert notices(committed, paths) == notices_path(committed).read_text(encoding="utf-8")
