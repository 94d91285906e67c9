"""Puts numbered records into a stream, until it is told to end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from kclpy_samples.local import LocalAws
    from typing_extensions import Self

_PAUSE_SECONDS = 0.5


def client(aws: LocalAws, service: str) -> Any:
    """A client of the local AWS."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=aws.url, region_name="us-east-1", **keys)


class Producer:
    """Puts `rate` records a second, evenly over the shards, while its block lasts."""

    def __init__(self, aws: LocalAws, stream: str, rate: float) -> None:
        self._kinesis = client(aws, "kinesis")
        self._stream = stream
        self._count = max(1, round(rate * _PAUSE_SECONDS))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._put)
        self.numbers = 0
        """How many were put so far: 0, 1, 2 and so on."""

    def _put(self) -> None:
        while not self._end.wait(_PAUSE_SECONDS):
            numbers = range(self.numbers, self.numbers + self._count)
            records = [
                {"Data": str(number).encode(), "PartitionKey": "k", "ExplicitHashKey": self._hash_key(number)}
                for number in numbers
            ]
            answer = self._kinesis.put_records(StreamName=self._stream, Records=records)
            if answer["FailedRecordCount"]:
                raise RuntimeError(f"not all records were put: {answer}")
            self.numbers += self._count

    @staticmethod
    def _hash_key(number: int) -> str:
        return str((number * 2**125) % 2**128)

    def stop(self) -> None:
        """Put no more."""
        self._end.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
