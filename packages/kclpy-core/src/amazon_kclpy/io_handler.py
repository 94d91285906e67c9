"""The conversation with the daemon as `amazon_kclpy` has it: an object that reads and writes, and a checkpointer on it.

Programs subclass, replace and reach into them, and their tests make them over files in memory.
"""

from __future__ import annotations

import json

import kclpy.checkpointer
from kclpy.errors import CheckpointError, InvalidStateError
from kclpy.failure import Backoff

from amazon_kclpy import dispatch, messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kclpy.child import Lines

ONE_ATTEMPT = Backoff(attempts=1, base=0, cap=0)


class IOHandler:
    """The daemon's messages as lines of text files, for programs and tests that read and write them themselves."""

    def __init__(self, input_file: Any, output_file: Any, error_file: Any) -> None:
        self.input_file = input_file
        self.output_file = output_file
        self.error_file = error_file

    def read_line(self) -> str:
        """The next line, empty at the end."""
        line: str = self.input_file.readline()
        return line

    def write_line(self, line: str) -> None:
        """Write `line` between two line ends, so that it is whole whatever else was written there."""
        self.output_file.write(f"\n{line}\n")
        self.output_file.flush()

    def write_error(self, error_message: str) -> None:
        """Write a line for people to read."""
        self.error_file.write(f"{error_message}\n")
        self.error_file.flush()

    def load_action(self, line: str) -> Any:
        """The input or reply in `line`. Raises ValueError, or MalformedAction."""
        return json.loads(line, object_hook=dispatch.message_decode)

    def write_action(self, response: dict[str, Any]) -> None:
        """Write a message."""
        self.write_line(json.dumps(response))


class Checkpointer(kclpy.checkpointer.Checkpointer):
    """Checkpoints over an `_IOHandler`, or what a test has in its place."""

    def __init__(self, io_handler: Any) -> None:
        super().__init__(self._ask_over_io_handler, ONE_ATTEMPT)
        self.io_handler = io_handler

    def _ask_over_io_handler(self, _: object, sequence_number: str | None, sub_sequence_number: int | None) -> None:
        self.io_handler.write_action(
            {"action": "checkpoint", "sequenceNumber": sequence_number, "subSequenceNumber": sub_sequence_number}
        )
        reply = self._get_action()
        if not isinstance(reply, messages.CheckpointInput):
            raise InvalidStateError(reason=f"the reply to the checkpoint is {reply!r}")
        if reply.error is not None:
            raise CheckpointError.of(reply.error)

    def _get_action(self) -> Any:
        return self.io_handler.load_action(self.io_handler.read_line())


class DeliveredCheckpointer(Checkpointer):
    """A `Checkpointer` as the child makes it."""

    def __init__(self, io_handler: Any, ask: Callable[..., None], backoff: Backoff) -> None:
        super().__init__(io_handler)
        self._ask = ask
        self._backoff = backoff


class TextPipe:
    """Lines over two text files, as tests of programs for `amazon_kclpy` pass them."""

    def __init__(self, input_file: Any, output_file: Any) -> None:
        self._input_file = input_file
        self._output_file = output_file

    def read_line(self) -> bytes:
        line: str = self._input_file.readline()
        return line.encode()

    def write_line(self, line: bytes) -> None:
        self._output_file.write(line.decode())
        self._output_file.flush()


class PipeFile:
    """The pipe to the daemon as a text file, for an `_IOHandler`."""

    def __init__(self, pipe: Lines) -> None:
        self._pipe = pipe

    def readline(self) -> str:
        return str(self._pipe.read_line(), "utf-8")

    def write(self, text: str) -> None:
        self._pipe.write_line((text.lstrip("\n") or text).encode())

    def flush(self) -> None:
        """Nothing is kept back."""
