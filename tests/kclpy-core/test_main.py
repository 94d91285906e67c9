"""`python -m kclpy module:Processor`."""

import importlib
import os

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
        ("nowhere\udc80:Processor", "there is no module 'nowhere\\udc80' in "),
        ("app:Nothing\udc80", "'app:Nothing\\udc80': module 'app' has no attribute 'Nothing\\udc80'"),
        ("app." + 300 * "n" + ":Processor", "there is no module 'app." + 195 * "n" + "... in "),
        ("app:" + 300 * "n", "'app:" + 195 * "n" + "...: module 'app' has no attribute 'nnn"),
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
    "target",
    ["app", "app:", ":Processor", ".app:Processor", "app..inner:Processor", "app:Inner..Processor", ":", "..:"],
)
def test_what_names_no_processor_is_told_with_the_usage(run_main, target):
    """In two lines, and exit code 2."""
    finished = run_main(target)
    assert (finished.stdout, finished.exit_code) == (b"", 2)
    first, second = finished.stderr.splitlines()
    assert first == f"kclpy: '{target}' names no processor: write module:Processor"
    assert second.startswith("usage: python -m kclpy module:Processor")


@pytest.mark.parametrize(
    ("app", "text"),
    [
        ("def f(:\n", "invalid syntax (app.py, line 1)"),
        (
            "\nimport no_such_dependency\n",
            "ModuleNotFoundError(\"No module named 'no_such_dependency'\") at {app}, line 2",
        ),
        ("raise LookupError('no\\ntable')\n", "LookupError('no\\ntable') at {app}, line 1"),
        ("from . import nothing\n", "ImportError('attempted relative import with no known parent package') at {app}, "),
        ("raise ValueError(1000 * 'v')\n", "ValueError('" + 188 * "v" + "... at {app}, line 1"),
    ],
    ids=["syntax", "import", "exception", "relative import", "long"],
)
def test_what_is_wrong_inside_the_module_is_told_with_its_place(run_main, tmp_path, app, text):
    """In two lines: what and where, and how to see the traceback. Nothing is on the pipe."""
    finished = run_main("app:Processor", app=app)
    assert (finished.stdout, finished.exit_code) == (b"", 2)
    first, second = finished.stderr.splitlines()
    assert first.startswith("kclpy: app cannot be imported: " + text.format(app=tmp_path / "app.py"))
    assert second.startswith("the whole traceback: ")
    assert second.endswith(" -c 'import app'")


@pytest.mark.skipif(os.name == "nt", reason="a folder that is in use cannot be removed there")
def test_a_folder_that_is_gone_leads_to_no_traceback(run_child):
    """A deployment that has replaced the folder, say."""
    finished = run_child(
        "import os, sys\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'kclpy', 'nowhere:Processor'])\n"
    )
    assert (finished.stdout, finished.exit_code) == (b"", 2)
    assert finished.stderr.startswith("kclpy: there is no module 'nowhere' in ")
    assert finished.stderr.count("\n") == 1


def test_a_module_that_exits_at_import_is_let_go(run_main):
    """With its own exit code."""
    finished = run_main("app:Processor", app="import sys\nsys.exit(42)\n")
    assert (finished.stdout, finished.stderr, finished.exit_code) == (b"", "", 42)


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
