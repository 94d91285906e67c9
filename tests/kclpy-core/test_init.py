"""The package: its public names, who may touch the process, and what an idle child costs."""

import ast
import importlib
import subprocess
import sys

import kclpy
import pytest
from kclpy import errors
from kclpy._version import __version__

TOUCH_THE_PROCESS = {"runner", "log", "stopping", "__main__"}
PROCESS_MODULES = {
    "os",
    "signal",
    "io",
    "socket",
    "subprocess",
    "select",
    "ctypes",
    "fcntl",
    "multiprocessing",
    "atexit",
}
STREAMS = {"stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__", "exit"}

EXPENSIVE = ["asyncio", "dataclasses", "inspect", "logging", "msgspec", "threading", "traceback", "typing"]


def modules(source):
    """The name and the tree of every module of `kclpy`."""
    for path in sorted(source.glob("*.py")):
        yield path.stem, ast.parse(path.read_text("utf-8"))


def test_all_is_what_is_imported(source):
    """`__init__` imports its public names, sorted, and nothing else."""
    tree = ast.parse((source / "__init__.py").read_text("utf-8"))
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(kclpy.__all__) == imported
    assert len(kclpy.__all__) == len(set(kclpy.__all__))
    assert {type(node) for node in tree.body} == {ast.Expr, ast.ImportFrom, ast.Assign}


def test_every_public_name_is_that_of_its_module():
    """No name stands for two things."""
    for name in kclpy.__all__:
        thing = getattr(kclpy, name)
        if name != "__version__":
            assert getattr(importlib.import_module(thing.__module__), name) is thing


def test_every_error_is_public():
    """What can be raised can be caught by its public name."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds <= set(kclpy.__all__)


def test_only_the_runner_touches_streams_signals_and_the_process(source):
    """No other module imports what could, names a stream, prints, reads or opens."""
    for name, tree in modules(source):
        if name in TOUCH_THE_PROCESS:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported = {node.module.split(".")[0]}
                if node.module == "sys":
                    assert not {alias.name for alias in node.names} & STREAMS, name
            elif isinstance(node, ast.Attribute):
                imported = set()
                assert not (isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr in STREAMS), name
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                imported = set()
                assert node.func.id not in {"print", "input", "open", "exit", "quit"}, name
            else:
                continue
            assert not imported & PROCESS_MODULES, name


def test_the_conversation_knows_no_runner(source):
    """Only the runner's own users import it: everything else can be driven in memory."""
    for name, tree in modules(source):
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "kclpy.runner" not in imported or name in {"__init__", "__main__"}


def bare_python(source, program, lines=b""):
    """What `program` prints to stderr, in an interpreter without `site` and what that imports."""
    return subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(source.parent), "SYSTEMROOT": ""},
        input=lines,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        check=True,
    ).stderr.decode()


def test_a_bare_interpreter_has_none_of_what_is_expensive(source):
    """Or the two tests below could not fail for it."""
    assert bare_python(source, f"import sys; print(*sys.modules.keys() & {EXPENSIVE}, file=sys.stderr)") == "\n"


@pytest.mark.parametrize("package", ["kclpy", "amazon_kclpy.kcl"])
def test_an_import_is_cheap(source, package):
    """It pulls in nothing that takes longer than itself."""
    program = f"import {package}, sys; print(*sys.modules.keys() & {EXPENSIVE}, file=sys.stderr)"
    assert bare_python(source, program) == "\n"


def test_an_idle_child_is_cheap(source):
    """Neither does a child that has a shard, and no records yet."""
    program = f"""
import sys, kclpy
class Processor(kclpy.RecordProcessor):
    def process_records(self, batch): pass
    def lease_lost(self, lease_lost_input):
        print("loaded:", *sys.modules.keys() & {EXPENSIVE})
kclpy.run(Processor)
"""
    lines = b'{"action":"initialize","shardId":"s"}\n{"action":"leaseLost"}\n'
    assert bare_python(source, program, lines) == "loaded:\n"


def test_the_drop_in_is_beside_the_package(source):
    """One distribution has both."""
    assert (source.parent / "amazon_kclpy" / "kcl.py").is_file()
    assert (source / "py.typed").is_file()
    assert (source.parent / "amazon_kclpy" / "py.typed").is_file()


def test_the_version_is_declared_once():
    """And is a release."""
    assert kclpy.__version__ is __version__
    assert all(part.isdigit() for part in __version__.split("."))
