"""Public files over HTTP: continued where a download broke off, and taken only when they are whole.

`Remote`
    A public file: its address, its name here, and its hash where that is known.
`fetch`
    Download a file into a folder under its name there.
`check`
    Hold a file that is there against the hash that is known of it.

What has come of a file lies beside its place as ``NAME.part`` (`concentra.io.resuming`). It takes the name after its
length and its hash were verified, and not before: whatever ends a download, no half of a file is taken for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from concentra.errors import ConcentraError, DataAbsentError, FileFormatError
from concentra.files import sha256, write_text
from concentra.io._part import notes_of
from concentra.io.resuming import TIMEOUT, WAITS, Resuming


@dataclass(frozen=True)
class Remote:
    """A public file.

    Attributes
    ----------
    url
        Its address.
    file
        Its path below the data folder.
    sha256
        The SHA-256 of its bytes in hexadecimal; None where nobody has stated it.
    size
        Its length in bytes, where known.
    """

    url: str
    file: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Fetched:
    """A file that is here.

    Attributes
    ----------
    path, size
        Where it lies, and its length in bytes.
    sha256
        The hash found.
    verified
        What that agrees with: "known" (what the remote states), "first fetch" (what was noted when it was
        downloaded) or "nothing".
    now
        Whether it was downloaded by this call.
    """

    path: Path
    size: int
    sha256: str
    verified: str
    now: bool


def fetch(
    remote: Remote,
    folder: str | Path,
    *,
    waits: Sequence[float] = WAITS,
    timeout: float = TIMEOUT,
    total: float | None = None,
) -> Fetched:
    """The file, downloaded into the folder where it is not there, and verified.

    Parameters
    ----------
    remote
        What is wanted.
    folder
        The data folder; it is made where it is missing.
    waits
        Seconds before each further try when a connection fails or the server is busy.
    timeout
        Seconds without a byte after which a connection counts as failed.
    total
        Seconds for the whole download; default as `concentra.io.resuming.Resuming`.

    Returns
    -------
    Fetched
        Where no hash is known, the one found is noted beside the file as ``NAME.sha256``, in the form that
        ``sha256sum --check`` reads, and the file is held against it from then on, also when it is fetched again.

    Raises
    ------
    DataAbsentError
        The address does not answer, or not with a file; or the disk does not take it. What has come stays.
    FileFormatError
        The answer is truncated (what has come stays, and the next call goes on from there) or is another file (what
        has come is removed); or a file of that name is there and is another one, which is left alone.

    Examples
    --------
    A file that is there is verified, and nobody is asked:

    >>> import hashlib, tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("unit,a\\n")
    >>> known = hashlib.sha256(b"unit,a\\n").hexdigest()
    >>> found = fetch(Remote("https://example.org/a.csv", "a.csv", known), folder)
    >>> found.now, found.verified, found.size
    (False, 'known', 7)
    """
    target = Path(folder) / remote.file
    if target.exists():
        return check(remote, target)
    part = target.with_name(f"{target.name}.part")
    with _writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        noted = _noted(target) if remote.sha256 is None else None
        known = replace(remote, sha256=remote.sha256 or noted)
        verified = known.sha256 is not None or known.size is not None
        Resuming(waits=waits, timeout=timeout, size=known.size, verified=verified, total=total)(
            remote.url, part
        )
        found, size = _accepted(known, part)
        if known.sha256 is None:
            write_text(noted_hash(target), f"{found}  {target.name}\n")
        part.replace(target)
        notes_of(part).unlink(missing_ok=True)
    against = "known" if remote.sha256 else "first fetch" if noted else "nothing"
    return Fetched(target, size, found, against, now=True)


def check(remote: Remote, path: Path) -> Fetched:
    """The file that is there, held against the hash known of it or noted when it was fetched.

    Raises
    ------
    FileFormatError
        It is another file.
    """
    found, known, against = sha256(path), remote.sha256, "known"
    if known is None:
        known, against = _noted(path), "first fetch"
    size = path.stat().st_size
    if remote.size not in (None, size):
        raise FileFormatError(
            found=f"{path} has {size} bytes",
            expected=f"{remote.size} bytes, as the public file has",
            fix="move the file away and run the command again; it is left as it is",
        )
    if known is None:
        return Fetched(path, size, found, "nothing", now=False)
    if found != known:
        raise FileFormatError(
            found=f"{path} has the SHA-256 {found}",
            expected=f"{known}, {'known of the public file' if remote.sha256 else 'noted when it was fetched'}",
            fix="move the file away and run the command again; it is left as it is",
        )
    return Fetched(path, size, found, against, now=False)


def noted_hash(path: Path) -> Path:
    """Where the hash of a file is noted of which none is known."""
    return path.with_name(f"{path.name}.sha256")


def _noted(path: Path) -> str | None:
    try:
        words = noted_hash(path).read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    return words[0] if words and re.fullmatch("[0-9a-f]{64}", words[0]) else None


def _accepted(remote: Remote, part: Path) -> tuple[str, int]:
    """Hash and length of a part that is the file, written through to the disk; one that is not is removed."""
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    found, size = sha256(part), part.stat().st_size
    if remote.sha256 in (None, found) and remote.size in (None, size):
        return found, size
    notes_of(part).unlink(missing_ok=True)
    part.unlink()
    raise FileFormatError(
        found=f"{remote.url} gave {size} bytes with the SHA-256 {found}",
        expected=" and ".join(
            [f"the SHA-256 {remote.sha256}"] * (remote.sha256 is not None)
            + [f"{remote.size} bytes"] * (remote.size is not None)
        ),
        fix="run the command again; should it stay so, the public file has changed. Nothing of it was kept",
    )


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    """An error of the disk names the file that could not be written."""
    try:
        yield
    except ConcentraError:
        raise
    except OSError as problem:
        raise DataAbsentError(
            found=f"{target} cannot be written: {problem.strerror or problem}",
            expected="a folder that can be written to, with space for the file",
            fix="free space or name another folder, and run the command again; what has come is kept",
        ) from problem
