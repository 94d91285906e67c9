"""The record processor, what its methods are given, and the adapters that drive the older kinds.

`RecordProcessor` has the life cycle of KCL 2.x and 3.x (v3 in `amazon_kclpy`'s count, ShardRecordProcessor in Java's).
`V1toV2Processor` and `V2toV3Processor` drive processors with the older contracts; `kclpy.v1`, `v2` and `v3` have their
base classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf

from kclpy.errors import InvalidProcessorError, InvalidStateError
from kclpy.messages import Initialize, LeaseLost, ProcessRecords, ShardEnded, Shutdown, ShutdownRequested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, ClassVar, Protocol, TypeAlias

    from typing_extensions import Self

    from kclpy import v1, v2
    from kclpy.checkpointer import Checkpointer
    from kclpy.messages import FromDaemon, Record


class InitializeInput:
    """Where a lease starts; see `kclpy.messages.Initialize`."""

    action: ClassVar[str] = "initialize"

    def __init__(
        self, shard_id: str, sequence_number: str | None = None, sub_sequence_number: int | None = None
    ) -> None:
        self.shard_id = shard_id
        self.sequence_number = sequence_number
        self.sub_sequence_number = sub_sequence_number


class ProcessRecordsInput:
    """A batch: `records`, how far it lies behind the tip of the shard (ms, or None), and the `checkpointer`."""

    action: ClassVar[str] = "processRecords"

    def __init__(self, records: Sequence[Record], millis_behind_latest: int | None, checkpointer: Checkpointer) -> None:
        self.records = records
        self.millis_behind_latest = millis_behind_latest
        self.checkpointer = checkpointer


class LeaseLostInput:
    """Nothing is known of a lost lease but that it is lost."""

    action: ClassVar[str] = "leaseLost"


class ShardEndedInput:
    """The end of a shard, to be checkpointed with `checkpointer`."""

    action: ClassVar[str] = "shardEnded"

    def __init__(self, checkpointer: Checkpointer) -> None:
        self.checkpointer = checkpointer


class ShutdownRequestedInput:
    """The last chance to checkpoint, with `checkpointer`, before the worker stops or hands the lease over."""

    action: ClassVar[str] = "shutdownRequested"

    def __init__(self, checkpointer: Checkpointer) -> None:
        self.checkpointer = checkpointer


class LeaseLostCheckpointer:
    """What a v1 or v2 processor is given when its lease is lost: every use raises InvalidStateError."""

    checkpointed = False

    def checkpoint(self, sequence_number: object = None, sub_sequence_number: int | None = None) -> None:
        raise InvalidStateError(reason="checkpointing is not possible once the lease is lost")


class ShutdownInput:
    """The end of a lease for v1 and v2 processors; `reason` is `TERMINATE` (checkpoint now) or `ZOMBIE` (do not)."""

    action: ClassVar[str] = "shutdown"

    def __init__(self, reason: str, checkpointer: Checkpointer | LeaseLostCheckpointer) -> None:
        self.reason = reason
        self.checkpointer = checkpointer

    @classmethod
    def zombie(cls) -> Self:
        """The shutdown of a processor whose lease is lost."""
        return cls("ZOMBIE", LeaseLostCheckpointer())

    @classmethod
    def terminate(cls, checkpointer: Checkpointer) -> Self:
        """The shutdown of a processor whose shard has ended."""
        return cls("TERMINATE", checkpointer)


class RecordProcessor(ABC):
    """Processes one shard. Every method may be `async def`.

    Called are `initialize` once, `process_records` for every batch, and at the end `lease_lost` or `shard_ended`;
    `shutdown_requested` before the worker stops or hands the lease over (KCL: ShardRecordProcessor).
    """

    version = 3

    def initialize(self, initialize_input: InitializeInput) -> Awaitable[None] | None:  # noqa: B027
        """Prepare for the shard `initialize_input.shard_id`."""

    @abstractmethod
    def process_records(self, process_records_input: ProcessRecordsInput) -> Awaitable[None] | None:
        """Process a batch, and checkpoint when it suits. An exception leaves the batch unacknowledged."""
        raise NotImplementedError

    def lease_lost(self, lease_lost_input: LeaseLostInput) -> Awaitable[None] | None:  # noqa: B027
        """Clean up: another worker has the shard, and no checkpoint is possible any more."""

    def shard_ended(self, shard_ended_input: ShardEndedInput) -> Awaitable[None] | None:
        """Checkpoint the end of the shard, without which its children are not processed."""
        shard_ended_input.checkpointer.checkpoint()
        return None

    def shutdown_requested(self, shutdown_requested_input: ShutdownRequestedInput) -> Awaitable[None] | None:
        """Checkpoint before the worker stops."""
        shutdown_requested_input.checkpointer.checkpoint()
        return None


if TYPE_CHECKING:

    class Driven(Protocol):
        """What the child drives: the five methods of v3, each with its input."""

        def initialize(self, initialize_input: InitializeInput, /) -> Any: ...
        def process_records(self, process_records_input: ProcessRecordsInput, /) -> Any: ...
        def lease_lost(self, lease_lost_input: LeaseLostInput, /) -> Any: ...
        def shard_ended(self, shard_ended_input: ShardEndedInput, /) -> Any: ...
        def shutdown_requested(self, shutdown_requested_input: ShutdownRequestedInput, /) -> Any: ...

    BatchFunction: TypeAlias = Callable[[Sequence[Record]], object]
    Processor: TypeAlias = Driven | v1.RecordProcessorBase | v2.RecordProcessorBase | Callable[..., Any]


class V2toV3Processor:
    """Drives a v2 processor, whose `shutdown` stands for both ends of a lease."""

    version = 3
    shutdown_input = ShutdownInput

    def __init__(self, delegate: Any) -> None:
        self.delegate = delegate

    def initialize(self, initialize_input: InitializeInput) -> Any:
        return self.delegate.initialize(initialize_input)

    def process_records(self, process_records_input: ProcessRecordsInput) -> Any:
        return self.delegate.process_records(process_records_input)

    def lease_lost(self, lease_lost_input: LeaseLostInput) -> Any:
        return self.delegate.shutdown(self.shutdown_input.zombie())

    def shard_ended(self, shard_ended_input: ShardEndedInput) -> Any:
        return self.delegate.shutdown(self.shutdown_input.terminate(shard_ended_input.checkpointer))

    def shutdown_requested(self, shutdown_requested_input: ShutdownRequestedInput) -> Any:
        return self.delegate.shutdown_requested(shutdown_requested_input)


class V1toV2Processor:
    """Drives a v1 processor, whose methods take the parts of an input as arguments."""

    version = 2

    def __init__(self, delegate: Any) -> None:
        self.delegate = delegate

    def initialize(self, initialize_input: InitializeInput) -> Any:
        return self.delegate.initialize(initialize_input.shard_id)

    def process_records(self, process_records_input: ProcessRecordsInput) -> Any:
        return self.delegate.process_records(process_records_input.records, process_records_input.checkpointer)

    def shutdown(self, shutdown_input: ShutdownInput) -> Any:
        return self.delegate.shutdown(shutdown_input.checkpointer, shutdown_input.reason)

    def shutdown_requested(self, shutdown_requested_input: ShutdownRequestedInput) -> Any:
        return self.delegate.shutdown_requested(shutdown_requested_input.checkpointer)


class FunctionProcessor(RecordProcessor):
    """Drives a function that takes the records of a batch."""

    def __init__(self, function: BatchFunction) -> None:
        self.function = function

    def process_records(self, process_records_input: ProcessRecordsInput) -> Any:
        return self.function(process_records_input.records)


def method_of(message: FromDaemon) -> str:
    """The name of the v3 method that `message` leads to."""
    if isinstance(message, Shutdown):
        return "shard_ended" if message.reason == "TERMINATE" else "lease_lost"
    return _METHODS[type(message)]


def call(processor: Driven, message: FromDaemon, checkpointer: Checkpointer) -> Any:
    """Call the method that `message` leads to, with its input; what it returns may be a coroutine."""
    if isinstance(message, ProcessRecords):
        return processor.process_records(
            ProcessRecordsInput(message.records, message.millis_behind_latest, checkpointer)
        )
    if isinstance(message, Initialize):
        return processor.initialize(
            InitializeInput(message.shard_id, message.sequence_number, message.sub_sequence_number)
        )
    method = method_of(message)
    if method == "shard_ended":
        return processor.shard_ended(ShardEndedInput(checkpointer))
    if method == "lease_lost":
        return processor.lease_lost(LeaseLostInput())
    return processor.shutdown_requested(ShutdownRequestedInput(checkpointer))


CO_VARARGS = 0x04  # inspect.CO_VARARGS

_METHODS: dict[type, str] = {
    Initialize: "initialize",
    ProcessRecords: "process_records",
    ShutdownRequested: "shutdown_requested",
    LeaseLost: "lease_lost",
    ShardEnded: "shard_ended",
}

_ARGUMENTS = {
    1: {"initialize": 1, "process_records": 2, "shutdown": 2, "shutdown_requested": 1},
    2: {"initialize": 1, "process_records": 1, "shutdown": 1, "shutdown_requested": 1},
    3: {"initialize": 1, "process_records": 1, "lease_lost": 1, "shard_ended": 1, "shutdown_requested": 1},
}
"""The methods of each version of the contract, and how many arguments each is called with."""


def adapt(processor: Any, v2_to_v3: Callable[[Any], Driven] = V2toV3Processor) -> Driven:
    """The v3 processor that drives `processor`, an instance of any version (its `version`, or else 3)."""
    version = getattr(processor, "version", 3)
    if version == 1:
        return v2_to_v3(V1toV2Processor(processor))
    if version == 2:
        return v2_to_v3(processor)
    driven: Driven = processor
    return driven


def checked(processor: Processor) -> Driven:
    """The v3 processor that drives `processor`, which may be anything that `kclpy.run` takes.

    A class, an instance, a factory without arguments, or a function that takes the records of a batch. Raises InvalidProcessorError if a method is missing, misspelt or takes other arguments.
    """
    if not isinstance(processor, type) and not hasattr(processor, "process_records"):
        arity = _arity(processor) if callable(processor) else None
        if arity is not None and arity[0] == 1:
            return FunctionProcessor(processor)
        if arity is not None and arity[0] == 0:
            return checked(processor())
        problem = "it has no method process_records, and is no function that takes the records of a batch"
        raise InvalidProcessorError(repr(processor), (problem,))
    kind = processor if isinstance(processor, type) else type(processor)
    _raise_if_any(kind, _misnamed(processor, kind))
    if isinstance(processor, type):
        processor = processor()
    _raise_if_any(kind, _wrong_arguments(processor))
    return adapt(processor)


def _raise_if_any(kind: type, problems: tuple[str, ...]) -> None:
    if problems:
        raise InvalidProcessorError(f"{kind.__module__}.{kind.__qualname__}", problems)


def _misnamed(processor: object, kind: type) -> tuple[str, ...]:
    """The methods that are missing, and those whose names are nearly one that is not overridden."""
    methods = _ARGUMENTS[_version(processor)]
    ours = {name: _is_ours(getattr(processor, name, None)) for name in methods}
    strangers = [
        name
        for name in dir(kind)
        if not name.startswith("_") and name not in methods and callable(getattr(kind, name, None))
    ]
    problems = []
    for name, is_ours in ours.items():
        missing = not callable(getattr(processor, name, None)) or name in getattr(kind, "__abstractmethods__", ())
        if not (missing or is_ours):
            continue
        meant = _nearest(name, strangers)
        if meant:
            problems.append(f"{meant} looks like a misspelt {name}")
        elif missing:
            problems.append(f"the method {name} is missing")
    return tuple(problems)


def _nearest(name: str, strangers: list[str]) -> str | None:
    if not strangers:
        return None
    from difflib import get_close_matches

    plain = {stranger.replace("_", "").lower(): stranger for stranger in strangers}
    matches = get_close_matches(name.replace("_", ""), plain, n=1, cutoff=0.85)
    return plain[matches[0]] if matches else None


def _wrong_arguments(processor: object) -> tuple[str, ...]:
    problems = []
    for name, count in _ARGUMENTS[_version(processor)].items():
        arity = _arity(getattr(processor, name))
        if arity is None:
            continue
        required, most = arity
        if not required <= count <= most:
            problems.append(f"{name} is called with {count} argument{'s' * (count > 1)}, but takes {required}")
    return tuple(problems)


def _arity(function: Any) -> tuple[int, float] | None:
    """How many positional arguments `function` requires and at most takes; None if it does not say.

    `inspect` is only asked about what is no plain function or method: it takes longer to import than all of kclpy.
    """
    bound = hasattr(function, "__func__")
    plain = function.__func__ if bound else function
    code = getattr(plain, "__code__", None)
    if code is not None:
        most = code.co_argcount - bound
        return max(most - len(plain.__defaults__ or ()), 0), inf if code.co_flags & CO_VARARGS else most
    from inspect import Parameter, signature

    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is Parameter.empty for p in positional)
    return required, inf if any(p.kind is Parameter.VAR_POSITIONAL for p in parameters) else len(positional)


def _version(processor: object) -> int:
    version = getattr(processor, "version", 3)
    return version if version in _ARGUMENTS else 3


def _is_ours(method: object) -> bool:
    return getattr(method, "__module__", "").split(".")[0] in ("kclpy", "amazon_kclpy")
