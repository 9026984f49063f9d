"""What is written into a folder of results: by its own record, inside the folder, harmless in a spreadsheet.

A *record* maps the name of every file, below the folder, to the SHA-256 of what was written. Files are verified by it
before they are used again, and none is removed that is not in it, or that is no longer what was written.

Tables for people are CSV, which spreadsheets open: a label that a spreadsheet would take for a formula begins with an
apostrophe there, and so does one that begins with apostrophes before such a sign (`disarmed`, `rearmed`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from concentra.errors import ArgumentError, FileFormatError
from concentra.files import sha256, write_text

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r]")
ARMED = re.compile(r"'+[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def refuse_links(folder: Path, paths: Iterable[str | Path]) -> None:
    """Refuse a folder of results in which a folder on the way to one of these paths is a symbolic link.

    The folder itself may be one.

    Parameters
    ----------
    folder
        The folder of results.
    paths
        What will be written or removed, relative to it or below it.

    Raises
    ------
    ArgumentError
        One of them is a link, so that files outside would be written or removed.

    Examples
    --------
    >>> refuse_links(Path("results"), ["tables/contrast.csv"])
    """
    between = {parent for path in paths for parent in _between(folder, folder / path)}
    for parent in sorted(between):
        if parent.is_symlink():
            raise ArgumentError(
                found=f"{parent} is a symbolic link",
                expected=f"a folder inside {folder}: nothing outside it is written or removed",
                fix="remove the link, or name another folder with --out",
            )


def _between(folder: Path, path: Path) -> list[Path]:
    """The folders below `folder` that hold a path."""
    return [folder / one for one in path.relative_to(folder).parents if one != Path()]


def digest(content: str | bytes) -> str:
    """The SHA-256 of text (as UTF-8) or bytes, in hexadecimal.

    >>> digest("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content.encode("utf-8") if isinstance(content, str) else content).hexdigest()


def recorded(found: object) -> dict[str, str]:
    """Names and hashes of a record as it was read: names that leave the folder, and what is no record, are dropped.

    >>> recorded({"tables/a.csv": "00" * 32, "../b": "00" * 32, "c": None}).keys()
    dict_keys(['tables/a.csv'])
    """
    if not isinstance(found, Mapping):
        return {}
    return {
        name: value
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, str) and _is_inside(name)
    }


def _is_inside(name: str) -> bool:
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def altered(folder: Path, record: Mapping[str, str]) -> list[str]:
    """The files of a record that are not there, or not what was written; in the order of the record.

    Examples
    --------
    >>> altered(Path("nowhere"), {"a.csv": digest("")})
    ['a.csv']
    """
    return [name for name, written in record.items() if not is_as_written(folder / name, written)]


def is_as_written(path: Path, written: str) -> bool:
    """Whether a file is there, is no link, and has this hash."""
    try:
        return path.is_file() and not path.is_symlink() and sha256(path) == written
    except OSError:
        return False


def remove_own(folder: Path, record: Mapping[str, str]) -> list[str]:
    """Remove the files of a record that are still what was written; the names of those that are removed.

    A file that somebody has changed, and whatever lies behind a symbolic link, stays.
    """
    removed = []
    for name, written in record.items():
        path = folder / name
        if any(parent.is_symlink() for parent in _between(folder, path)) or not is_as_written(path, written):
            continue
        path.unlink()
        removed.append(name)
    return removed


def write_recorded(folder: Path, texts: Mapping[str, str], earlier: Mapping[str, str]) -> dict[str, str]:
    """Write texts below a folder and remove what an earlier run wrote there and this one does not; the new record.

    Parameters
    ----------
    folder
        The folder of results, made where it is missing.
    texts
        Content by name.
    earlier
        The record of the earlier run (`recorded`), empty where there is none.

    Raises
    ------
    ArgumentError
        A folder on the way is a symbolic link.
    FileFormatError
        The folder has changed, or gone, while it was written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> first = write_recorded(folder, {"tables/a.csv": "a\\n", "tables/b.csv": "b\\n"}, {})
    >>> second = write_recorded(folder, {"tables/a.csv": "a\\n"}, first)
    >>> [path.name for path in (folder / "tables").iterdir()]
    ['a.csv']
    """
    refuse_links(folder, texts)
    record = {name: digest(text) for name, text in texts.items()}
    for name, text in texts.items():
        write_text(folder / name, text)
    remove_own(folder, {name: written for name, written in earlier.items() if name not in texts})
    confirm(folder, record)
    return record


def confirm(folder: Path, record: Mapping[str, str]) -> None:
    """Refuse to end well where a file of a record is not there, or not what was written."""
    for name in altered(folder, record):
        raise FileFormatError(
            found=f"{folder / name} is not there, or not what was written",
            expected="that nobody changes or removes the folder while it is being written",
            fix="run the command again",
        )


def disarmed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every label that a spreadsheet would take for a formula.

    A label is taken for one that begins with ``= + - @``, a tab or a carriage return and is no plain number; one that
    has apostrophes before such a sign gets one more, so that `rearmed` gives back every label.

    Examples
    --------
    >>> import pandas as pd
    >>> disarmed(pd.DataFrame({"type": ["=1+1", "'=1", "-0.5", "T cell", None]}))["type"].to_list()
    ["'=1+1", "''=1", '-0.5', 'T cell', None]
    """
    return _changed(frame, _disarm)


def rearmed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it was before `disarmed`.

    Examples
    --------
    >>> import pandas as pd
    >>> rearmed(pd.DataFrame({"type": ["'=1+1", "''=1", "'quoted'"]}))["type"].to_list()
    ['=1+1', "'=1", "'quoted'"]
    """
    return _changed(frame, _rearm)


def _changed(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with its labels, and the names of its columns, changed; itself where none is."""
    names = {name: change(name) for name in frame.columns if isinstance(name, str) and change(name) != name}
    found = {name: _relabelled(frame[name], change) for name in frame.columns}
    columns = {name: column for name, column in found.items() if column is not None}
    return frame.assign(**columns).rename(columns=names) if columns or names else frame


def _relabelled(column: pd.Series, change: Callable[[str], str]) -> pd.Series | None:
    """A column with its labels changed; None where it has none that changes."""
    if column.dtype.kind not in "OT":
        return None
    labels = {one: change(one) for one in column.unique() if isinstance(one, str)}
    labels = {one: other for one, other in labels.items() if one != other}
    if not labels:
        return None
    return column.astype(object).map(lambda one: labels.get(one, one) if isinstance(one, str) else one)


def _disarm(label: str) -> str:
    return f"'{label}" if FORMULA.match(label) and not NUMBER.fullmatch(label) else label


def _rearm(label: str) -> str:
    return label[1:] if ARMED.match(label) else label


def table_text(frame: pd.DataFrame) -> str:
    """A frame as CSV for people: text quoted, also with line breaks in it, and `disarmed`; every number as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> print(table_text(pd.DataFrame({"type": ["=1+1"], "n": [2]})), end="")
    "type","n"
    "'=1+1",2
    """
    text = io.StringIO()
    disarmed(frame).to_csv(text, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.getvalue()
