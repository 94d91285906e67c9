"""Code as users write it, which must type-check under mypy --strict; nothing here is run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import kclpy
import kclpy.v1
import kclpy.v2
import kclpy.v3
from kclpy.testing import FakeDaemon, record, records


class Minimal(kclpy.RecordProcessor):
    def process_records(self, batch: kclpy.ProcessRecordsInput) -> None:
        for item in batch.records:
            data: bytes = item.binary_data
            when: datetime | None = item.approximate_arrival_timestamp
            print(item.partition_key, item.sequence_number, data, when, item["sequenceNumber"], item.get("data"))
        lag: int | None = batch.millis_behind_latest
        print(lag)
        try:
            batch.checkpointer.checkpoint()
            batch.checkpointer.checkpoint(batch.records[-1])
            batch.checkpointer.checkpoint("495", 0)
        except kclpy.ThrottlingError as error:
            name: str = error.value
            print(name)


class Whole(kclpy.RecordProcessor):
    def initialize(self, initialize_input: kclpy.InitializeInput) -> None:
        self.shard_id = initialize_input.shard_id

    async def process_records(self, process_records_input: kclpy.ProcessRecordsInput) -> None:
        process_records_input.checkpointer.checkpoint()

    async def lease_lost(self, lease_lost_input: kclpy.LeaseLostInput) -> None: ...

    def shard_ended(self, shard_ended_input: kclpy.ShardEndedInput) -> None:
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: kclpy.ShutdownRequestedInput) -> None:
        shutdown_requested_input.checkpointer.checkpoint()


class First(kclpy.v1.RecordProcessorBase):
    def initialize(self, shard_id: str) -> None: ...

    def process_records(self, records: Sequence[kclpy.Record], checkpointer: kclpy.Checkpointer) -> None:
        checkpointer.checkpoint()

    def shutdown(self, checkpointer: kclpy.Checkpointer | kclpy.v1.LeaseLostCheckpointer, reason: str) -> None:
        if reason == "TERMINATE":
            checkpointer.checkpoint()


class Second(kclpy.v2.RecordProcessorBase):
    def initialize(self, initialize_input: kclpy.v2.InitializeInput) -> None: ...

    def process_records(self, process_records_input: kclpy.v2.ProcessRecordsInput) -> None: ...

    def shutdown(self, shutdown_input: kclpy.v2.ShutdownInput) -> None:
        if shutdown_input.reason == "TERMINATE":
            shutdown_input.checkpointer.checkpoint()


def handle(batch: Sequence[kclpy.Record]) -> None:
    print(len(batch))


async def handle_later(batch: Sequence[kclpy.Record]) -> None:
    print(len(batch))


def keep(batch: Sequence[kclpy.Record], error: Exception) -> None:
    print(len(batch), error)


def programs() -> None:
    kclpy.run(Minimal)
    kclpy.run(Whole())
    kclpy.run(lambda: First())
    kclpy.run(Second, on_error=kclpy.Skip(attempts=3, base=0.5, cap=4))
    kclpy.run(handle, on_error=kclpy.DeadLetter(keep, per="record"))
    kclpy.run(handle_later, checkpoint=kclpy.CheckpointEvery(records=1000, seconds=60))
    kclpy.run("Minimal")  # type: ignore[arg-type]
    kclpy.run(Minimal, on_error="skip")  # type: ignore[arg-type]
    kclpy.Skip(per="shard")  # type: ignore[arg-type]


def a_test() -> None:
    with FakeDaemon(Minimal) as daemon:
        daemon.process_records([*records("cat", b"dog"), record("bird", partition_key="b")])
        daemon.fail_checkpoints("ThrottlingException")
        checkpoints: list[str] = daemon.checkpoints
        print(checkpoints)
