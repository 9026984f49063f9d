"""Tables of a small analysis written by hand, for tests of the report, with the verdicts that the test wants."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd

from concentra.report.findings import Findings

HOSTILE = {
    "script": "<script>window.broken = true</script>",
    "end of script": "</script><img src=x onerror='window.broken = true'>",
    "quotes": '"it\'s" \\ `quoted` ${1+1} {{ 7*7 }}',
    "long": "x" * 10_000,
    "right to left": "אבג \u202eevil\u202c دُنيا",
    "emoji": "👩‍🔬🐭 line\nbreak\ttab",
    "formula": "=1+1|*bold*_under_[a](javascript:alert(1))",
}
PARTS = ("B cell", "T cell", "granulocyte")


class Elements(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def data(self) -> Any:
        """What the page's script unpacks."""
        found = self.text[self.text.index(next(one for one in self.text if one.startswith("H4sI")))]
        return json.loads(gzip.decompress(base64.b64decode(found)))


def findings(
    verdicts: Sequence[str] = ("more concentrated", "undecided"),
    *,
    label: str = "",
    n_donors: int = 3,
    compared: bool = True,
    n_parts: int = 3,
) -> Findings:
    """An analysis of one tissue a verdict, with every table that the report shows; `label` is added to every name."""
    rng = np.random.default_rng(1)
    names = [f"Tissue {place}{label}" for place in range(len(verdicts))]
    groups = [f"3m{label}", f"24m{label}"]
    parts = [f"{name}{label}" for name in PARTS[:n_parts]] + [f"type {place}" for place in range(3, n_parts)]
    units, cells = [], []
    for name in names:
        for place in range(2 * n_donors):
            counts = rng.multinomial(400, rng.dirichlet(np.full(n_parts, 4.0)))
            about: dict[str, Any] = {"stratum": name, "donor": f"m{place}{label}",
                                     f"age{label}": groups[place // n_donors], "sex": "male",
                                     "months": "3" if place < n_donors else "24"}  # fmt: skip
            share = counts / counts.sum()
            units.append(about | {"n_cells": 400, "included": True, "gini_present": 0.3,
                                  "gini_stratum": 0.3 + place / 50, "hill_q1": 3 - place / 9,
                                  "hill_q1_corrected": 3.02 - place / 9})  # fmt: skip
            cells += [
                about | {"part": part, "n_cells": int(n), "share": x}
                for part, n, x in zip(parts, counts, share, strict=True)
            ]
    tables = {"concentration": pd.DataFrame(units), "composition": pd.DataFrame(cells)}
    if compared:
        tables |= _compared(
            f"age{label}: {groups[0]} to {groups[1]}", names, verdicts, groups, parts, n_donors
        )
    options = {"level": 0.95, "min_cells": 50, "trend": "months", "cells": [f"cells{label}.csv"]}
    return Findings(tables, [f"a note{label}"], options, f"Report{label}", versions={"concentra": "1.0"})


def contrast(names: Sequence[str], verdicts: Sequence[str], groups: Sequence[str] = ("3m", "24m"),
             title: str = "age: 3m to 24m", n_donors: int = 3) -> pd.DataFrame:  # fmt: skip
    """The table of a contrast: both deciding metrics and a descriptive one."""
    rows = []
    for place, (name, verdict) in enumerate(zip(names, verdicts, strict=True)):
        tested = verdict != "not testable"
        for metric, effect in (
            ("hill_q1", 0.77 + place / 50),
            ("gini_stratum", 0.1),
            ("gini_present", np.nan),
        ):
            known = tested and metric != "gini_present"
            rows.append({
                "contrast": title, "stratum": name, "metric": metric, "reference": groups[0], "other": groups[1],
                "n_reference": n_donors, "n_other": n_donors, "median_reference": 9.3, "median_other": 7.12,
                "shift": -2.18,
                "effect": effect if known else np.nan, "low": effect - 0.1 if known else np.nan,
                "high": effect + 0.1 if known else np.nan, "p_value": 0.01, "p_adjusted": 0.03, "detectable": 0.8,
                "direction": "more concentrated", "verdict": verdict,
                "reason": "" if tested else f"one donor in {groups[1]}",
            })  # fmt: skip
    return pd.DataFrame(rows)


def _compared(
    title: str,
    names: Sequence[str],
    verdicts: Sequence[str],
    groups: Sequence[str],
    parts: Sequence[str],
    n_donors: int,
) -> dict[str, pd.DataFrame]:
    each = [{"contrast": title, "stratum": name} for name in names]
    return {
        "contrast": contrast(names, verdicts, groups, title, n_donors),
        "drivers": pd.DataFrame([
            one | {"metric": metric, "part": part, "contribution": 0.1 * place - 0.1, "low": -0.2, "high": 0.2,
                   "low_adjusted": -0.3, "high_adjusted": 0.3, "p_value": 0.0123, "p_adjusted": 0.0369,
                   "share_reference": 0.3, "share_other": 0.4}
            for one in each for metric in ("hill_q1", "gini_stratum") for place, part in enumerate(parts)
        ]),
        "multiverse": pd.DataFrame([
            one | {"min_cells": 50, "depth": "observed", "specification": place, "gini": 0.1, "hill_q1": -1.0 - place,
                   "counts_gini": True, "counts_hill_q1": True, "published": place == 0}
            for one in each for place in range(4)
        ]),
        "plane": pd.DataFrame([
            one | {"axes": axes, "gini": 0.1, "hill_q1": -2.0} for one in each for axes in ("raw", "normalised")
        ]),
        "plane_points": pd.DataFrame([
            one | {"axes": axes, "what": "permuted", "place": 0, "gini": 0.01, "hill_q1": -0.1}
            for one in each for axes in ("raw", "normalised")
        ]),
        "granularity": pd.DataFrame([
            one | {"metric": metric, "level": level, "n_parts": n, "effect": effect, "low": effect - 0.1,
                   "high": effect + 0.1, "median_reference": 2.0 * n, "median_other": 1.0 * n,
                   "direction": "more concentrated", "verdict": "undecided"}
            for one in each for level, n in (("coarse", 3), ("fine", 9))
            for metric, effect in (("hill_q1", 0.9), ("gini_stratum", 0.05))
        ]),
        "nested": pd.DataFrame([
            one | {"metric": "hill_q1", "fine": "fine", "coarse": "coarse", "part": parts[0], "n_parts": 3,
                   "effect": 0.9, "low": 0.8, "high": 1.0, "median_reference": 2.5, "median_other": 2.25,
                   "verdict": "undecided"}
            for one in each
        ]),
        "stability": pd.DataFrame([
            {"stratum": name, "resolution": 0.8, "n_clusters_low": 8, "n_clusters_high": 9, "rand_index_mean": 0.97,
             "rand_index_low": 0.96}
            for name in names
        ]),
        "levels": pd.DataFrame([
            one | {"fine": "fine", "coarse": "coarse", "metric": "entropy", "term": term, "part": part, "shift": shift,
                   "low": -0.2, "high": 0.1}
            for one in each
            for term, part, shift in (("total", None, -0.1), ("between", None, -0.04), ("within", parts[0], -0.06))
        ]),
        "trend": pd.DataFrame([
            one | {"along": "months", "metric": "hill_q1", "n_donors": 6, "slope": -0.1, "intercept": 3.0,
                   "slope_low": -0.2, "slope_high": 0.0, "p_exact_adjusted": 0.04}
            for one in each
        ]),
        "left_out": pd.DataFrame([
            one | {"donor": "m9", "reason": "fewer than 50 cells", "n_cells": 7} for one in each
        ]),
        "confounding": pd.DataFrame([{"contrast": title, "covariate": "sex", "reference": "male (3)",
                                      "other": "male (3)", "confounded": "none"}]),
    }  # fmt: skip
