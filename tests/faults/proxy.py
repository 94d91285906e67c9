"""An HTTP server between a daemon and the local AWS, which can be told to fail."""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

Mode = Literal["pass", "throttle", "hang", "reset"]
_THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A daemon that is killed resets its connections."""


class Proxy:
    """Passes requests on to `url`, in a block, as long as `mode` is `pass`.

    `throttle` answers as DynamoDB does to too many requests, `hang` does not answer until the mode changes, `reset` closes
    the connection.
    """

    def __init__(self, url: str) -> None:
        self.mode: Mode = "pass"
        self._changed = threading.Condition()
        address = urlsplit(url).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if proxy.mode == "hang":
                    proxy.wait_for_a_change()
                if proxy.mode == "reset":
                    self.close_connection = True
                elif proxy.mode == "throttle":
                    self._answer(400, {"Content-Type": "application/x-amz-json-1.0"}, _THROTTLED)
                else:
                    connection = http.client.HTTPConnection(address)
                    connection.request("POST", self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    answer = response.read()
                    kept = ("content-type", "x-amzn-requestid", "x-amz-crc32")
                    headers = {name: value for name, value in response.getheaders() if name.lower() in kept}
                    self._answer(response.status, headers, answer)
                    connection.close()

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def set(self, mode: Mode) -> None:
        """Change the mode; what hangs goes on in the new one."""
        with self._changed:
            self.mode = mode
            self._changed.notify_all()

    def wait_for_a_change(self) -> None:
        """Wait until the mode is not `hang`."""
        with self._changed:
            self._changed.wait_for(lambda: self.mode != "hang")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.set("reset")
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
