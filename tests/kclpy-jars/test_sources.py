"""What a source says when it cannot give a file: never the address, in which there may be a password."""

from __future__ import annotations

import logging
import string
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jartools.sources import MIRROR_VARIABLE, Patience, Repository, UnavailableError, default_sources, mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

    Answer = Callable[[BaseHTTPRequestHandler], None]
    Serve = Callable[[Answer], str]

SECRET = "S3cr3t"
QUICK = Patience(connect=0.5, silence=0.5, attempts=1)


def all_that_is_shown(source: object, error: BaseException) -> str:
    """Everything that a log, a traceback or an error tracker makes of a source and of its error, chain included."""
    shown = [repr(source), getattr(source, "name", "")]
    left: list[BaseException | None] = [error]
    while left:
        found = left.pop()
        if found is not None:
            shown += [str(found), repr(found), repr(found.args)]
            left += [found.__cause__, found.__context__]
    return "\n".join([*shown, *traceback.format_exception(error)]).lower()


def failure(address: str) -> str:
    """What is shown of a mirror that cannot give a file."""
    source = mirror(address)
    if isinstance(source, Repository):
        source = Repository(source.name, source.url, QUICK)
    with pytest.raises(UnavailableError) as caught:
        list(source.chunks("a/b.jar"))
    return all_that_is_shown(source, caught.value)


PASSWORDS = st.text(string.ascii_letters + string.digits + "/?#@:%[]\\ '\"&=;+\n\t\0é℀", max_size=8).map(
    lambda text: f"{text}{SECRET}{text[::-1]}"
)
ADDRESSES = st.sampled_from(
    [
        "{scheme}://user:{password}@{host}/maven",
        "{scheme}://{password}@{host}",
        "{scheme}://user:{password}@",
        "{scheme}://user:{password}@:8081/",
        "{scheme}://{host}/maven?token={password}",
        "{scheme}://{host}/maven#{password}",
        "{scheme}:/user:{password}@{host}/maven",
        "{scheme}:user:{password}@{host}",
        "user:{password}@{host}/maven",
        "//user:{password}@{host}/maven",
        "{password}",
    ]
)


@settings(deadline=None, max_examples=300)
@given(
    ADDRESSES,
    st.sampled_from(["http", "https", "HTTP", "htps", "s3", "ftp", "file", "https ", ""]),
    st.sampled_from(
        [
            "127.0.0.1:1",
            "localhost:1",
            "[::1]:1",
            "[::1",
            "127.0.0.1:99999",
            "127.0.0.1:port",
            "",
            "..",
            "\u2102.\u2100",
        ]
    ),
    PASSWORDS,
    st.booleans(),
)
@example("{scheme}://user:{password}@:8081/", "https", "", SECRET, False)
@example("{scheme}://user:{password}@{host}/maven", "http", "127.0.0.1:1", f"12/{SECRET}", False)
@example("{password}", "http", "", SECRET * 1000, False)
def test_no_password_of_a_mirrors_address_is_ever_shown(
    address: str, scheme: str, host: str, password: str, quoted: bool
) -> None:
    """However it is misspelt: nobody listens at any of these."""
    password = quote(password, safe="") if quoted else password
    assert SECRET.lower() not in failure(address.format(scheme=scheme, host=host, password=password))


@pytest.mark.parametrize(
    "address", ["s3://user:pw@host/maven", "htps://host", "https://", "user:pw@host", "file:///no/where"]
)
def test_an_address_that_leads_nowhere_is_said_to_be(address: str) -> None:
    """With what is possible."""
    assert "begins with https://, http:// or file://" in failure(address)


def _answer(status: int, reason: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status, reason)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _answer(404, f"no /maven?token={SECRET}", {}),
        _answer(503, f"{SECRET} is busy", {}),
        _answer(599, SECRET, {"Retry-After": SECRET}),
        _answer(302, "Found", {"Location": f"http://user:{SECRET}@127.0.0.1:1/maven?token={SECRET}"}),
        _answer(302, "Found", {"Location": f"http://user:{SECRET}@:1/maven"}),
        _answer(302, "Found", {"Location": f"http://user:{SECRET}@[::1/maven"}),
        _answer(302, "Found", {"Location": f"s3://user:{SECRET}@bucket/maven"}),
        _answer(302, "Found", {"Location": f"/maven?token={SECRET}"}),
        _answer(200, "OK", {"Content-Length": "100"}, b"cut off"),
        _answer(200, "OK", {"Content-Encoding": "gzip"}, SECRET.encode()),
        _answer(404, "no", {"Broken header": "", f"no colon {SECRET}": ""}, b""),
    ],
    ids=lambda value: None,
)
def test_nor_is_what_a_server_repeats_of_it(answer: Answer, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """In its status line, in a redirect, in a body that cannot be read; nor do the libraries log it above DEBUG."""
    caplog.set_level(logging.INFO)
    address = f"{serve(answer).replace('//', f'//user:{SECRET}@')}/maven?token={SECRET}"
    source = Repository("mirror", address, QUICK)
    with pytest.raises(UnavailableError) as caught:
        list(source.chunks("a/b.jar"))
    assert SECRET.lower() not in all_that_is_shown(source, caught.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "proxy", ["http://user:{}@127.0.0.1:1", "http://user:{}@", "http://user:{}@[::1", "{}", "s3://{}@x"]
)
def test_nor_is_a_proxys(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose address comes from a variable."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy.format(SECRET))
    assert SECRET.lower() not in failure("http://mirror.example/maven")


def test_what_happened_is_said_all_the_same(serve: Serve) -> None:
    """In the words of the system or of HTTP."""
    assert "connection refused" in failure("http://127.0.0.1:1/")
    assert "http 404 not found" in failure(serve(_answer(404, "gone fishing", {})))
    assert "toomanyredirects" in failure(serve(_answer(302, "Found", {"Location": "/"})))


def test_a_token_in_the_address_reaches_the_server(serve: Serve) -> None:
    """Behind the path of the file."""
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        _answer(200, "OK", {}, b"jar")(request)

    source = mirror(f"{serve(answer)}/maven/?token=x")
    assert b"".join(source.chunks("a/b.jar")) == b"jar"
    assert asked == ["/maven/a/b.jar?token=x"]


def test_the_variable_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the build makes of it."""
    monkeypatch.setenv(MIRROR_VARIABLE, f"s3://user:{SECRET}@bucket/maven")
    assert SECRET not in repr(default_sources())
