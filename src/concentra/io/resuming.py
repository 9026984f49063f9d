"""A downloader for pooch that goes on where an earlier one broke off.

Asking, following redirects, streaming and progress are those of `pooch.HTTPDownloader`. Pooch throws away what a
broken download has brought; here it stays, with a note of which version of the remote file it is a piece of.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from concentra.errors import ConcentraError, DataAbsentError, FileFormatError, MissingDependencyError
from concentra.files import write_text
from concentra.io._bar import Bar, bar_of
from concentra.io._part import Version, alone, continuing, empty, is_whole, must_fit, notes_of, version_of

if TYPE_CHECKING:
    from requests import Response

WAITS = (1.0, 2.0, 4.0)  # seconds before each further try
TIMEOUT = 30.0  # seconds without a byte
LEAST = 300.0  # seconds that any download may take
SLOWEST = 20_000  # bytes a second, on average, below which a download is given up
UNKNOWN = 3600.0  # seconds that a download of unknown length may take
CHUNK = 1 << 14  # bytes written at once; of a connection that breaks, less than this is lost
PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S
)
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Resuming:
    """A downloader for pooch that goes on where an earlier one broke off.

    The output file must have the same name each time; beside it, as ``NAME.json``, stands which version of the
    remote file it is a piece of. It is continued (``Range`` with ``If-Range``, RFC 9110, section 13.1.5) where the
    server has said by a strong entity tag or a date how to tell versions apart, and offers the rest of the same
    version; else it is begun again. The note stays until the caller, who has verified the file, removes it.

    Parameters
    ----------
    waits
        Seconds before each further try when a connection fails or the server is busy. A try that brought something
        is not counted.
    timeout
        Seconds without a byte after which a connection counts as failed.
    size
        The length of the file in bytes where it is known: nothing longer is written.
    verified
        Whether the caller can tell a whole file from one cut short, by its length or hash; else the server must tell
        the length or send chunks.
    total
        Seconds for the whole download; default 300, or more for a long file: its length at 20 kB a second.

    Raises
    ------
    DataAbsentError
        No answer; an answer that is not a file, or not the stretch that was requested; no space for what is missing;
        another process at the same file; too slow.
    FileFormatError
        Less came than there is, or more.
    """

    def __init__(
        self,
        *,
        waits: Sequence[float] = WAITS,
        timeout: float = TIMEOUT,
        size: int | None = None,
        verified: bool = True,
        total: float | None = None,
    ) -> None:
        self.waits, self.timeout, self.size, self.verified, self.total = waits, timeout, size, verified, total

    def __call__(self, url: str, output_file: str | Path, pooch: object = None) -> None:
        """Download until the file is whole, or fail; `pooch`, which pooch gives its downloaders, is not needed."""
        part, tries = Path(output_file), 0
        self._began = time.monotonic()
        with alone(part) as handle:
            while not is_whole(part, url):
                before = part.stat().st_size
                problem = self._attempt(url, part, handle)
                if problem is None:
                    return
                tries = 0 if part.stat().st_size > before else tries + 1
                if tries > len(self.waits):
                    raise problem
                time.sleep(self.waits[tries - 1] if tries else 0)

    def _attempt(self, url: str, part: Path, handle: BinaryIO) -> ConcentraError | None:
        """Ask once for what is missing; return what went wrong where another try may help."""
        requests, downloader = _needed()
        rest = continuing(part, url)
        body = _Body(url, part, handle, self.size)
        try:
            with bar_of(part.name.removesuffix(".part")) as bar:
                ask = downloader(
                    progressbar=bar or False,
                    chunk_size=CHUNK,
                    timeout=self.timeout,
                    headers={"Accept-Encoding": "identity"} | rest,
                    hooks={"response": partial(self._begin, body, bool(rest), bar)},
                )
                self._in_time(lambda: ask(url, body, None), body)
        except _OtherVersion:
            empty(part, handle)
            return self._attempt(url, part, handle)
        except requests.exceptions.HTTPError as problem:
            return _refused(url, problem.response)
        except requests.exceptions.RequestException as problem:
            return _broken(url, part, problem)
        come = part.stat().st_size
        return None if come and version_of(part).length in (None, come) else _broken(url, part)

    def _in_time(self, act: Callable[[], object], body: _Body) -> None:
        """Act in a thread that is left to itself when the time of the whole download is over."""
        problems: list[BaseException] = []

        def acting() -> None:
            try:
                act()
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=acting, name="concentra-fetch", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.1)
                if time.monotonic() - self._began > self._allowed(body.part) and thread.is_alive():
                    raise _too_slow(body.url, body.part, self._allowed(body.part))
        finally:
            body.stop()
            thread.join(1)
        if problems:
            raise problems[0]

    def _allowed(self, part: Path) -> float:
        """Seconds that the download may take."""
        length = self.size or version_of(part).length
        if self.total is not None:
            return self.total
        return UNKNOWN if length is None else max(LEAST, length / SLOWEST)

    def _begin(
        self, body: _Body, asked: bool, bar: Bar | None, response: Response, *_: object, **__: object
    ) -> None:
        """See from the head of an answer where its body belongs, before that is written."""
        body.response = response
        here = body.part.stat().st_size
        if here and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            response.close()
            raise _OtherVersion
        if response.is_redirect or response.status_code >= HTTPStatus.BAD_REQUEST:
            return
        try:
            here = self._placed(body, here, asked, response)
        except Exception:
            response.close()
            raise
        if bar is not None:
            bar.start = here

    def _placed(self, body: _Body, here: int, asked: bool, response: Response) -> int:
        """Where the body of an answer belongs: at the start, which is made empty, or at the end of what is here."""
        _must_be_a_file(body.url, response)
        offered = _offered(body.url, response)
        self._must_be_the_file(body, offered, response)
        if response.status_code == HTTPStatus.OK:
            empty(body.part, body.handle)
            write_text(notes_of(body.part), json.dumps(asdict(offered)) + "\n")
            here = 0
        elif not asked:
            raise _unasked(body.url, response)
        elif not _continues(body.part, here, offered, response):
            raise _OtherVersion
        must_fit(body.part, 0 if offered.length is None else offered.length - here)
        body.length = offered.length if self.size is None else self.size
        return here

    def _must_be_the_file(self, body: _Body, offered: Version, response: Response) -> None:
        """Refuse a file of another length than is known, and one of which nobody could tell whether it is whole."""
        if None not in (self.size, offered.length) and self.size != offered.length:
            empty(body.part, body.handle)
            raise _another_length(body.url, f"{offered.length} bytes", self.size)
        framed = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        if not self.verified and offered.length is None and not framed:
            raise DataAbsentError(
                found=f"{body.url} does not tell the length of the file",
                expected="a length, by which a download that was cut short is known",
                fix="download the file with a browser, and put it into the data folder",
            )


class _Body:
    """Takes the body of an answer: never more than the known length, never a page, and nothing once it is stopped."""

    def __init__(self, url: str, part: Path, handle: BinaryIO, length: int | None) -> None:
        self.url, self.part, self.handle, self.length = url, part, handle, length
        self.response: Response | None = None
        self.stopped = False

    def stop(self) -> None:
        """Take nothing more, and end the connection."""
        self.stopped = True
        if self.response is not None:
            with suppress(Exception):  # it has ended, or cannot be shut down before it is closed
                self.response.raw.shutdown()
            self.response.close()

    def write(self, chunk: bytes) -> int:
        """Append a piece of the body."""
        here = self.part.stat().st_size
        if self.stopped:
            raise _Stopped
        if not here and PAGE.match(chunk):
            raise _a_page(self.url, "a page of HTML")
        if self.length is not None and here + len(chunk) > self.length:
            empty(self.part, self.handle)
            raise _another_length(self.url, f"more than {self.length} bytes", self.length)
        left = memoryview(chunk)
        while left:
            left = left[self.handle.write(left) :]
        return len(chunk)

    def flush(self) -> None:
        """Nothing: every piece is written at once."""


class _Stopped(Exception):
    """The download was given up while this piece came."""


class _OtherVersion(Exception):
    """What the server offers does not continue the part."""


def _another_length(url: str, found: str, size: int | None) -> FileFormatError:
    return FileFormatError(
        found=f"{url} gave {found}",
        expected=f"{size} bytes",
        fix="run the command again; should it stay so, the public file has changed. Nothing of it was kept",
    )


def _too_slow(url: str, part: Path, allowed: float) -> DataAbsentError:
    return DataAbsentError(
        found=f"{url} brought {part.stat().st_size} bytes in {allowed:g} seconds",
        expected=f"the file within that time, or {SLOWEST} bytes a second",
        fix="run the command again, or later: it goes on from what has come",
    )


def _unasked(url: str, response: Response) -> DataAbsentError:
    return DataAbsentError(
        found=f"{url} answered with a part of the file, {response.headers.get('Content-Range', 'unnamed')}",
        expected="the whole file, which was requested",
        fix="run the command again later; should it stay so, download the file with a browser",
    )


def _must_be_a_file(url: str, response: Response) -> None:
    """Refuse what is not the bytes of a file: another success, a page to look at, an encoding nobody asked for."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    coding = response.headers.get("Content-Encoding", "identity")
    right = response.status_code in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
    if right and "html" not in kind.lower() and coding == "identity":
        return
    what = kind or "nothing of any kind"
    raise _a_page(
        url, what if coding == "identity" else f"{what} as {coding}", status=f" {response.status_code}"
    )


def _a_page(url: str, what: str, *, status: str = "") -> DataAbsentError:
    return DataAbsentError(
        found=f"{url} answered{status} with {what}",
        expected="the bytes of the file",
        fix="open the address in a browser: it may ask for a person, or tell where the file has gone",
    )


def _offered(url: str, response: Response) -> Version:
    headers = response.headers
    tag, total = headers.get("ETag", ""), headers.get("Content-Range", "").rpartition("/")[2]
    length = headers.get("Content-Length", "") if response.status_code == HTTPStatus.OK else total
    validator = tag if tag.startswith('"') else headers.get("Last-Modified")
    return Version(url, validator, int(length) if re.fullmatch("[0-9]+", length) else None)


def _continues(part: Path, here: int, offered: Version, response: Response) -> bool:
    noted = version_of(part)
    same = offered.length == noted.length and offered.validator in (None, noted.validator)
    found = RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    return same and found is not None and int(found[1]) == here <= int(found[2])


def _refused(url: str, response: Response) -> ConcentraError:
    """What the server said: returned where it is busy, else raised."""
    response.close()
    status = response.status_code
    problem = DataAbsentError(
        found=f"{url} answered {status} {response.reason}".strip(),
        expected="the file",
        fix="run the command again later; should it stay so, look up where the file has gone",
    )
    if status in BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem
    raise problem


def _broken(url: str, part: Path, cause: Exception | None = None) -> ConcentraError:
    """A connection that failed: nothing has come, or less than there is."""
    here, length = part.stat().st_size, version_of(part).length
    if not here:
        why = (
            getattr(cause.args[0], "reason", cause)
            if cause is not None and cause.args
            else "the answer is empty"
        )
        return DataAbsentError(
            found=f"{url} brought nothing: {' '.join(str(why).split())}",
            expected="the file",
            fix="see whether this machine is connected, and run the command again",
        )
    return FileFormatError(
        found=f"{url} broke off after {here} bytes{'' if length is None else f' of {length}'}",
        expected="the whole file",
        fix=f"run the command again: it goes on from what has come, which is kept as {part.name}",
    )


def _needed() -> tuple[Any, Any]:
    try:
        import requests
        from pooch import HTTPDownloader
    except ImportError as problem:
        raise MissingDependencyError(
            found=f"{problem.name} is not installed",
            expected="pooch, which downloads files",
            fix='pip install "concentra[study]"',
        ) from None
    return requests, HTTPDownloader
