"""Tables read by another reader, as text: what the project's own reader has to agree with."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd

from concentra.io.compressed import opened
from concentra.io.dialect import Dialect
from concentra.io.tables import TABLES, file_ending, read_table


def ours(path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """A table as plain text, missing ones empty, by the project's reader."""
    return as_text(read_table(path, file_ending(path, TABLES), notes=notes))


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as text, missing ones empty."""
    return frame.astype(object).where(frame.notna(), "").astype(str).astype(object)


def taken_for_missing(text: str) -> list[str]:
    """Texts in a CSV that pandas, with its defaults, reads as missing values."""
    plain = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    lost = pd.read_csv(io.StringIO(text), low_memory=False).isna() & (plain != "")
    return sorted({one for name in plain for one in plain.loc[lost[name], name]})


def theirs(path: Path, dialect: Dialect, *, windows: bool) -> pd.DataFrame:
    """The same table by pandas, which is given the separator and the encoding, and finds rows and fields by itself."""
    with opened(path) as stream:
        data = stream.read()
    text = data[dialect.bom :].decode("cp1252" if windows else dialect.encoding, errors="replace")
    lines = list(io.StringIO(text, newline=""))
    if re.fullmatch(r'"?sep=[,;\t]"?[\r\n]*', lines[0], re.IGNORECASE):
        del lines[0]
    while re.match(r'\s*#|[",;\s]*$', lines[0]):
        del lines[0]
    rows = "".join(lines[_header_lines(lines) :])
    n_columns = len(dialect.names)
    if not rows.strip("\r\n") and (n_columns > 1 or not rows):
        frame = pd.DataFrame(columns=range(n_columns), dtype=object)
    else:
        frame = pd.read_csv(
            io.StringIO(rows, newline=""),
            sep=dialect.separator,
            header=None,
            names=[0]
            if n_columns == 1
            else None,  # where the first row is blank, pandas cannot count the columns
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=n_columns > 1,
        )
    named = frame.set_axis(list(dialect.names), axis=1)
    return named[[name for place, name in enumerate(dialect.names) if place not in dialect.blank]].astype(
        object
    )


def _header_lines(lines: list[str]) -> int:
    n_lines, n_quotes = 0, 0
    while n_lines == 0 or n_quotes % 2:
        n_quotes += lines[n_lines].count('"')
        n_lines += 1
    return n_lines
