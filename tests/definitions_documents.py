"""A small output folder written by hand, for tests of documents: a tissue, a model, a hierarchy, labels as wanted."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.files import write_text
from concentra.stats.verdict import MORE, UNDECIDED, VERDICTS
from concentra.study.declare import tables

HOSTILE = {
    "script": "<script>window.broken = true</script>",
    "end of script": "</script><img src=x onerror='window.broken = true'>",
    "quotes": '"it\'s" \\ `quoted` ${1+1} {{ 7*7 }}',
    "long": "x" * 10_000,
    "right to left": "אבג \u202eevil\u202c دُنيا",
    "emoji": "👩‍🔬🐭 line\nbreak\ttab",
    "formula": "=1+1|*bold*_under_[a](javascript:alert(1))",
}


def write(out: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a declared table; columns that a row does not name get a value that the declaration allows."""
    table = tables()[name]
    filled = [
        {column: row.get(column, _allowed(about)) for column, about in table.columns().items()}
        for row in rows
    ]
    table.write(pd.DataFrame(filled), out)


def _allowed(about: Any) -> Any:
    if about.among:
        return about.among[0]
    value = {"int": 1, "float": 1.0, "bool": False}.get(about.dtype, "-")
    return None if about.nullable else value


def small(out: Path, *, tissue: str = "Marrow", donor: str = "m", gini: float = 0.1449) -> Path:
    """Fill a folder: FACS with one tissue of that name, donors of that name with a number, Pythia-410M."""
    cohorts = [("tms_facs", "atlas", "FACS cells"), ("pythia_410m", "model", "Pythia-410M")]
    write(out, "sources", [
        {"cohort": name, "kind": kind, "title": title, "status": "raw data", "obtain": f"get {name}"}
        for name, kind, title in cohorts
    ])  # fmt: skip
    ages = {"young": ("3m", 3.0), "old": ("24m", 24.0)}
    units = [
        {"cohort": "tms_facs", "stratum": tissue, "donor": f"{donor}{place}", "sample": f"{donor}{place}",
         "age": ages[group][0], "age_months": ages[group][1], "group": group, "sex": "male", "included": True,
         "n_cells": 100 + place, "gini_present": 0.4 + 0.02 * place, "hill_q1": 9 - place / 2,
         "donor_source": "inferred"}
        for place, group in enumerate(["young"] * 3 + ["old"] * 3)
    ]  # fmt: skip
    write(out, "concentration", units)
    write(out, "composition", [
        unit | {"part": part, "n_cells": cells, "share": cells / 100}
        for unit in units for part, cells in (("B cell", 70), ("T cell", 30))
    ])  # fmt: skip
    write(out, "age_contrast", [
        {"cohort": "tms_facs", "stratum": tissue, "metric": metric, "n_reference": 3, "n_other": 3, "shift": shift,
         "median_reference": 0.5, "median_other": 0.6, "direction": MORE, "verdict": UNDECIDED, "p_exact": 0.1}
        for metric, shift in (("gini_present", 0.0873), ("hill_q1", -2.18))
    ])  # fmt: skip
    write(out, "drivers", [
        {"cohort": "tms_facs", "stratum": tissue, "metric": "hill_q1", "contrast": "age: 3m to 24m", "part": part,
         "contribution": shift, "low": shift - 1, "high": shift + 1, "low_adjusted": shift - 2,
         "high_adjusted": shift + 2, "share_reference": 0.4, "share_other": 0.6, "p_value": 0.01, "p_adjusted": 0.02,
         "interval": "interval"}
        for part, shift in (("B cell", -1.5), ("T cell", -0.68))
    ])  # fmt: skip
    write(out, "overlay", [
        {"cohort": "tms_facs", "stratum": tissue, "kind": "atlas", "gini": 0.0873, "hill_q1": -2.18,
         "direction": MORE, "verdict": UNDECIDED, "n_reference": 3, "n_other": 3},
        {"cohort": "pythia_410m", "stratum": "pythia_410m", "kind": "model", "gini": gini, "hill_q1": -45.54,
         "direction": MORE, "verdict": UNDECIDED},
    ])  # fmt: skip
    write(out, "overlay_null", [
        {"cohort": cohort, "stratum": stratum, "axes": axes, "gini": shift, "hill_q1": -2.18,
         "contrast": "age: 3m to 24m"}
        for cohort, stratum, shift in (("tms_facs", tissue, 0.0873), ("pythia_410m", "pythia_410m", gini))
        for axes in ("raw", "normalised")
    ])  # fmt: skip
    write(out, "head_shift", [
        {"cohort": "pythia_410m", "value": "abs", "first": 512, "last": 143000, "n_heads": 144, "gini": gini,
         "hill_q1": -45.54, "direction": MORE, "verdict": UNDECIDED},
    ])  # fmt: skip
    write(out, "head_trajectory", [
        {"cohort": "pythia_410m", "value": "abs", "checkpoint": step, "n_heads": 144, "gini": level, "hill_q1": 40.0}
        for step, level in ((512, 0.6), (1000, 0.78), (143000, 0.745))
    ])  # fmt: skip
    return out


LEVELS = (("7 types", 1), ("27 types", 2), ("69 types", 4))
"""The levels of the hierarchy that `layered` writes, and how many types each has."""


ADJUSTED = {"plain": "", "adjusted": ", adjusted (~ sex + cmv)"}


def layered(out: Path, verdicts: Sequence[str] = (VERDICTS[4], MORE, MORE)) -> Path:
    """Add ageing blood to a folder: three young and three old donors, four nested types, a verdict at every level."""
    sources = tables()["sources"].read(out)
    blood = {"cohort": "blood_ageing", "kind": "samples", "title": "ageing human blood", "status": "raw data"}
    write(out, "sources", [*sources.to_dict("records"), blood])
    donors = [
        {"cohort": "blood_ageing", "stratum": "Blood", "donor": f"d{place}", "sample": f"d{place}",
         "group": "young" if place < 3 else "old", "sex": "female", "cmv": "negative", "age_years": 30.0 + place}
        for place in range(6)
    ]  # fmt: skip
    write(
        out,
        "donor_counts",
        [donor | {"part": f"t{n}", "n_cells": 100 * n} for donor in donors for n in range(1, 5)],
    )
    write(out, "type_levels", [
        {"cohort": "blood_ageing", "part": f"t{n}", "level": level,
         "coarser": "all" if level == "7 types" else f"h{n % 2}"}
        for level, _ in LEVELS[1::-1] for n in range(1, 5)
    ])  # fmt: skip
    write(out, "level_concentration", [
        donor | {"level": level, "n_cells": 1000, "included": True, "hill_q1": 1.0 + n / 2, "gini_stratum": 0.3}
        for level, n in LEVELS for donor in donors
    ])  # fmt: skip
    write(out, "level_contrast", [
        {"cohort": "blood_ageing", "contrast": f"group: young to old{ADJUSTED[asked]}", "asked": asked, "donors": "all",
         "values": "cells of all samples", "level": level, "stratum": "Blood", "metric": metric,
         "n_parts": int(level.split()[0]), "reference": "young", "other": "old", "n_reference": 3, "n_other": 3,
         "effect": effect, "low": effect - 0.04, "high": effect + 0.04, "verdict": verdict, "direction": MORE}
        for asked in ("plain", "adjusted") for (level, _), verdict in zip(LEVELS, verdicts, strict=True)
        for metric, effect in (("hill_q1", 0.89), ("gini_stratum", 0.03))
    ])  # fmt: skip
    return out


def picture(out: Path, name: str) -> None:
    """Write a figure of one grey pixel with its words."""
    path = out / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_pixel())
    write_text(path.with_suffix(".svg"), "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    write_text(path.with_suffix(".json"), json.dumps({"caption": "a <pixel>", "alternative": 'grey "pixel"'}))


def _pixel() -> bytes:
    """A PNG of one grey pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    )
    written = (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
