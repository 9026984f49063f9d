"""A web server on this machine that behaves and misbehaves as told, and keeps count of what it sends."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 16  # bytes sent at once


@dataclass
class Page:
    """How one path is answered.

    Attributes
    ----------
    body, etag, modified, kind, coding
        The file and what the head says of it.
    ranges
        Whether the rest of a file can be asked for.
    heeds_if_range
        Whether the whole is sent where another version was continued.
    states
        Statuses of the first answers, without a body.
    moved
        Where the file is instead.
    length
        Whether the head tells the length.
    chunked
        Whether the body is sent in chunks that tell their length.
    stop
        Bytes of a body after which the connection is closed.
    pause
        Seconds between two pieces.
    most
        Bytes that an answer with the rest of a file brings at most, and says that it brings.
    compresses
        Whether the body is compressed for those who accept that.
    offset
        Where an answer begins that is a part of the file although the whole was requested.
    piece
        Bytes sent at once.
    """

    body: bytes = b""
    etag: str | None = '"first"'
    modified: str | None = None
    kind: str = "application/octet-stream"
    coding: str | None = None
    ranges: bool = True
    heeds_if_range: bool = True
    states: list[int] = field(default_factory=list)
    moved: str | None = None
    length: bool = True
    chunked: bool = False
    stop: int | None = None
    pause: float = 0.0
    most: int | None = None
    compresses: bool = False
    offset: int | None = None
    piece: int = PIECE


@dataclass
class Asked:
    """One request: its path, the two headers that continue a file, the status answered and the bytes of body sent."""

    path: str
    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


class Site(ThreadingHTTPServer):
    """A server on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.log: list[Asked] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Answers as the page says."""

    server: Site

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path, Page(states=[404] * 99))
        asked = Asked(self.path, self.headers["Range"], self.headers["If-Range"])
        self.server.log.append(asked)
        if page.states or page.moved:
            asked.status = page.states.pop(0) if page.states else 302
            self.send_response(asked.status)
            if page.moved and asked.status == 302:
                self.send_header("Location", page.moved)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._file(page, asked)

    def _file(self, page: Page, asked: Asked) -> None:
        start, whole = 0, len(page.body)
        if asked.range and page.ranges and self._is_same(page, asked):
            start = int(asked.range.removeprefix("bytes=").removesuffix("-"))
        asked.status = 200 if not start else 206 if start < whole else 416
        if page.offset is not None:
            start, asked.status = page.offset, 206
        self.send_response(asked.status)
        body = page.body[start:] if start < whole else b""
        coding = page.coding
        if asked.status == 206 and page.most:
            body = body[: page.most]
        if page.compresses and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, coding = gzip.compress(body), "gzip"
        heads = {"ETag": page.etag, "Last-Modified": page.modified, "Content-Encoding": coding}
        heads |= {"Content-Type": page.kind, "Content-Length": str(len(body)) if page.length else None}
        heads |= {
            "Content-Range": f"bytes {start}-{start + len(body) - 1}/{whole}" if asked.status == 206 else None
        }
        heads |= {"Transfer-Encoding": "chunked" if page.chunked else None}
        for name, value in heads.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self._body(page, asked, body)

    def _is_same(self, page: Page, asked: Asked) -> bool:
        return not page.heeds_if_range or asked.if_range in (None, page.etag, page.modified)

    def _body(self, page: Page, asked: Asked, body: bytes) -> None:
        upto = len(body) if page.stop is None else min(page.stop, len(body))
        for place in range(0, upto, page.piece):
            piece = body[place : min(place + page.piece, upto)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if page.chunked else piece)
            asked.sent += len(piece)
            time.sleep(page.pause)
        if page.chunked and upto == len(body):
            self.wfile.write(b"0\r\n\r\n")


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    """A site that is there until the end of the block."""
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()
