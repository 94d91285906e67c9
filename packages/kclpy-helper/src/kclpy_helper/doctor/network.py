"""Checks of the way to Kinesis and DynamoDB, which is the JVM's: not that of boto3, which makes the other checks."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kclpy_helper import aws
from kclpy_helper.doctor.http2 import speaks_http2
from kclpy_helper.doctor.trust import problem_of, trust_store
from kclpy_helper.findings import Finding, Severity
from kclpy_helper.java import find_java

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_helper.aws import Service
    from kclpy_helper.doctor.examination import Examination

_TRUST = (
    "keytool -importcert -file CA.pem -keystore trust.p12 -storepass PASSWORD, and run the daemon with "
    "--jvm-option=-Djavax.net.ssl.trustStore=trust.p12 --jvm-option=-Djavax.net.ssl.trustStorePassword=PASSWORD"
)


def http2(examination: Examination) -> Iterator[Finding]:
    """That an endpoint which is not AWS's own speaks HTTP/2, as the AWS SDK for Java 2 does to Kinesis."""
    url = examination.endpoint("kinesis")
    if aws.kcl_line(examination.kcl_version) == 1:
        yield Finding(Severity.OK, "HTTP/2", "not needed by KCL 1")
        return
    if aws.is_of_aws(url):
        yield Finding(Severity.OK, "HTTP/2", f"{urlsplit(url).hostname} is AWS's own")
        return
    try:
        spoken = speaks_http2(url)
    except ssl.SSLError as error:
        yield Finding(
            Severity.FAULT, "HTTP/2", f"{url} does not take TLS: {error}", "write http:// if it does without TLS"
        )
        return
    except (OSError, ValueError) as error:
        effect, remedy = f"{url} cannot be reached: {error}", "start it, or correct kinesisEndpoint or AWS_ENDPOINT_URL"
        yield Finding(Severity.FAULT, "HTTP/2", effect, remedy)
        return
    if spoken:
        yield Finding(Severity.OK, "HTTP/2", f"{url} speaks it")
    else:
        how = "over TLS without ALPN" if url.startswith("https:") else "without TLS (prior knowledge)"
        effect = f"{url} does not speak HTTP/2 {how}, as the daemon does: 'First received frame was not SETTINGS'"
        remedy = "put an HTTP/2 server in front of it; python -m kclpy_samples.local is a local AWS that has one"
        yield Finding(Severity.FAULT, "HTTP/2", effect, remedy)


def certificates(examination: Examination) -> Iterator[Finding]:
    """That the JVM trusts the certificates of the endpoints that are not AWS's own, or that AWS_CA_BUNDLE is there for."""
    app = examination.properties
    services: tuple[Service, ...] = ("kinesis", "dynamodb", "cloudwatch")
    if app.values.get("metricsLevel", "").strip().upper() == "NONE":
        services = services[:2]
    bundle = bool(os.environ.get("AWS_CA_BUNDLE")) and examination.is_in_aws
    found = dict.fromkeys(examination.endpoint(service) for service in services)
    urls = [url for url in found if url.startswith("https:") and (bundle or not aws.is_of_aws(url))]
    if not urls:
        return
    store = trust_store(find_java(examination.java), examination.jvm_options)
    if store.problem:
        effect = f"what the JVM trusts is not known: {store.path}: {store.problem}"
        remedy = "correct --jvm-option, such as -Djavax.net.ssl.trustStore and -Djavax.net.ssl.trustStorePassword"
        yield Finding(Severity.WARNING, "certificate", effect, remedy)
        return
    for url in urls:
        with suppress(OSError):  # which is another check's
            if problem := problem_of(url, store):
                effect = f"{url}: the JVM would not trust it, by {store.path}: {problem}; the daemon asks neither AWS_CA_BUNDLE nor the system"
                yield Finding(Severity.FAULT, "certificate", effect, _TRUST)
            else:
                yield Finding(Severity.OK, "certificate", f"{url}: the JVM trusts it, by {store.path}")


def proxy(examination: Examination) -> Iterator[Finding]:
    """That a proxy which boto3 takes is the daemon's too: it takes HTTP_PROXY, for https as well."""
    named = {name.lower(): value for name, value in os.environ.items() if value}
    is_jvms = any(option.startswith("-Dhttp.proxyHost=") for option in examination.jvm_options)
    if (
        "https_proxy" in named
        and "http_proxy" not in named
        and not is_jvms
        and examination.is_in_aws
        and aws.kcl_line(examination.kcl_version) > 1
    ):
        effect = "HTTPS_PROXY is set, which is boto3's; the daemon does not look at it, and goes to AWS directly"
        yield Finding(Severity.WARNING, "proxy", effect, "set HTTP_PROXY as well, or see docs/production.md")
