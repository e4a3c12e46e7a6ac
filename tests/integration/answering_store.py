"""A small S3 that answers with whatever error a test wants, and hands on everything else to a real one."""

import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from chassis.object_errors import PROBED_PREFIX
from chassis.settings import S3Settings

_WANTED = re.compile(r"answer~(?P<verb>[a-z]+)~(?P<status>\d+)~(?P<code>[A-Za-z.]*)")
_LOST = 0
LENGTH = 1_000_000
"""Of what breaks off."""
_NO_BODY = frozenset({204, 304})
_NO_OBJECTS = b"""<?xml version="1.0"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Name>any</Name><IsTruncated>false</IsTruncated></ListBucketResult>"""


@dataclass(frozen=True)
class Asked:
    """A request, as a test tells it apart: `verb` is get, head, list, put, post or delete."""

    verb: str
    key: str

    @property
    def is_probe(self) -> bool:
        return self.verb == "list" and self.key.endswith(f"/{PROBED_PREFIX}")


@dataclass(frozen=True)
class Answer:
    """An error; `status` 0: the connection breaks in the middle of the answer. A HEAD's has no body, as in HTTP.

    Without a code it comes from something in front of the store, which says it in HTML; 200 is a listing of nothing.
    """

    status: int
    code: str = ""

    @property
    def type(self) -> str:
        return "application/xml" if self.code or self.status == HTTPStatus.OK else "text/html"

    @property
    def body(self) -> bytes:
        if self.status in _NO_BODY:
            return b""
        if self.status == HTTPStatus.OK:
            return _NO_OBJECTS
        error = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>no</Message></Error>"
        return error.encode() if self.code else b"<html>no</html>"


Decide = Callable[[Asked], Answer | None]


def by_name(asked: Asked) -> Answer | None:
    """What a name wants: `…/answer~get~403~InvalidObjectState/…`; the verb `any` is every one, status 0 breaks off."""
    wanted = _WANTED.search(asked.key)
    if wanted is None or wanted["verb"] not in ("any", asked.verb):
        return None
    return Answer(int(wanted["status"]), wanted["code"])


@dataclass
class AnsweringStore:
    """`decide` may be replaced at any time; None hands a request on."""

    settings: S3Settings
    decide: Decide
    asked: list[Asked]


@contextmanager
def answering(real: S3Settings, decide: Decide = by_name) -> Generator[AnsweringStore]:
    """Serve on loopback, from threads of its own, until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.real = urlsplit(real.endpoint).netloc
    settings = real.model_copy(update={"endpoint": f"http://127.0.0.1:{server.server_port}"})
    server.store = AnsweringStore(settings, decide, [])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    store: AnsweringStore
    real: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = _asked(self.command, self.path)
        self.server.store.asked.append(asked)
        answer = self.server.store.decide(asked)
        if answer is None:
            self._hand_on(body)
        elif answer.status == _LOST:
            self._break_off()
        else:
            self._send(answer.status, answer.body, {"Content-Type": answer.type})

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def _hand_on(self, body: bytes) -> None:
        # The Host as the client signed it.
        connection = HTTPConnection(self.server.real, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            self._send(response.status, response.read(), _passed_on(response))
        finally:
            connection.close()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _break_off(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(LENGTH))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


def _passed_on(response: HTTPResponse) -> dict[str, str]:
    hop = {"connection", "transfer-encoding", "content-length"}
    headers = {name: value for name, value in response.getheaders() if name.lower() not in hop}
    # Of a HEAD the length is what it tells.
    length = response.getheader("Content-Length")
    return {**headers, "Content-Length": length} if length else headers


def _asked(method: str, path: str) -> Asked:
    parts = urlsplit(path)
    query = parse_qs(parts.query)
    if "list-type" in query:
        return Asked("list", f"{unquote(parts.path).strip('/')}/{query.get('prefix', [''])[0]}")
    return Asked(method.lower(), unquote(parts.path).lstrip("/"))
