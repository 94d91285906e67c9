"""`amazon_kclpy.kcl`: the v1 base class and `KCLProcess`, which acknowledges after an exception as it always did."""

from __future__ import annotations

import os
import sys
from functools import cached_property, partial

import kclpy.processors
import kclpy.v1
from kclpy import log
from kclpy.child import Child
from kclpy.errors import CheckpointError, MalformedMessageError, ProcessorFailedError
from kclpy.failure import ON_ERROR_VARIABLE, FailurePolicy, policy_from_environment
from kclpy.processors import adapt
from kclpy.runner import exit_on_error, serve_until_end, take_over
from kclpy.stopping import REFUSAL, is_stopping

from amazon_kclpy import dispatch, messages  # noqa: F401 - programs find `dispatch` here, too
from amazon_kclpy.contracts import not_enforced
from amazon_kclpy.dispatch import MalformedAction
from amazon_kclpy.io_handler import ONE_ATTEMPT, Checkpointer, DeliveredCheckpointer, PipeFile, TextPipe
from amazon_kclpy.io_handler import IOHandler as _IOHandler
from amazon_kclpy.v2 import processor as v2processor  # noqa: F401 - programs find it here
from amazon_kclpy.v3 import processor as v3processor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    from kclpy.child import Lines
    from kclpy.messages import Record

__all__ = ["CheckpointError", "Checkpointer", "KCLProcess", "RecordProcessorBase"]


@not_enforced
class RecordProcessorBase(kclpy.v1.RecordProcessorBase):
    """The v1 contract (`kclpy.v1.RecordProcessorBase`), whose methods need not all be there."""


class KCLProcess:
    """Runs a record processor of any version, over stdin and stdout or over the text files given.

    An exception of the processor's is printed, and the message acknowledged all the same; what the next checkpoint
    passes over is lost. The environment variable KCLPY_ON_ERROR changes that (`stop`, `skip`).

    A program that has hooks of its own (`_handle_a_line`, `_perform_action`, `_report_done`), or that has asked for
    `io_handler` or `checkpointer` before `run`, is run by these, with one attempt at each message.
    """

    def __init__(
        self,
        record_processor: Any,
        input_file: TextIO | None = None,
        output_file: TextIO | None = None,
        error_file: TextIO | None = None,
    ) -> None:
        self.processor = adapt(record_processor, v3processor.V2toV3Processor)
        self._input_file = input_file
        self._output_file = output_file
        self._error_file = error_file

    @cached_property
    def io_handler(self) -> Any:
        """Reads and writes the messages: an `_IOHandler`, or what the program has put in its place."""
        return _IOHandler(
            self._input_file or sys.stdin, self._output_file or sys.stdout, self._error_file or sys.stderr
        )

    @cached_property
    def checkpointer(self) -> Any:
        """Checkpoints over `io_handler`."""
        return Checkpointer(self.io_handler)

    @cached_property
    def _policy(self) -> FailurePolicy:
        error_file = getattr(self.io_handler, "error_file", None) or sys.stderr
        return policy_from_environment(os.environ.get(ON_ERROR_VARIABLE), Acknowledge(error_file))

    def run(self) -> None:
        """Process messages until the daemon closes the pipe. Exits as `kclpy.run` does, over stdin and stdout."""
        hooked = any(name in vars(self) or getattr(type(self), name) is not hook for name, hook in HOOKS.items())
        serve = self._serve_by_hooks if hooked else self._serve
        input_file = getattr(self.io_handler, "input_file", None)
        output_file = getattr(self.io_handler, "output_file", None)
        if (input_file, output_file) == (sys.stdin, sys.stdout):
            exit_on_error(lambda: serve(self._take_over(), self._policy))
        else:
            try:
                serve(TextPipe(input_file, output_file), self._policy)
            except MalformedMessageError as error:
                raise MalformedAction(str(error)) from error

    def _take_over(self) -> Lines:
        pipe = take_over()
        self.io_handler.input_file = self.io_handler.output_file = PipeFile(pipe)
        return pipe

    def _serve(self, lines: Lines, policy: FailurePolicy) -> None:
        child = Child(
            lines,
            Delivery(self.processor),
            policy,
            backoff=ONE_ATTEMPT,
            record_class=messages.DeliveredRecord,
            checkpointer_class=partial(DeliveredCheckpointer, self.io_handler),
        )
        self.checkpointer = child.checkpointer()
        serve_until_end(child)

    def _serve_by_hooks(self, _: Lines, __: FailurePolicy) -> None:
        log.configure_if_imported()
        handle = None
        while line := self.io_handler.read_line():
            if line.strip():
                if handle is None and is_stopping():
                    handle = self._acknowledge
                    log.logger().info(REFUSAL)
                handle = handle or self._handle_a_line
                handle(line)
                log.configure_if_imported()

    def _acknowledge(self, line: str) -> None:
        """Report the action in `line` done, and no more: its shard was initialized while the daemon was being stopped."""
        KCLProcess._report_done(self, self.io_handler.load_action(line).action)

    def _handle_a_line(self, line: str) -> None:
        """Perform the action in `line`, and report it done."""
        action = self.io_handler.load_action(line)
        if isinstance(action, messages.InitializeInput):
            log.set_shard_id(action.shard_id)
        self._perform_action(action)
        self._report_done(action.action)

    def _perform_action(self, action: Any) -> None:
        """Call the processor. Raises ProcessorFailedError where the policy is not to acknowledge all the same."""
        try:
            action.dispatch(self.checkpointer, self.processor)
        except Exception as error:
            method = getattr(action, "method", "the action")
            if not self._policy.give_up(method, getattr(action, "records", ()), error):
                raise ProcessorFailedError(method, 1) from error

    def _report_done(self, response_for: str | None = None) -> None:
        """Tell the daemon that the action is done."""
        self.io_handler.write_action({"action": "status", "responseFor": response_for})


HOOKS = {
    name: vars(KCLProcess)[name]
    for name in ("_handle_a_line", "_perform_action", "_report_done", "io_handler", "checkpointer")
}
"""What a program may have replaced, in its class, in the object, or by asking for it."""


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
            "action": "initialize",
            "shardId": initialize_input.shard_id,
            "sequenceNumber": initialize_input.sequence_number,
            "subSequenceNumber": initialize_input.sub_sequence_number,
        }
        return messages.InitializeInput(fields).dispatch(None, self._processor)

    def process_records(self, batch: kclpy.processors.ProcessRecordsInput) -> Any:
        fields = {
            "action": "processRecords",
            "records": batch.records,
            "millisBehindLatest": batch.millis_behind_latest,
        }
        return messages.ProcessRecordsInput(fields).dispatch(batch.checkpointer, self._processor)

    def lease_lost(self, lease_lost_input: kclpy.processors.LeaseLostInput) -> Any:
        return messages.LeaseLostInput({"action": "leaseLost"}).dispatch(None, self._processor)

    def shard_ended(self, shard_ended_input: kclpy.processors.ShardEndedInput) -> Any:
        return messages.ShardEndedInput({"action": "shardEnded"}).dispatch(
            shard_ended_input.checkpointer, self._processor
        )

    def shutdown_requested(self, shutdown_input: kclpy.processors.ShutdownRequestedInput) -> Any:
        return messages.ShutdownRequestedInput({"action": "shutdownRequested"}).dispatch(
            shutdown_input.checkpointer, self._processor
        )
