"""The record processor of the fault programs: keeps a ledger, and checkpoints when it is asked to shut down, only then.

So all that a stop does not see to comes again. Its environment says: LEDGER, the file; BUSY, for how many seconds a batch
of the first shard takes; PROGRAM, whether it runs on `kclpy` or under the old names, on `amazon_kclpy`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import kclpy
from amazon_kclpy import kcl

from tests.faults.ledger import Ledger

BUSY_SHARD = "shardId-000000000000"


class Bookkeeper(kclpy.RecordProcessor):
    """Writes down each record once it is processed."""

    def __init__(self) -> None:
        self._ledger = Ledger(Path(os.environ["LEDGER"]))
        self._busy = float(os.environ["BUSY"])
        self._shard = ""

    def initialize(self, initialize_input: kclpy.InitializeInput) -> None:
        self._shard = initialize_input.shard_id
        self._ledger.write("initialize", self._shard)

    def process_records(self, process_records_input: kclpy.ProcessRecordsInput) -> None:
        if self._busy and self._shard == BUSY_SHARD:
            self._ledger.write("busy", self._shard)
            time.sleep(self._busy)
        records = process_records_input.records
        self._ledger.write("record", self._shard, [(r.sequence_number, int(r.binary_data)) for r in records])

    def lease_lost(self, lease_lost_input: kclpy.LeaseLostInput) -> None:
        self._ledger.write("lease_lost", self._shard)

    def shard_ended(self, shard_ended_input: kclpy.ShardEndedInput) -> None:
        shard_ended_input.checkpointer.checkpoint()
        self._ledger.write("shard_ended", self._shard)

    def shutdown_requested(self, shutdown_requested_input: kclpy.ShutdownRequestedInput) -> None:
        shutdown_requested_input.checkpointer.checkpoint()
        self._ledger.write("shutdown_requested", self._shard)


if __name__ == "__main__":
    if os.environ["PROGRAM"] == "kclpy":
        kclpy.run(Bookkeeper)
    else:
        kcl.KCLProcess(Bookkeeper()).run()
