"""The record of a run: its data folder and the hash of every raw file, each read once.

The record is a file of JSON in the output folder while a run lasts. The processes of the run read it there, wherever
they work, so that no path of a user's is a word of a shell or of a configuration file, and no raw file is hashed
twice. A hash is taken from the record only where size, time and inode of the file are those that it was made from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from concentra.files import read_json, sha256, write_text

NAME = ".run.json"
VARIABLE = "CONCENTRA_STUDY_RECORD"
"""Names the folder of the record where that is not the output folder."""
Stamp = tuple[int, int, int, int]


def stamp(path: Path) -> Stamp:
    """Size, time of the last change in nanoseconds, inode, and device of a file."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns, state.st_ino, state.st_dev


@dataclass(frozen=True)
class Record:
    """What all processes of a run share.

    Attributes
    ----------
    data
        The data folder, or None.
    hashes
        For each raw file its stamp and its SHA-256.
    """

    data: Path | None
    hashes: Mapping[str, tuple[Stamp, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Path | None, paths: Iterable[Path]) -> Record:
        """The record of a run that reads these raw files."""
        return cls(data, {str(path): (stamp(path), sha256(path)) for path in paths if path.is_file()})

    @classmethod
    def read(cls, out: Path) -> Record:
        """The record that a run keeps in its output folder; without data where there is none."""
        found = read_json(out / NAME)
        data, hashes = found.get("data"), found.get("hashes")
        known = {
            path: ((size, time, inode, device), written)
            for path, (size, time, inode, device, written) in (hashes or {}).items()
        }
        return cls(Path(data) if data else None, known)

    def write(self, out: Path) -> None:
        """Keep the record in the output folder."""
        hashes = {path: [*one, written] for path, (one, written) in self.hashes.items()}
        content = {"data": None if self.data is None else os.fspath(self.data), "hashes": hashes}
        write_text(out / NAME, json.dumps(content, indent=1) + "\n")

    def sha256(self, path: Path) -> str:
        """The hash of a file: the recorded one where the file is as it was, else of its bytes."""
        known = self.hashes.get(str(path))
        return known[1] if known is not None and known[0] == stamp(path) else sha256(path)
