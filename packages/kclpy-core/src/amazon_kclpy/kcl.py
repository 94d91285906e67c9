"""`amazon_kclpy.kcl`: the v1 base class and `KCLProcess`, which acknowledges after an exception as it always did."""

from __future__ import annotations

import os
import sys

import kclpy.processors
import kclpy.v1
from kclpy.checkpointer import Checkpointer
from kclpy.child import Child
from kclpy.errors import CheckpointError, MalformedMessageError
from kclpy.failure import ON_ERROR_VARIABLE, Backoff, FailurePolicy, policy_from_environment
from kclpy.processors import adapt
from kclpy.runner import exit_on_error, serve_until_end, take_over

from amazon_kclpy import messages
from amazon_kclpy.contracts import not_enforced
from amazon_kclpy.dispatch import MalformedAction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    from kclpy.messages import Record

__all__ = ["CheckpointError", "Checkpointer", "KCLProcess", "RecordProcessorBase"]


@not_enforced
class RecordProcessorBase(kclpy.v1.RecordProcessorBase):
    """The v1 contract (`kclpy.v1.RecordProcessorBase`), whose methods need not all be there."""


class KCLProcess:
    """Runs a record processor of any version, over stdin and stdout or over the text files given.

    An exception of the processor's is printed, and the message acknowledged all the same; what the next checkpoint
    passes over is lost. The environment variable KCLPY_ON_ERROR changes that (`stop`, `skip`).
    """

    def __init__(
        self,
        record_processor: Any,
        input_file: TextIO | None = None,
        output_file: TextIO | None = None,
        error_file: TextIO | None = None,
    ) -> None:
        self.processor = adapt(record_processor)
        self._input_file = input_file
        self._output_file = output_file
        self._error_file = error_file

    def run(self) -> None:
        """Process messages until the daemon closes the pipe. Exits as `kclpy.run` does, over stdin and stdout."""
        if self._input_file in (None, sys.stdin) and self._output_file in (None, sys.stdout):
            exit_on_error(lambda: self._serve(take_over()))
        else:
            try:
                self._serve(TextPipe(self._input_file or sys.stdin, self._output_file or sys.stdout))
            except MalformedMessageError as error:
                raise MalformedAction(str(error)) from error

    def _serve(self, lines: Any) -> None:
        acknowledge = Acknowledge(self._error_file or sys.stderr)
        policy = policy_from_environment(os.environ.get(ON_ERROR_VARIABLE), acknowledge)
        child = Child(
            lines,
            Delivery(self.processor),
            policy,
            backoff=Backoff(attempts=1, base=0, cap=0),
            record_class=messages.DeliveredRecord,
        )
        serve_until_end(child)


class Acknowledge(FailurePolicy):
    """Print the exception and acknowledge, after one attempt."""

    def __init__(self, error_file: TextIO) -> None:
        super().__init__(attempts=1)
        self._error_file = error_file

    def give_up(self, method: str, records: Sequence[Record], error: Exception) -> bool:
        import traceback

        print(
            f"Caught exception from action dispatch: {error}\n"
            f"{''.join(traceback.format_exception(error))}"
            f"kclpy: {method} failed and is acknowledged all the same, as amazon_kclpy does; "
            f"set {ON_ERROR_VARIABLE}=stop to lose nothing",
            file=self._error_file,
            flush=True,
        )
        return True


class Delivery:
    """Hands a v3 processor the inputs of `amazon_kclpy.messages`."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def initialize(self, initialize_input: kclpy.processors.InitializeInput) -> Any:
        fields = {
            "shardId": initialize_input.shard_id,
            "sequenceNumber": initialize_input.sequence_number,
            "subSequenceNumber": initialize_input.sub_sequence_number,
        }
        return messages.InitializeInput(fields).dispatch(None, self._processor)

    def process_records(self, batch: kclpy.processors.ProcessRecordsInput) -> Any:
        fields = {"records": batch.records, "millisBehindLatest": batch.millis_behind_latest}
        return messages.ProcessRecordsInput(fields).dispatch(batch.checkpointer, self._processor)

    def lease_lost(self, lease_lost_input: kclpy.processors.LeaseLostInput) -> Any:
        return messages.LeaseLostInput({}).dispatch(None, self._processor)

    def shard_ended(self, shard_ended_input: kclpy.processors.ShardEndedInput) -> Any:
        return messages.ShardEndedInput({}).dispatch(shard_ended_input.checkpointer, self._processor)

    def shutdown_requested(self, shutdown_input: kclpy.processors.ShutdownRequestedInput) -> Any:
        return messages.ShutdownRequestedInput({}).dispatch(shutdown_input.checkpointer, self._processor)


class TextPipe:
    """Lines over two text files, as tests of programs for `amazon_kclpy` pass them."""

    def __init__(self, input_file: TextIO, output_file: TextIO) -> None:
        self._input_file = input_file
        self._output_file = output_file

    def read_line(self) -> bytes:
        return self._input_file.readline().encode()

    def write_line(self, line: bytes) -> None:
        self._output_file.write(line.decode())
        self._output_file.flush()
