"""The lock: a document that is read whole or refused with the place of the fault."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jartools import locks
from jartools.inputs import read_input
from kclpy_jars.errors import LockError
from kclpy_jars.lock import Lock, loads

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_lock_survives_the_round_trip(lock: Lock) -> None:
    """Reading what was written gives an equal lock, and writing it again the same text."""
    text = lock.dumps()
    assert loads(text, "test") == lock
    assert loads(text, "test").dumps() == text


def test_a_lock_is_written_sorted_indented_and_with_a_final_newline(lock: Lock) -> None:
    """A lock is made for diffs: keys in order, one to a line, and a newline at the end."""
    text = lock.dumps()
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert document["jars"][2]["classifier"] == "linux"


def test_a_jar_knows_its_name_and_its_place_in_a_maven_repository(lock: Lock) -> None:
    """Names follow from the coordinates, the classifier included."""
    jar = lock.jars[2]
    assert jar.filename == "netty-4.1-linux.jar"
    assert jar.maven_path == "org/net/netty/4.1/netty-4.1-linux.jar"
    assert str(jar) == "org.net:netty:4.1:linux"


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


def _delete(*path: str | int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


def _swap(document: Any) -> None:
    document["jars"].reverse()


def _repeat(document: Any) -> None:
    document["jars"].append(document["jars"][-1])


@pytest.mark.parametrize(
    ("change", "where", "problem"),
    [
        (_delete("schema"), "schema", "missing"),
        (_set("schema", to=1), "schema", "1, but this kclpy-jars reads 2"),
        (_set("schema", to=True), "schema", "True"),
        (_set("version", to="3.0.2"), "version", "3.0.2 is not 3.0.1"),
        (_set("kcl_version", to="3.0.1/.."), "kcl_version", "letters, digits"),
        (_set("daemon", to=[]), "daemon", "an object is wanted"),
        (_delete("daemon", "main_class"), "daemon.main_class", "missing"),
        (_set("daemon", "properties_option", to=1), "daemon.properties_option", "text or null"),
        (_set("daemon", "extra", to=1), "daemon.extra", "unknown"),
        (_set("extra", to=1), "extra", "unknown"),
        (_set("jars", to=[]), "jars", "empty"),
        (_set("jars", to={}), "jars", "a list is wanted"),
        (_set("jars", 1, to="x"), "jars[1]", "an object is wanted"),
        (_set("jars", 2, "sha256", to="0" * 63), "jars[2].sha256", "64 lower-case"),
        (_set("jars", 2, "sha256", to="A" * 64), "jars[2].sha256", "64 lower-case"),
        (_set("jars", 0, "size", to=-1), "jars[0].size", "negative"),
        (_set("jars", 0, "size", to=1.5), "jars[0].size", "a whole number"),
        (_set("jars", 0, "artifact", to="../evil"), "jars[0].artifact", "letters, digits"),
        (_set("jars", 0, "group", to=".hidden"), "jars[0].group", "letters, digits"),
        (_set("jars", 0, "classifier", to=""), "jars[0].classifier", "letters, digits"),
        (_set("jars", 0, "licence", to="MIT"), "jars[0].licence", "unknown"),
        (_delete("jars", 0, "license"), "jars[0].license", "missing"),
        (_set("jars", 0, "license", to="MIT or so"), "jars[0].license", "SPDX identifiers"),
        (_set("jars", 0, "class_file", to="52"), "jars[0].class_file", "a whole number"),
        (_delete("jars", 0, "class_file"), "jars[0].class_file", "missing"),
        (_set("end_of_support", to="soon"), "end_of_support", "YYYY-MM-DD"),
        (_delete("end_of_support"), "end_of_support", "missing"),
        (_swap, "jars[1]", "belongs before"),
        (_repeat, "jars[3]", "a second netty-4.1-linux.jar"),
    ],
)
def test_a_wrong_lock_is_refused_with_the_place_of_the_fault(
    lock: Lock, change: Callable[[Any], None], where: str, problem: str
) -> None:
    """Whatever is missing, unknown, of another type or out of order is named by its place."""
    document = json.loads(lock.dumps())
    change(document)
    with pytest.raises(LockError) as caught:
        loads(json.dumps(document), "x.json")
    assert caught.value.source == "x.json"
    assert caught.value.where == where
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"x.json: {where}: ")


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_document_that_is_no_object_is_refused(text: str) -> None:
    """What is not a JSON object has no place inside to name."""
    with pytest.raises(LockError) as caught:
        loads(text, "x.json")
    assert caught.value.where == ""


@pytest.mark.parametrize("post", ["3.0.1.post1", "3.0.1.post12"])
def test_a_post_release_bundles_the_same_kcl(lock: Lock, post: str) -> None:
    """The distribution's version may be a .postN of the KCL's."""
    document = json.loads(lock.dumps()) | {"version": post}
    read = loads(json.dumps(document), "test")
    assert (read.version, read.kcl_version) == (post, "3.0.1")


def test_a_lock_knows_the_oldest_java_that_reads_all_its_jars(lock: Lock) -> None:
    """The newest class file decides, and a jar without classes has no say."""
    oldest, newest, empty = (replace(jar, class_file=n) for jar, n in zip(lock.jars, (49, 55, None), strict=True))
    assert replace(lock, jars=(oldest, newest, empty)).java == 11


def test_a_kcl_whose_support_ends_comes_with_a_warning(lock: Lock) -> None:
    """The warning has the date; a KCL without one has no warning."""
    assert lock.support_warning is None
    ending = loads(replace(lock, end_of_support="2026-01-30").dumps(), "test")
    assert "KCL 3.0.1" in str(ending.support_warning)
    assert "2026-01-30" in str(ending.support_warning)


def _committed() -> list[Lock]:
    return locks.locks()


def test_there_is_a_lock_of_each_line() -> None:
    """KCL 1, 2 and 3 can each be built, and 1 alone is at its end."""
    assert [lock.version.partition(".")[0] for lock in _committed()] == ["1", "2", "3"]
    assert [lock.end_of_support for lock in _committed()] == ["2026-01-30", None, None]


def test_there_is_a_lock_of_the_default_line() -> None:
    """Without a choice something can be built, and it is a KCL 3.x."""
    assert locks.chosen_version().startswith("3.")


@pytest.mark.parametrize("committed", _committed(), ids=lambda lock: lock.version)
def test_a_committed_lock_is_what_its_input_asks_for(committed: Lock) -> None:
    """Name, version, daemon and KCL are the input's, and no excluded jar is in the lock."""
    wanted = read_input(locks.LOCKS / f"{committed.kcl_version}.in.toml")
    text = (locks.LOCKS / f"{committed.kcl_version}.json").read_text(encoding="utf-8")
    assert committed.dumps() == text
    assert committed.version == wanted.version
    assert committed.daemon == wanted.daemon
    assert committed.end_of_support == wanted.end_of_support
    assert {str(jar) for jar in (*wanted.raised, *wanted.added)} <= {str(jar) for jar in committed.jars}
    assert str(wanted.kcl) in map(str, committed.jars)
    names = {f"{jar.group}:{jar.artifact}" for jar in committed.jars} | {f"{jar.group}:*" for jar in committed.jars}
    assert names.isdisjoint(wanted.exclude)
