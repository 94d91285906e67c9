"""The exception tree: whose fault it is, which fields it carries, and what it says."""

import inspect
import pickle

import pytest
from kclpy import errors

EXAMPLES = {
    errors.KclpyError: ("something",),
    errors.SetupError: ("started wrongly",),
    errors.InvalidProcessorError: ("app.Counter", ("the method process_records is missing",)),
    errors.ProcessorFailedError: ("process_records", 5),
    errors.ShardEndNotCheckpointedError: (),
    errors.InvalidRecordDataError: ("49", "Incorrect padding"),
    errors.CheckpointError: ("SomeException",),
    errors.ThrottlingError: ("ThrottlingException",),
    errors.DependencyError: ("KinesisClientLibDependencyException",),
    errors.ShutdownError: ("ShutdownException",),
    errors.InvalidStateError: (),
    errors.InvalidSequenceNumberError: ("IllegalArgumentException",),
    errors.ProtocolError: ("broken",),
    errors.MalformedMessageError: ("records[3].data", "a list where a string belongs", b'{"action"'),
    errors.LineTooLongError: (1000,),
    errors.UnexpectedMessageError: ("initialize", "between two actions", ("processRecords", "leaseLost")),
    errors.EndOfStreamError: ("in the middle of a checkpoint",),
}

TREE = inspect.getdoc(errors)


def test_every_error_has_an_example_here():
    """The table above covers the module, so that the laws below hold for every error."""
    declared = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert declared == set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_error_stands_in_the_printed_tree_below_its_parent(kind):
    """The tree in the module's docstring is the tree of the classes."""
    lines = TREE.splitlines()
    names = [line.lstrip("│├└─ ").split(" ")[0] for line in lines]
    index = names.index(kind.__name__)
    if kind is errors.KclpyError:
        return
    depth = len(lines[index]) - len(lines[index].lstrip("│├└─ "))
    parent = next(
        names[i]
        for i in range(index - 1, -1, -1)
        if names[i] and len(lines[i]) - len(lines[i].lstrip("│├└─ ")) == depth - 4
    )
    assert kind.__base__.__name__ == parent


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling_with_its_fields_and_text(kind):
    """An error can cross a process boundary, as it does under multiprocessing."""
    error = kind(*EXAMPLES[kind])
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.ProcessorFailedError("initialize", 1), errors.EXIT_PROCESSOR_FAILED),
        (errors.ShardEndNotCheckpointedError(), errors.EXIT_PROCESSOR_FAILED),
        (errors.ThrottlingError("ThrottlingException"), errors.EXIT_PROCESSOR_FAILED),
        (errors.InvalidProcessorError("a", ("b",)), errors.EXIT_SETUP),
        (errors.LineTooLongError(1), errors.EXIT_PROTOCOL),
        (errors.EndOfStreamError("somewhere"), errors.EXIT_PROTOCOL),
    ],
)
def test_the_exit_code_tells_whose_fault_it_was(error, exit_code):
    """The processor's, the environment's and the daemon's faults end in three distinct codes."""
    assert error.exit_code == exit_code


def test_the_exit_codes_are_distinct_and_not_zero():
    """A supervisor can tell them apart, and from success."""
    assert (errors.EXIT_PROCESSOR_FAILED, errors.EXIT_SETUP, errors.EXIT_PROTOCOL) == (1, 2, 3)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.InvalidProcessorError("app.C", ("one", "two")), "app.C is no record processor: one; two"),
        (errors.ProcessorFailedError("shard_ended", 1), "the record processor failed at shard_ended once; "),
        (errors.ProcessorFailedError("initialize", 3), "the record processor failed at initialize 3 times; "),
        (errors.ShardEndNotCheckpointedError(), "call checkpointer.checkpoint() there"),
        (errors.InvalidRecordDataError("49", "padding"), "the data of record 49 is no base64: padding"),
        (errors.CheckpointError("Boom"), "'Boom'"),
        (errors.InvalidStateError(), "'InvalidStateException'"),
        (errors.InvalidStateError(reason="too late"), "'InvalidStateException': too late"),
        (errors.LineTooLongError(1_000_000), "longer than 1,000,000 bytes; max_line_bytes raises the limit"),
        (errors.UnexpectedMessageError("x", "before initialize", ("a", "b")), "expected a or b"),
        (errors.UnexpectedMessageError("x", "after the end", ()), "expected the end of the stream"),
        (errors.EndOfStreamError("there"), "the daemon closed the pipe there"),
        (errors.MalformedMessageError("", "no JSON", b"abc"), "from the daemon: no JSON (the line: 'abc')"),
        (errors.MalformedMessageError("a.b", "missing", b"\xff"), r"at a.b: missing (the line: '\\xff')"),
    ],
)
def test_an_error_says_what_was_wrong(error, text):
    """Each text is made of the error's fields."""
    assert text in str(error)


def test_of_a_long_line_an_error_keeps_the_beginning():
    """An error about a line of 14 MB is one line in the log, and does not hold the 14 MB."""
    line = b"x" * 1000
    error = errors.MalformedMessageError("", "no JSON", line)
    assert (len(str(error)) < 200, "..." in str(error), error.line) == (True, True, line[: errors.LINE_START])


@pytest.mark.parametrize(
    ("java", "kind"),
    [
        ("ThrottlingException", errors.ThrottlingError),
        ("KinesisClientLibDependencyException", errors.DependencyError),
        ("ShutdownException", errors.ShutdownError),
        ("InvalidStateException", errors.InvalidStateError),
        ("IllegalArgumentException", errors.InvalidSequenceNumberError),
        ("ProvisionedThroughputExceededException", errors.CheckpointError),
    ],
)
def test_a_java_exception_has_its_error_and_keeps_its_name(java, kind):
    """What the daemon can answer has a type; a name that is not known is still a CheckpointError."""
    error = errors.CheckpointError.of(java)
    assert (type(error), error.value) == (kind, java)
