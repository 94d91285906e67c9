"""The bill of materials of a wheel (CycloneDX in JSON; PEP 770): every jar with its purl, its hash and its licence.

The same lock gives the same bytes: no time stamp, and a serial number that follows from the lock.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from jartools.licences import expression

if TYPE_CHECKING:
    from kclpy_jars.lock import Jar, Lock

SBOM_NAME = "kclpy-jars.cdx.json"


def sbom_of(lock: Lock) -> str:
    """The document."""
    wheel = Component(
        type=ComponentType.LIBRARY,
        name="kclpy-jars",
        version=lock.version,
        bom_ref=f"pkg:pypi/kclpy-jars@{lock.version}",
        purl=PackageURL("pypi", None, "kclpy-jars", lock.version),
        licenses=[LicenseExpression(expression(lock))],
    )
    bom = Bom(components=map(_component, lock.jars), serial_number=uuid.uuid5(uuid.NAMESPACE_OID, lock.dumps()))
    bom.metadata.component = wheel
    bom.register_dependency(wheel, bom.components)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    # It would say when the wheel was built, which is of no use to know whether two are the same.
    del document["metadata"]["timestamp"]
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _component(jar: Jar) -> Component:
    purl = PackageURL(
        "maven", jar.group, jar.artifact, jar.version, {"classifier": jar.classifier or "", "type": "jar"}
    )
    return Component(
        type=ComponentType.LIBRARY,
        group=jar.group,
        name=jar.artifact,
        version=jar.version,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=jar.sha256)],
        licenses=[LicenseExpression(jar.license)],
    )
