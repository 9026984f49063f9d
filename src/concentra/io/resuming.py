"""A downloader for pooch that goes on where an earlier one broke off.

Asking, following redirects, streaming and progress are those of `pooch.HTTPDownloader`. Pooch throws away what a
broken download has brought; here it stays, with a note of which version of the remote file it is a piece of.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from concentra.errors import ConcentraError, DataAbsentError, FileFormatError, MissingDependencyError
from concentra.files import write_text
from concentra.io._bar import Bar, bar_of

if TYPE_CHECKING:
    from requests import Response

WAITS = (1.0, 2.0, 4.0)  # seconds before each further try
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 14  # bytes written at once; of a connection that breaks, less than this is lost
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

    Raises
    ------
    DataAbsentError
        No answer; an answer that is not a file; no space for what is missing; another process at the same file.
    FileFormatError
        Less came than there is.
    """

    def __init__(self, *, waits: Sequence[float] = WAITS, timeout: float = TIMEOUT) -> None:
        self.waits, self.timeout = waits, timeout

    def __call__(self, url: str, output_file: str | Path, pooch: object = None) -> None:
        """Download until the file is whole, or fail; `pooch`, which pooch gives its downloaders, is not needed."""
        part, tries = Path(output_file), 0
        with _alone(part) as handle:
            while not _is_whole(part, url):
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
        try:
            with bar_of(part.name.removesuffix(".part")) as bar:
                ask = downloader(
                    progressbar=bar or False,
                    chunk_size=CHUNK,
                    timeout=self.timeout,
                    headers={"Accept-Encoding": "identity"} | _continuing(part, url),
                    hooks={"response": partial(_begin, url, part, handle, bar)},
                )
                ask(url, handle, None)
        except _OtherVersion:
            _empty(part, handle)
            return self._attempt(url, part, handle)
        except requests.exceptions.HTTPError as problem:
            return _refused(url, problem.response)
        except requests.exceptions.RequestException as problem:
            return _broken(url, part, problem)
        come = part.stat().st_size
        return None if come and _version(part).length in (None, come) else _broken(url, part)


def notes_of(part: Path) -> Path:
    """Where it is noted which version of the remote file a part is a piece of."""
    return part.with_name(f"{part.name}.json")


@dataclass(frozen=True)
class _Version:
    """Which version of a file an answer was a piece of."""

    url: str = ""
    validator: str | None = None  # a strong entity tag, else the date of the last change
    length: int | None = None


class _OtherVersion(Exception):
    """What the server offers does not continue the part."""


def _begin(
    url: str, part: Path, handle: BinaryIO, bar: Bar | None, response: Response, *_: object, **__: object
) -> None:
    """See from the head of an answer where its body belongs, before that is written."""
    here = part.stat().st_size
    if here and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        response.close()
        raise _OtherVersion
    if response.is_redirect or response.status_code >= HTTPStatus.BAD_REQUEST:
        return
    try:
        _must_be_a_file(url, response)
        offered = _offered(url, response)
        if response.status_code == HTTPStatus.OK or not here:
            _empty(part, handle)
            write_text(notes_of(part), json.dumps(asdict(offered)) + "\n")
            here = 0
        elif not _continues(part, here, offered, response):
            raise _OtherVersion
        _must_fit(part, 0 if offered.length is None else offered.length - here)
    except Exception:
        response.close()
        raise
    if bar is not None:
        bar.start = here


def _must_be_a_file(url: str, response: Response) -> None:
    """Refuse what is not the bytes of a file: another success, a page to look at, an encoding nobody asked for."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    coding = response.headers.get("Content-Encoding", "identity")
    right = response.status_code in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
    if right and kind != "text/html" and coding == "identity":
        return
    what = kind or "nothing of any kind"
    raise DataAbsentError(
        found=f"{url} answered {response.status_code} with {what if coding == 'identity' else f'{what} as {coding}'}",
        expected="the bytes of the file",
        fix="open the address in a browser: it may ask for a person, or tell where the file has gone",
    )


def _must_fit(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise DataAbsentError(
            found=f"{free} bytes are free in {part.parent}",
            expected=f"{missing} bytes for what is missing of {part.name.removesuffix('.part')}",
            fix="free space, or name a folder on another disk",
        )


def _offered(url: str, response: Response) -> _Version:
    headers = response.headers
    tag, total = headers.get("ETag", ""), headers.get("Content-Range", "").rpartition("/")[2]
    length = headers.get("Content-Length", "") if response.status_code == HTTPStatus.OK else total
    validator = tag if tag.startswith('"') else headers.get("Last-Modified")
    return _Version(url, validator, int(length) if re.fullmatch("[0-9]+", length) else None)


def _continues(part: Path, here: int, offered: _Version, response: Response) -> bool:
    noted = _version(part)
    same = offered.length == noted.length and offered.validator in (None, noted.validator)
    return same and response.headers.get("Content-Range", "").startswith(f"bytes {here}-")


def _version(part: Path) -> _Version:
    """What is noted of a part; nothing where the note is missing or damaged."""
    try:
        return _Version(**json.loads(notes_of(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return _Version()


def _continuing(part: Path, url: str) -> dict[str, str]:
    """The headers that ask for the rest of a part; none where that could be the rest of another version."""
    noted, here = _version(part), part.stat().st_size
    if not here or noted.url != url or noted.validator is None:
        return {}
    return {"Range": f"bytes={here}-", "If-Range": noted.validator}


def _is_whole(part: Path, url: str) -> bool:
    noted, come = _version(part), part.stat().st_size
    return noted.url == url and noted.length == come > 0


def _empty(part: Path, handle: BinaryIO) -> None:
    """Begin again: first the bytes go, then the note of what they were."""
    handle.truncate(0)
    notes_of(part).unlink(missing_ok=True)


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
    here, length = part.stat().st_size, _version(part).length
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


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The part, opened to be appended to by one process at a time."""
    import fcntl

    with part.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataAbsentError(
                found=f"another process is fetching {part.name.removesuffix('.part')} into {part.parent}",
                expected="one at a time",
                fix="wait for it to end, then run the command again",
            ) from None
        try:
            yield handle
        finally:
            if not part.stat().st_size:
                part.unlink()
                notes_of(part).unlink(missing_ok=True)


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
