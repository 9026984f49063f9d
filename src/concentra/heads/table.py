"""Tables of head importance: written whole or not at all, read back to the last bit, judged against noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.files import replacing
from concentra.heads.noise import (
    expected_noise_effective_number,
    expected_noise_gini,
    mostly_noise,
    share_above_noise,
)

SUFFIXES = (".csv", ".parquet")


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as `.csv` or `.parquet`, as the name says."""
    suffix = check_suffix(path)
    with replacing(path) as temporary:
        if suffix == ".csv":
            table.to_csv(temporary, index=False, lineterminator="\n")
        else:
            bare = table.copy(deep=False)
            bare.attrs = {}  # parquet would keep them, and how many variants shared a pass depends on the clock
            bare.to_parquet(temporary, index=False)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read what `write_table` wrote, every float as it was."""
    if check_suffix(path) == ".csv":
        text = {"model": str, "checkpoint": str}
        return pd.read_csv(
            path, float_precision="round_trip", dtype=text, keep_default_na=False, na_values=[""]
        )
    return pd.read_parquet(path)


def check_suffix(path: str | Path) -> str:
    """The ending of a table's name, `.csv` or `.parquet`."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ArgumentError(
            found=f"a table called {str(path)!r}",
            expected="a name that ends in .csv or .parquet",
            fix=f"--out {Path(path).stem or 'heads'}.csv",
        )
    return suffix


def noise_by_checkpoint(table: pd.DataFrame, *, z: float = 2.0) -> pd.DataFrame:
    """How far the heads of each checkpoint stand out of the noise of its evaluation, one row a checkpoint.

    Parameters
    ----------
    table
        With columns `model, checkpoint, delta, delta_se`, as `head_importance` returns.
    z
        Standard errors that ``|delta|`` must exceed.

    Returns
    -------
    DataFrame
        `model, checkpoint, n_heads`; `share_above_noise`, in [0, 1]; `median_se`; `noise_gini` and
        `noise_hill_q1`, what ``|delta|`` would show if no head had an effect; `mostly_noise`, whether fewer than
        half of the heads stand out, so that the checkpoint's concentration is largely that of noise.
        Checkpoints in the order of the table.

    Examples
    --------
    >>> table = pd.DataFrame({"model": "m", "checkpoint": "step0", "delta": [0.5, 0.01], "delta_se": 0.1})
    >>> noise_by_checkpoint(table)[["n_heads", "share_above_noise", "median_se"]].values.tolist()
    [[2.0, 0.5, 0.1]]
    """
    rows = []
    for (model, checkpoint), part in table.groupby(["model", "checkpoint"], sort=False, dropna=False):
        delta, error = part["delta"].to_numpy(float), part["delta_se"].to_numpy(float)
        rows.append(
            {
                "model": model,
                "checkpoint": checkpoint,
                "n_heads": len(part),
                "share_above_noise": share_above_noise(delta, error, z=z),
                "median_se": float(np.median(error)),
                "noise_gini": expected_noise_gini(error),
                "noise_hill_q1": expected_noise_effective_number(error),
                "mostly_noise": mostly_noise(delta, error, z=z),
            }
        )
    return pd.DataFrame(rows)
