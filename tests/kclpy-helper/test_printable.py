"""Text of others on a terminal and in a log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy_helper.printable import escaped_json, printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shardId-000000000000", "shardId-000000000000"),
        ("[/a] [fe80::1]:8080 é 👩‍🚀 \\", "[/a] [fe80::1]:8080 é 👩‍🚀 \\"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc\rd\x7f\x85", "a\\x0ab\\x09c\\x0dd\\x7f\\x85"),
        ("\u2028\u2029\u202e\u2066\ud800", "\\u2028\\u2029\\u202e\\u2066\\ud800"),
    ],
)
def test_only_what_steers_a_terminal_is_escaped(text: str, shown: str) -> None:
    """Brackets, letters of any script and emoji stay as they are."""
    assert printable(text) == shown


def test_lines_stay_and_colours_where_they_are_wanted() -> None:
    """But no other sequence: those that move the cursor, clear the screen or set the title."""
    text = "a\n\t\x1b[1;31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x1b"
    assert printable_lines(text) == "a\n\t\\x1b[1;31mred\\x1b[0m\\x1b[2J\\x1b]0;title\\x07\\x1b"
    assert printable_lines(text, colours=True) == "a\n\t\x1b[1;31mred\x1b[0m\\x1b[2J\\x1b]0;title\\x07\\x1b"


ANY = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\x1b[31m\x85\u2028\u2029\ud800\udfff\r\n"))


@given(ANY)
def test_no_text_makes_a_second_line_or_breaks_the_encoding(text: str) -> None:
    """Whatever splits lines: Python, a terminal, or a reader of JSON lines."""
    for line in (printable(text), escaped_json(json.dumps(text, ensure_ascii=False))):
        assert len(line.splitlines()) <= 1
        assert line.encode().decode() == line
    assert json.loads(escaped_json(json.dumps(text, ensure_ascii=False))) == json.loads(json.dumps(text))
    assert printable_lines(text).count("\n") == text.count("\n")
