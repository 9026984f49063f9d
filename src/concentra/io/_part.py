"""What has come of a file: the part on disk, and the note of which version of the remote file it is a piece of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from concentra.errors import DataAbsentError
from concentra.files import opened_alone, read_json


@dataclass(frozen=True)
class Version:
    """Which version of a file an answer was a piece of."""

    url: str = ""
    validator: str | None = None  # a strong entity tag, else the date of the last change
    length: int | None = None


def notes_of(part: Path) -> Path:
    """Where it is noted which version of the remote file a part is a piece of."""
    return part.with_name(f"{part.name}.json")


def version_of(part: Path) -> Version:
    """What is noted of a part; nothing where the note is missing or damaged."""
    found = read_json(notes_of(part))
    url, validator, length = (found.get(name) for name in ("url", "validator", "length"))
    if (
        not isinstance(url, str)
        or not isinstance(validator, str | None)
        or not isinstance(length, int | None)
    ):
        return Version()
    return Version(url, validator, length)


@contextmanager
def alone(part: Path) -> Iterator[BinaryIO]:
    """The part, opened to be appended to by one process at a time."""
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(opened_alone(part))
        except BlockingIOError:
            raise DataAbsentError(
                found=f"another process is fetching {part.name.removesuffix('.part')} into {part.parent}",
                expected="one at a time",
                fix="wait for it to end, then run the command again",
            ) from None
        handle.seek(0, os.SEEK_END)
        try:
            yield handle
        finally:
            if not part.stat().st_size:
                part.unlink()
                notes_of(part).unlink(missing_ok=True)


def empty(part: Path, handle: BinaryIO) -> None:
    """Begin again: first the bytes go, then the note of what they were."""
    handle.seek(0)
    handle.truncate(0)
    notes_of(part).unlink(missing_ok=True)


def continuing(part: Path, url: str) -> dict[str, str]:
    """The headers that ask for the rest of a part; none where that could be the rest of another version."""
    noted, here = version_of(part), part.stat().st_size
    if not here or noted.url != url or noted.validator is None:
        return {}
    return {"Range": f"bytes={here}-", "If-Range": noted.validator}


def is_whole(part: Path, url: str) -> bool:
    """Whether all of the file has come, by the length that was noted."""
    noted, come = version_of(part), part.stat().st_size
    return noted.url == url and noted.length == come > 0


def must_fit(part: Path, missing: int) -> None:
    """Refuse where the disk has no room for the bytes that are missing."""
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise DataAbsentError(
            found=f"{free} bytes are free in {part.parent}",
            expected=f"{missing} bytes for what is missing of {part.name.removesuffix('.part')}",
            fix="free space, or name a folder on another disk",
        )
