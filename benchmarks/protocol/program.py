"""The program that is measured: it looks at each record, and checkpoints each batch."""

import sys

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class RecordProcessor(processor.RecordProcessorBase):
    def initialize(self, initialize_input):
        self.size = 0

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            self.size += len(record.binary_data) + len(record.partition_key) + len(record.sequence_number)
        process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()


if __name__ == "__main__":
    kcl.KCLProcess(RecordProcessor()).run()
    with open("/proc/self/status") as status:
        sys.stderr.write(status.read())
