"""What may be a processor, how each kind is driven, and what is found wrong before the first message."""

import functools

import kclpy
import pytest
from kclpy import v1, v2, v3
from kclpy.checkpointer import Checkpointer
from kclpy.errors import InvalidProcessorError, InvalidStateError
from kclpy.messages import Initialize, LeaseLost, ProcessRecords, Record, ShardEnded, Shutdown, ShutdownRequested
from kclpy.processors import (
    FunctionProcessor,
    InitializeInput,
    LeaseLostCheckpointer,
    LeaseLostInput,
    ProcessRecordsInput,
    RecordProcessor,
    ShardEndedInput,
    ShutdownInput,
    ShutdownRequestedInput,
    V1toV2Processor,
    V2toV3Processor,
    adapt,
    call,
    checked,
    method_of,
)

RECORDS = [Record("49", "k", "YQ==")]
LIFE = [
    Initialize("shardId-0", "48", 1),
    ProcessRecords(RECORDS, 42),
    ShutdownRequested(),
    LeaseLost(),
    ShardEnded(),
    Shutdown("TERMINATE"),
    Shutdown("ZOMBIE"),
]


def checkpointer():
    """A checkpointer that takes note of being used."""
    return Checkpointer(lambda *_: None)


class V3(v3.RecordProcessorBase):
    """Takes note of its calls, as the two below do."""

    def __init__(self):
        self.calls = []

    def initialize(self, initialize_input):
        self.calls.append(("initialize", initialize_input))

    def process_records(self, process_records_input):
        self.calls.append(("process_records", process_records_input))

    def lease_lost(self, lease_lost_input):
        self.calls.append(("lease_lost", lease_lost_input))

    def shard_ended(self, shard_ended_input):
        self.calls.append(("shard_ended", shard_ended_input))

    def shutdown_requested(self, shutdown_requested_input):
        self.calls.append(("shutdown_requested", shutdown_requested_input))


class V2(v2.RecordProcessorBase):
    def __init__(self):
        self.calls = []

    def initialize(self, initialize_input):
        self.calls.append(("initialize", initialize_input))

    def process_records(self, process_records_input):
        self.calls.append(("process_records", process_records_input))

    def shutdown(self, shutdown_input):
        self.calls.append(("shutdown", shutdown_input))

    def shutdown_requested(self, shutdown_requested_input):
        self.calls.append(("shutdown_requested", shutdown_requested_input))


class V1(v1.RecordProcessorBase):
    def __init__(self):
        self.calls = []

    def initialize(self, shard_id):
        self.calls.append(("initialize", shard_id))

    def process_records(self, records, checkpointer):
        self.calls.append(("process_records", records, checkpointer))

    def shutdown(self, checkpointer, reason):
        self.calls.append(("shutdown", checkpointer, reason))

    def shutdown_requested(self, checkpointer):
        self.calls.append(("shutdown_requested", checkpointer))


def drive(processor):
    """The calls of `processor` over a life, and the checkpointer it was given."""
    given = checkpointer()
    driven = checked(processor)
    for message in LIFE:
        call(driven, message, given)
    return processor.calls, given


def test_v3_methods_get_inputs():
    """Each with its fields and, where a checkpoint is possible, a checkpointer."""
    calls, given = drive(V3())
    assert [name for name, _ in calls] == [
        "initialize",
        "process_records",
        "shutdown_requested",
        "lease_lost",
        "shard_ended",
        "shard_ended",
        "lease_lost",
    ]
    start, batch, requested, lost, ended = (given_input for _, given_input in calls[:5])
    assert (start.shard_id, start.sequence_number, start.sub_sequence_number) == ("shardId-0", "48", 1)
    assert (batch.records, batch.millis_behind_latest, batch.checkpointer) == (RECORDS, 42, given)
    assert (requested.checkpointer, ended.checkpointer) == (given, given)
    assert isinstance(lost, LeaseLostInput)
    assert [item.action for item in (start, batch, requested, lost, ended)] == [
        "initialize",
        "processRecords",
        "shutdownRequested",
        "leaseLost",
        "shardEnded",
    ]


def test_v2_has_one_shutdown_for_both_ends_of_a_lease():
    """TERMINATE with a checkpointer that works, ZOMBIE with one that does not."""
    calls, given = drive(V2())
    assert [name for name, _ in calls] == [
        "initialize",
        "process_records",
        "shutdown_requested",
        "shutdown",
        "shutdown",
        "shutdown",
        "shutdown",
    ]
    assert [(i.reason, i.checkpointer is given, i.action) for _, i in calls[3:]] == [
        ("ZOMBIE", False, "shutdown"),
        ("TERMINATE", True, "shutdown"),
        ("TERMINATE", True, "shutdown"),
        ("ZOMBIE", False, "shutdown"),
    ]
    assert calls[1][1].records == RECORDS
    assert calls[2][1].checkpointer is given


def test_v1_methods_get_the_parts_of_the_inputs():
    """As arguments, in the order that programs know."""
    calls, given = drive(V1())
    assert calls[:3] == [
        ("initialize", "shardId-0"),
        ("process_records", RECORDS, given),
        ("shutdown_requested", given),
    ]
    assert [(name, item is given, reason) for name, item, reason in calls[3:]] == [
        ("shutdown", False, "ZOMBIE"),
        ("shutdown", True, "TERMINATE"),
        ("shutdown", True, "TERMINATE"),
        ("shutdown", False, "ZOMBIE"),
    ]


def test_the_checkpointer_of_a_lost_lease_refuses():
    """Whatever it is asked for."""
    refusing = ShutdownInput.zombie().checkpointer
    assert isinstance(refusing, LeaseLostCheckpointer)
    assert not refusing.checkpointed
    with pytest.raises(InvalidStateError, match="not possible once the lease is lost"):
        refusing.checkpoint("49", 0)


@pytest.mark.parametrize(
    ("message", "method"),
    list(
        zip(
            LIFE,
            [
                "initialize",
                "process_records",
                "shutdown_requested",
                "lease_lost",
                "shard_ended",
                "shard_ended",
                "lease_lost",
            ],
            strict=True,
        )
    ),
    ids=repr,
)
def test_every_message_leads_to_its_method(message, method):
    """By the v3 name, KCL 1.x's shutdown too."""
    assert method_of(message) == method


class Minimal(RecordProcessor):
    """The least that a processor can be."""

    def process_records(self, process_records_input):
        """Do nothing."""


def test_the_defaults_checkpoint_at_the_end_of_a_shard_and_at_a_requested_shutdown():
    """And do nothing at the start and when the lease is lost."""
    for give, checkpoints in [
        (lambda c: Minimal().initialize(InitializeInput("s")), False),
        (lambda c: Minimal().lease_lost(LeaseLostInput()), False),
        (lambda c: Minimal().shard_ended(ShardEndedInput(c)), True),
        (lambda c: Minimal().shutdown_requested(ShutdownRequestedInput(c)), True),
    ]:
        given = checkpointer()
        assert give(given) is None
        assert given.checkpointed is checkpoints


def test_the_default_of_v1_and_v2_at_a_requested_shutdown_is_nothing():
    """As ever: the processor may not be in a state to checkpoint."""

    class One(v1.RecordProcessorBase):
        initialize = process_records = shutdown = None

    class Two(v2.RecordProcessorBase):
        initialize = process_records = shutdown = None

    given = checkpointer()
    One().shutdown_requested(given)
    Two().shutdown_requested(ShutdownRequestedInput(given))
    assert not given.checkpointed


@pytest.mark.parametrize(
    ("base", "methods"),
    [
        (RecordProcessor, ["process_records"]),
        (v1.RecordProcessorBase, ["initialize", "process_records", "shutdown"]),
        (v2.RecordProcessorBase, ["initialize", "process_records", "shutdown"]),
        (
            v3.RecordProcessorBase,
            ["initialize", "lease_lost", "process_records", "shard_ended", "shutdown_requested"],
        ),
    ],
    ids=["RecordProcessor", "v1", "v2", "v3"],
)
def test_abstract_methods_are_enforced(base, methods):
    """A class that lacks one cannot be made; called through `super()` each says that it is not there."""
    assert sorted(base.__abstractmethods__) == methods
    with pytest.raises(TypeError, match="abstract"):
        type("Lacking", (base,), {})()
    whole = type("Whole", (base,), dict.fromkeys(methods, lambda *_: None))()
    for method in methods:
        arguments = [None] * (2 if base is v1.RecordProcessorBase and method != "initialize" else 1)
        with pytest.raises(NotImplementedError):
            getattr(base, method)(whole, *arguments)


def function(records):
    """A processor that is a function."""


async def coroutine_function(records):
    """A processor that is a coroutine function."""


class CallableObject:
    """A processor that is an object which can be called."""

    def __call__(self, records):
        """Do nothing."""


class Owner:
    """Has processors for methods."""

    def bound(self, records):
        """Take a batch."""

    @classmethod
    def of_class(cls, records):
        """Take a batch."""

    @staticmethod
    def static(records):
        """Take a batch."""


@pytest.mark.parametrize(
    "target",
    [
        function,
        coroutine_function,
        lambda records: None,
        lambda records, more=None: None,
        functools.partial(lambda prefix, records: None, "prefix"),
        CallableObject(),
        Owner().bound,
        Owner.of_class,
        Owner.static,
        [].extend,
    ],
    ids=[
        "function",
        "async",
        "lambda",
        "optional",
        "partial",
        "object",
        "method",
        "classmethod",
        "static",
        "builtin",
    ],
)
def test_what_takes_the_records_of_a_batch_is_a_processor(target):
    """Anything that can be called with one argument."""
    driven = checked(target)
    assert isinstance(driven, FunctionProcessor)
    assert driven.function is target


def test_a_function_is_given_the_records():
    """Not the input."""
    seen = []
    call(checked(seen.extend), ProcessRecords(RECORDS, 0), checkpointer())
    assert seen == RECORDS


@pytest.mark.parametrize(
    "target",
    [
        V3,
        V3(),
        lambda: V3(),  # noqa: PLW0108 - a factory that is no class
        lambda: V3,
        functools.partial(V3),
        lambda name="x": V3(),
    ],
    ids=["class", "instance", "factory", "factory of a class", "partial", "optional"],
)
def test_a_class_an_instance_and_a_factory_are_processors(target):
    """What comes out is an instance."""
    assert isinstance(checked(target), V3)


def test_an_instance_is_taken_as_it_is():
    """Not copied, and not made again."""
    processor = V3()
    assert checked(processor) is processor


def test_a_factory_of_a_function_is_a_processor():
    """As `python -m kclpy module:name` needs it."""
    assert checked(lambda: function).function is function


@pytest.mark.parametrize("processor", [V1, V2], ids=["v1", "v2"])
def test_the_older_kinds_are_adapted(processor):
    """By their `version`."""
    driven = checked(processor)
    assert isinstance(driven, V2toV3Processor)
    assert isinstance(driven.delegate, processor if processor is V2 else V1toV2Processor)
    assert driven.version == 3


def test_adapt_takes_what_has_no_version_for_v3():
    """As it does with an unknown version."""
    processor = object()
    assert adapt(processor) is processor


@pytest.mark.parametrize(
    "version", [pytest.param(4, id="unknown"), pytest.param("3", id="text"), pytest.param(None, id="none")]
)
def test_an_unknown_version_is_checked_as_v3(version):
    """It has to have v3's methods."""

    class Odd(V3):
        pass

    Odd.version = version
    assert isinstance(checked(Odd), Odd)


class Duck:
    """Has the methods, and no base class."""

    def initialize(self, given):
        """Start."""

    def process_records(self, given):
        """Process."""

    def lease_lost(self, given):
        """End."""

    def shard_ended(self, given):
        """End."""

    def shutdown_requested(self, given):
        """Prepare to end."""


def test_no_base_class_is_needed():
    """The methods are what counts."""
    assert isinstance(checked(Duck), Duck)


def lacking(base, *names):
    """A class like `base` without these methods."""
    return type("Lacking", (), {name: value for name, value in vars(base).items() if name not in names})


@pytest.mark.parametrize("name", ["initialize", "lease_lost", "shard_ended", "shutdown_requested"])
def test_a_missing_method_is_named(name):
    """Before anything is made."""
    with pytest.raises(InvalidProcessorError) as caught:
        checked(lacking(Duck, name))
    assert caught.value.problems == (f"the method {name} is missing",)
    assert caught.value.processor.endswith(".Lacking")


def test_every_problem_is_named_at_once():
    """Not one at each start."""
    with pytest.raises(InvalidProcessorError) as caught:
        checked(lacking(Duck, "initialize", "lease_lost"))
    assert caught.value.problems == ("the method initialize is missing", "the method lease_lost is missing")


def test_a_class_that_leaves_out_an_abstract_method_is_named_with_it():
    """Rather than by the TypeError of its making."""

    class Lacking(RecordProcessor):
        pass

    with pytest.raises(InvalidProcessorError, match="Lacking is no record processor: the method process_records"):
        checked(Lacking)


def test_a_method_that_is_no_method_is_missing():
    """An attribute of the name is not enough."""
    with pytest.raises(InvalidProcessorError, match="the method shard_ended is missing"):
        checked(type("Wrong", (Duck,), {"shard_ended": "text"}))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("process_record", "process_records"),
        ("processRecords", "process_records"),
        ("proces_records", "process_records"),
        ("shardEnded", "shard_ended"),
        ("shard_end", "shard_ended"),
        ("lease_losts", "lease_lost"),
        ("initialise", "initialize"),
        ("shutdown_request", "shutdown_requested"),
    ],
)
def test_a_misspelt_method_is_found_where_the_right_one_is_not_overridden(wrong, right):
    """It would never be called."""

    class Misspelt(RecordProcessor):
        if right != "process_records":

            def process_records(self, process_records_input):
                """Do nothing."""

    setattr(Misspelt, wrong, lambda *_: None)
    with pytest.raises(InvalidProcessorError) as caught:
        checked(Misspelt)
    assert caught.value.problems == (f"{wrong} looks like a misspelt {right}",)


def test_a_misspelt_method_is_found_in_an_instance_and_in_what_a_factory_makes():
    """However the processor came."""

    class Misspelt(Minimal):
        def shard_end(self, shard_ended_input):
            """Never be called."""

    for target in (Misspelt, Misspelt(), lambda: Misspelt()):  # noqa: PLW0108 - a factory that is no class
        with pytest.raises(InvalidProcessorError, match="shard_end looks like a misspelt shard_ended"):
            checked(target)


def test_methods_of_ones_own_are_no_misspellings():
    """Names that only resemble, and nearly equal ones where the right one is there too."""

    class Helpful(V3):
        def process_record(self, record):
            """Process one of a batch."""

        def initialize_client(self):
            """Prepare."""

        def shutdown(self):
            """Clean up."""

        def checkpoint(self, checkpointer):
            """Checkpoint with retries."""

        def _process_records(self):
            """Be private."""

    assert isinstance(checked(Helpful), Helpful)


@pytest.mark.parametrize("name", ["process", "records", "on_shutdown", "lost", "init", "shard", "requested"])
def test_a_name_that_only_shares_a_word_is_no_misspelling(name):
    """A helper of a minimal processor."""
    assert isinstance(checked(type("Helpful", (Minimal,), {name: lambda *_: None})), Minimal)


@pytest.mark.parametrize(
    ("base", "name", "wrong", "problem"),
    [
        (V3, "process_records", lambda s, a, b: None, "process_records is called with 1 argument, but takes 2"),
        (V3, "initialize", lambda s: None, "initialize is called with 1 argument, but takes 0"),
        (V2, "shutdown", lambda s, a, b: None, "shutdown is called with 1 argument, but takes 2"),
        (V1, "process_records", lambda s, a: None, "process_records is called with 2 arguments, but takes 1"),
        (V1, "shutdown", lambda s, a, b, c: None, "shutdown is called with 2 arguments, but takes 3"),
    ],
    ids=["v3, too many", "v3, too few", "v2", "v1, too few", "v1, too many"],
)
def test_a_method_with_other_arguments_is_found(base, name, wrong, problem):
    """A v1 method in a v3 class, say."""
    with pytest.raises(InvalidProcessorError) as caught:
        checked(type("Wrong", (base,), {name: wrong}))
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    "right",
    [
        lambda s, a, b=None: None,
        lambda s, *args: None,
        lambda *args: None,
        lambda s, *args, key=None, **options: None,
        lambda s=None, a=None: None,
        staticmethod(lambda a: None),
        classmethod(lambda c, a: None),
        functools.partialmethod(lambda s, prefix, a: None, "prefix"),
        functools.wraps(print)(lambda *args: None),
        CallableObject(),
        min,
        iter,
    ],
    ids=[
        "default",
        "varargs",
        "all varargs",
        "keywords",
        "all defaults",
        "static",
        "class",
        "partial",
        "wrapped",
        "object",
        "builtin without a signature",
        "builtin",
    ],
)
def test_a_method_that_can_be_called_with_its_input_is_right(right):
    """However it takes it; what does not say what it takes is believed."""
    assert isinstance(checked(type("Right", (V3,), {"process_records": right})), V3)


def test_async_methods_are_checked_like_others():
    """Their arguments count the same."""

    class Async(RecordProcessor):
        async def process_records(self, one, two):
            """Take one argument too many."""

    with pytest.raises(InvalidProcessorError, match="process_records is called with 1 argument, but takes 2"):
        checked(Async)


@pytest.mark.parametrize(
    "target",
    [None, 7, "module:Processor", object(), lambda a, b: None, [], lambda: None],
    ids=["None", "int", "text", "object", "two arguments", "list", "a factory of nothing"],
)
def test_what_is_neither_is_refused(target):
    """With what was expected."""
    with pytest.raises(InvalidProcessorError, match="is no function that takes the records of a batch"):
        checked(target)


def test_an_exception_of_the_constructor_is_the_programs_own():
    """It is not dressed up as something else."""

    class Broken(Minimal):
        def __init__(self):
            raise LookupError("no such table")

    with pytest.raises(LookupError, match="no such table"):
        checked(Broken)


def test_the_inputs_of_v1_v2_and_v3_are_one():
    """Code that names them by any module means the same classes."""
    assert v2.InitializeInput is v3.InitializeInput is kclpy.InitializeInput
    assert v2.ProcessRecordsInput is v3.ProcessRecordsInput is ProcessRecordsInput
    assert v2.ShutdownInput is kclpy.ShutdownInput
