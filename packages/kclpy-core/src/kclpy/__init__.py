"""Run Python consumers of Amazon Kinesis data streams on the Amazon Kinesis Client Library (KCL).

The KCL's MultiLangDaemon starts one process a shard and talks to it over stdin and stdout; `kclpy.run` is that process::

    import kclpy

    class WordCount(kclpy.RecordProcessor):
        def process_records(self, batch):
            for record in batch.records:
                print(record.binary_data)
            batch.checkpointer.checkpoint()

    kclpy.run(WordCount)
"""

from kclpy._version import __version__
from kclpy.checkpointer import Checkpointer, CheckpointEvery
from kclpy.errors import (
    CheckpointError,
    DependencyError,
    EndOfStreamError,
    InvalidProcessorError,
    InvalidRecordDataError,
    InvalidSequenceNumberError,
    InvalidStateError,
    KclpyError,
    LineTooLongError,
    MalformedMessageError,
    ProcessorFailedError,
    ProtocolError,
    SetupError,
    ShardEndNotCheckpointedError,
    ShutdownError,
    ThrottlingError,
    UnexpectedMessageError,
)
from kclpy.failure import DeadLetter, FailurePolicy, Skip, Stop
from kclpy.messages import Record
from kclpy.processors import (
    InitializeInput,
    LeaseLostInput,
    ProcessRecordsInput,
    RecordProcessor,
    ShardEndedInput,
    ShutdownInput,
    ShutdownRequestedInput,
)
from kclpy.runner import run

__all__ = [
    "CheckpointError",
    "CheckpointEvery",
    "Checkpointer",
    "DeadLetter",
    "DependencyError",
    "EndOfStreamError",
    "FailurePolicy",
    "InitializeInput",
    "InvalidProcessorError",
    "InvalidRecordDataError",
    "InvalidSequenceNumberError",
    "InvalidStateError",
    "KclpyError",
    "LeaseLostInput",
    "LineTooLongError",
    "MalformedMessageError",
    "ProcessRecordsInput",
    "ProcessorFailedError",
    "ProtocolError",
    "Record",
    "RecordProcessor",
    "SetupError",
    "ShardEndNotCheckpointedError",
    "ShardEndedInput",
    "ShutdownError",
    "ShutdownInput",
    "ShutdownRequestedInput",
    "Skip",
    "Stop",
    "ThrottlingError",
    "UnexpectedMessageError",
    "__version__",
    "run",
]
