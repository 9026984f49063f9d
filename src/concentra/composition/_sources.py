"""Files, frames and AnnData as one frame of labels: each source is opened once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.composition.annotated import is_annotated, whole_counts
from concentra.composition.checks import refuse_repeated_columns
from concentra.errors import ArgumentError
from concentra.notes import Note

ANNOTATED = (".h5ad", ".zarr")
FILE = "file"
"""The column that says from which of several sources a row is."""


def several(source: Any) -> list[Any]:
    """The sources, one or more."""
    sources = list(source) if isinstance(source, (list, tuple)) else [source]
    if not sources:
        raise ArgumentError(
            found="no file of cells",
            expected="one or more of .h5ad, .zarr, .csv, .tsv, .xlsx, .parquet",
            fix="concentra analyze cells.h5ad --contrast age:3m:24m",
        )
    return sources


def name_of(sources: Sequence[Any]) -> str:
    """What messages call the data."""
    return ", ".join(Path(one).name if isinstance(one, (str, Path)) else "the table" for one in sources[:3])


def opened(
    source: Any, wide: bool, progress: Callable[[str], None], notes: list[Note], keep: Sequence[str] = ()
) -> pd.DataFrame:
    """All columns of one source that can be labels or counts, one row a cell (count, unit)."""
    if isinstance(source, (str, Path)):
        progress(f"reading {Path(source).name}")
        if wide and (adata := annotated(source, progress)) is not None:
            return opened(adata, wide, progress, notes)
        from concentra.io.cells import read_all_labels

        sentences: list[str] = []
        frame = read_all_labels(source, keep=keep, notes=sentences)
        notes += [Note("repaired", one) for one in sentences]
        return frame
    if is_annotated(source):
        refuse_repeated_columns(source.obs.columns)
        if not wide:
            return source.obs.reset_index(drop=True)
        counts = pd.DataFrame(whole_counts(source), columns=source.var_names.astype(str))
        return pd.concat([source.obs.reset_index(drop=True), counts], axis=1)
    if isinstance(source, pd.DataFrame):
        refuse_repeated_columns(source.columns)
        return source.rename(columns=str).reset_index(drop=True)
    raise ArgumentError(
        found=f"cells of type {type(source).__name__}",
        expected="a path, a frame or an AnnData, or a list of them",
        fix="read the file into a pandas DataFrame first",
    )


def together(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """All sources as one frame with the columns that each of them has."""
    if len(frames) == 1:
        return frames[0]
    shared = [name for name in frames[0].columns if all(name in other for other in frames[1:])]
    kept = []
    for number, frame in enumerate(frames):
        columns = {
            name: frame[name].astype(object)
            if isinstance(frame[name].dtype, pd.CategoricalDtype)
            else frame[name]
            for name in shared
        }
        kept.append(pd.DataFrame(columns).assign(**{FILE: str(number)}))
    return pd.concat(kept, ignore_index=True)


def annotated(source: Any, progress: Callable[[str], None]) -> Any:
    """The AnnData that a source is or holds; None where it is none."""
    if is_annotated(source):
        return source
    if isinstance(source, (str, Path)) and str(source).lower().endswith(ANNOTATED):
        import anndata

        from concentra.io.cells import read_all_labels
        from concentra.io.expression import read_matrix

        progress(f"reading {Path(source).name}")
        matrix, names = read_matrix(source)
        obs = read_all_labels(source).set_axis([str(place) for place in range(matrix.shape[0])])
        return anndata.AnnData(X=matrix, obs=obs, var=pd.DataFrame(index=pd.Index(names, dtype=object)))
    return None
