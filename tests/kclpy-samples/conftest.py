"""A real local AWS, and a Kinesis in front of it that can be told to misbehave."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from kclpy_samples.local import LocalAws, local_aws

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
"""Takes an operation and its request; gives a status and a response."""


@pytest.fixture(scope="session")
def running_aws() -> Iterator[LocalAws]:
    """One local AWS for all tests."""
    with local_aws() as aws:
        yield aws


@pytest.fixture
def aws(running_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The local AWS, with an environment that sends every client there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in running_aws.environment.items():
        monkeypatch.setenv(name, value)
    return running_aws


@pytest.fixture
def kinesis(aws: LocalAws) -> Iterator[KinesisClient]:
    """A client of the local Kinesis."""
    client = boto3.client("kinesis", endpoint_url=aws.url)
    yield client
    client.close()


_streams = count()


@pytest.fixture
def stream() -> str:
    """A name that no other test uses."""
    return f"words-{next(_streams)}"


def words_in(kinesis: KinesisClient, stream: str) -> list[str]:
    """All that is in the stream, read as any consumer would."""
    words = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            batch = kinesis.get_records(ShardIterator=iterator)
            words += [record["Data"].decode() for record in batch["Records"]]
            if not batch["Records"]:
                break
            iterator = batch["NextShardIterator"]
    return words


@pytest.fixture
def read_words() -> Callable[[KinesisClient, str], list[str]]:
    """Reads a stream to its end."""
    return words_in


@pytest.fixture
def kinesis_server() -> Iterator[Callable[[Answer], str]]:
    """Serves a Kinesis that answers as it is told; gives its URL."""
    servers = []

    def serve(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, response = answer(self.headers["X-Amz-Target"].partition(".")[2], body)
                payload = json.dumps(response).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *arguments: object) -> None:
                """Keep the test's stderr clean."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ask_local_kinesis(aws: LocalAws) -> Answer:
    """Hands a request on to the local Kinesis."""

    def ask(operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            aws.url,
            json.dumps(body).encode(),
            {
                "X-Amz-Target": f"Kinesis_20131202.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/kinesis/aws4_request",
            },
        )
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    return ask
