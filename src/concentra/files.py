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
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from concentra.errors import ArgumentError

UNFINISHED = re.compile(r"\..*\.[a-z0-9_]{8}\.concentra-unfinished(\.[^.]+)?")
"""How temporary files are called: a name that no other program gives."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed to disk and takes the name of `path`.

    On any exception the temporary file is removed and `path` is as it was. A symbolic link of that name is replaced;
    what it points at is never written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem[:80]}.")
    os.close(handle)
    plain = Path(name)
    try:
        return plain.rename(f"{plain}.concentra-unfinished{target.suffix}")
    except BaseException:
        plain.unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that a killed process left in a folder; nobody may be writing there.

    Only regular files with the name that `replacing` gives are removed, none of a folder that is a symbolic link.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in (".table.x7_ab12z.concentra-unfinished.csv", ".idea.d", ".my.notes.csv"):
    ...     _ = (folder / name).write_text("")
    >>> remove_unfinished(folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['.idea.d', '.my.notes.csv']
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if UNFINISHED.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink(missing_ok=True)


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
    import fcntl

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
