"""Files that are whole or absent: nothing half-written is ever taken for a result.

`replacing`, `write_text`
    Write a file under a temporary name beside its place, flush it to disk, and give it its name.
`remove_unfinished`
    Remove what a process that was killed had begun to write.
`sha256`, `read_json`
    The hash of a file, and a JSON object that may be damaged.
`opened_alone`
    Open a file for one process at a time, never through a symbolic link.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from concentra.errors import ArgumentError

MARK = ".concentra-unfinished"
UNFINISHED = re.compile(rf"\..*\.[a-z0-9_]{{8}}{re.escape(MARK)}(\.[^.]+)?")
"""How temporary files are called: a name that no other program gives."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed to disk and takes the name of `path`.

    On any exception the temporary file is removed and `path` is as it was. A symbolic link of that name is replaced;
    what it points at is never written. What a killed process had begun to write under the same name is removed.

    Raises
    ------
    OSError
        The disk does not take the file; it names `path`.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(target.parent, target)
    temporary = None
    try:
        with _temporary(target) as temporary:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(target)
    except OSError as problem:
        if problem.errno is not None and problem.filename in (None, temporary, str(temporary)):
            problem.filename = str(target)
        raise


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A new file beside the target, held by this process until it is removed or has its name."""
    number, path = _held(target)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(number)


def _held(target: Path) -> tuple[int, Path]:
    """A new file that this process holds: another one, where a process removed it before it was held."""
    while True:
        number, name = tempfile.mkstemp(
            dir=target.parent, prefix=_prefix(target), suffix=f"{MARK}{target.suffix}"
        )
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            if os.fstat(number).st_nlink:
                return number, Path(name)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            os.close(number)
            raise
        os.close(number)


def _prefix(target: Path) -> str:
    return f".{target.stem[:80]}."


def remove_unfinished(folder: Path, target: Path | None = None) -> None:
    """Remove the temporary files that killed processes left in a folder, or those for one target.

    Only regular files with the name that `replacing` gives, and that no process holds, are removed; none of a folder
    that is a symbolic link.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in (".table.x7_ab12z.concentra-unfinished.csv", ".idea.d", ".my.notes.csv"):
    ...     _ = (folder / name).write_text("")
    >>> remove_unfinished(folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['.idea.d', '.my.notes.csv']
    """
    if target is None and (folder.is_symlink() or not folder.is_dir()):
        return
    prefix = "." if target is None else _prefix(target)
    for path in folder.iterdir():
        if path.name.startswith(prefix) and UNFINISHED.fullmatch(path.name):
            with suppress(OSError):  # it is gone, held, or no file of ours
                _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(number).st_mode):
            path.unlink()
    finally:
        os.close(number)


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8 with `\\n` line ends, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none, or it is damaged.

    >>> read_json(Path("nowhere.json"))
    {}
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def opened_alone(path: Path) -> Iterator[BinaryIO]:
    """Yield a file opened for reading and writing, held by this process: its content is as it was.

    The hold ends with the process, however that ends. The file is made where it is missing.

    Raises
    ------
    ArgumentError
        It is a symbolic link, or no regular file.
    BlockingIOError
        Another process holds it.
    """
    with _opened(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle


def _opened(path: Path) -> BinaryIO:
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as problem:
        if problem.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
        raise _not_regular(path) from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise _not_regular(path)
    return os.fdopen(number, "r+b", buffering=0)


def _not_regular(path: Path) -> ArgumentError:
    return ArgumentError(
        found=f"{path} is {'a symbolic link' if path.is_symlink() else 'no regular file'}",
        expected="a file of this program, or none",
        fix=f"remove {path.name}, or name another folder",
    )
