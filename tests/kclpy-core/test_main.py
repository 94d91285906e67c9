"""`python -m kclpy module:Processor`."""

import importlib

import pytest
from kclpy.messages import Checkpoint, Status

MODULE = """
import kclpy

class Processor(kclpy.RecordProcessor):
    def process_records(self, batch):
        batch.checkpointer.checkpoint()

instance = Processor()

def make():
    return Processor()

def function(records):
    print(len(records), "records")

class Inner:
    Processor = Processor
"""


@pytest.fixture
def run_main(tmp_path, run_child):
    """Run `python -m kclpy` with these arguments beside a module `app`."""

    def run(*arguments, messages=(), app=MODULE, flags=()):
        (tmp_path / "app.py").write_text(app, "utf-8")
        return run_child("", *messages, arguments=[*flags, "-m", "kclpy", *arguments])

    return run


@pytest.mark.parametrize("name", ["Processor", "instance", "make", "function", "Inner.Processor"])
def test_a_class_an_instance_a_factory_and_a_function_run(run_main, initialize, batch, succeeded, name):
    """By its name in the module, which may have dots."""
    finished = run_main(f"app:{name}", messages=[initialize, batch(1), succeeded])
    assert finished.sent == [Status("initialize"), Checkpoint(), Status("processRecords")]
    assert (finished.stderr, finished.exit_code) == ("1 records\n" if name == "function" else "", 0)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("nowhere:Processor", "there is no module 'nowhere' in "),
        ("nowhere.at.all:Processor", "there is no module 'nowhere' in "),
        ("app.inner:Processor", "there is no module 'app.inner' in "),
        ("app:Nothing", "'app:Nothing': module 'app' has no attribute 'Nothing'"),
        ("app", "'app' names no processor: write module:Processor"),
        (".app:Processor", "'.app:Processor' names no processor: write module:Processor"),
        ("..:Processor", "'..:Processor' names no processor: write module:Processor"),
        ("app..inner:Processor", "there is no module 'app.' in "),
        ("a" * 300 + ":Processor", f"there is no module '{'a' * 300}' in "),
        ("app:..Processor", "'app:..Processor': module 'app' has no attribute ''"),
        ("app:", "'app:' names no processor"),
        (":Processor", "':Processor' names no processor"),
        ("app:Inner", "app.Inner is no record processor: the method initialize is missing"),
    ],
)
def test_what_is_not_there_is_one_line_and_a_wrong_set_up(run_main, target, text):
    """Exit code 2, nothing on the pipe, and no traceback."""
    finished = run_main(target)
    assert (finished.stdout, finished.exit_code) == (b"", 2)
    assert finished.stderr.startswith(f"kclpy: {text}")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("app", "text"),
    [
        ("def f(:\n", "SyntaxError"),
        ("import no_such_dependency\n", "No module named 'no_such_dependency'"),
        ("raise LookupError('no table')\n", "LookupError: no table"),
    ],
    ids=["syntax", "import", "exception"],
)
def test_what_is_wrong_inside_the_module_is_told_with_its_traceback(run_main, app, text):
    """The line in the program is what its author needs; nothing is on the pipe."""
    finished = run_main("app:Processor", app=app)
    assert (finished.stdout, finished.exit_code) == (b"", 1)
    assert "Traceback" in finished.stderr or "app.py" in finished.stderr
    assert text in finished.stderr


@pytest.mark.parametrize("flags", [(), ("-u",)], ids=["buffered", "unbuffered"])
def test_a_module_that_prints_at_import_does_not_reach_the_daemon(run_main, initialize, flags):
    """The pipe is taken before the module is imported."""
    finished = run_main("app:Processor", app="print('null')\n" + MODULE, messages=[initialize], flags=flags)
    assert finished.sent == [Status("initialize")]
    assert (finished.stderr, finished.exit_code) == ("null\n", 0)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_for_those_who_ask(run_main, flag):
    """On stdout, and a success."""
    finished = run_main(flag)
    assert finished.stdout.startswith(b"usage: python -m kclpy module:Processor")
    assert (finished.stderr, finished.exit_code) == ("", 0)


@pytest.mark.parametrize("arguments", [(), ("app:Processor", "more"), ("--unknown",)])
def test_other_arguments_are_answered_with_the_usage(run_main, arguments):
    """On stderr, and exit code 2."""
    finished = run_main(*arguments)
    assert finished.stderr.startswith("usage: python -m kclpy module:Processor")
    assert (finished.stdout, finished.exit_code) == (b"", 2)


def test_importing_the_module_runs_nothing():
    """Only `-m` does."""
    assert importlib.import_module("kclpy.__main__").USAGE.startswith("usage: ")
