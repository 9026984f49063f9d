"""The report of an analysis: verdicts first, as a self-contained page and as Markdown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd

from concentra.report import markdown

MEANINGS = {
    "crystallizes": "the Gini coefficient rises and the effective number falls, both beyond chance after adjustment",
    "disperses": "the Gini coefficient falls and the effective number rises, both beyond chance after adjustment",
    "mixed": "both change beyond chance, but not in opposite directions",
    "unresolved": "these donors could have shown a change, and do not",
    "cannot reach": "even the most extreme data of so few donors would not have been significant",
    "no test": "a group has fewer than two donors",
}
GRANULARITY = "Granularity"
SCALES = (
    "Direction over annotated types and over Leiden clusters at each resolution; the asterisk: beyond chance after "
    "adjustment over strata. Opposite: one crystallizes, the other disperses; where that is so at every resolution, p "
    "is the largest of all the tests that must hold together. How stable clusters are over seeds is in stability.csv."
)
LONGEST = 80  # characters of a label that are shown


@dataclass(frozen=True)
class Picture:
    """A figure of the report: a name for its file, title, caption, and the SVG itself."""

    name: str
    title: str
    caption: str
    svg: str

    @property
    def source(self) -> str:
        """The SVG as an address for ``<img>``: scripts and links in it are never run."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode("utf-8")).decode("ascii")


def verdict_rows(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """The verdict of every contrast and stratum: one row each, numbers as numbers.

    Returns
    -------
    `contrast`, `stratum`, `verdict`, `direction`, `n_early`, `n_late`; of both metrics `shift`, `corrected`, `low`,
    `high`, `p_value`, `p_adjusted`, prefixed with `gini_` and `hill_q1_`; `p_attainable`; and `interval`.

    Examples
    --------
    >>> verdict_rows({})
    []
    """
    if "contrast" not in tables:
        return []
    frame = tables["contrast"]
    rows = []
    for (name, stratum), found in frame.groupby(["contrast", "stratum"], sort=False):
        by_metric = found.set_index("metric")
        first = by_metric.loc["hill_q1"]
        row: dict[str, Any] = {"contrast": name, "stratum": stratum}
        row |= {
            key: first[key]
            for key in ("verdict", "direction", "n_early", "n_late", "interval", "p_attainable")
        }
        for short, metric in (("gini", "gini_present"), ("hill_q1", "hill_q1")):
            for key in ("shift", "corrected", "low", "high", "p_value", "p_adjusted"):
                row[f"{short}_{key}"] = by_metric.loc[metric, key]
        rows.append(row)
    return rows


def shown(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Verdict rows as text for people."""
    return [
        {
            "stratum": cut(row["stratum"]),
            "verdict": str(row["verdict"]),
            "direction": str(row["direction"] or "–"),
            "donors": f"{row['n_early']} / {row['n_late']}",
            "shift in Gini": markdown.number(row["gini_shift"], 3, sign=True),
            "corrected (interval)": _interval(row, "gini", 3),
            "shift in eff_N": markdown.number(row["hill_q1_shift"], 2, sign=True),
            "corrected (interval) ": _interval(row, "hill_q1", 2),
            "p Gini": markdown.p_text(row["gini_p_value"]),
            "p eff_N": markdown.p_text(row["hill_q1_p_value"]),
            "p adjusted": markdown.p_text(_larger(row["gini_p_adjusted"], row["hill_q1_p_adjusted"])),
            "smallest p": markdown.p_text(row["p_attainable"]),
        }
        for row in rows
    ]


def cut(label: object, limit: int = LONGEST) -> str:
    """A label on one line, long ones with an ellipsis.

    >>> cut("a\\nb"), len(cut("x" * 1000))
    ('a b', 80)
    """
    text = " ".join("".join(one if one.isprintable() else " " for one in str(label)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _larger(first: float, second: float) -> float:
    return float("nan") if pd.isna(first) or pd.isna(second) else max(first, second)


def _interval(row: Mapping[str, Any], metric: str, decimals: int) -> str:
    """The shift corrected for depth and the interval around it."""
    if pd.isna(row[f"{metric}_low"]):
        return "–"
    centre, low, high = (
        markdown.number(row[f"{metric}_{name}"], decimals, sign=True) for name in ("corrected", "low", "high")
    )
    return f"{centre} ({'range ' if row['interval'] == 'range' else ''}{low} to {high})"


def by_contrast(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Rows as text, by contrast; strata where a side has no donor are left to `not_compared`."""
    names = list(dict.fromkeys(str(row["contrast"]) for row in rows))
    both = [row for row in rows if not pd.isna(row["gini_shift"])]
    return {name: shown([row for row in both if row["contrast"] == name]) for name in names}


def not_compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By contrast, one sentence on the strata where a side has no donor; none where there are none.

    >>> rows = [{"contrast": "age", "stratum": "Aorta", "n_early": 5, "n_late": 0, "gini_shift": float("nan")}]
    >>> not_compared(rows)
    {'age': 'Not compared, for want of donors on both sides: Aorta (5 / 0).'}
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        if pd.isna(row["gini_shift"]):
            named = f"{cut(row['stratum'])} ({row['n_early']} / {row['n_late']})"
            found.setdefault(str(row["contrast"]), []).append(named)
    return {
        name: f"Not compared, for want of donors on both sides: {', '.join(strata)}."
        for name, strata in found.items()
    }


def trend_rows(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, str]]:
    """The trend of both metrics in every stratum that has one, as text for people."""
    if "trend" not in tables:
        return []
    found = tables["trend"].dropna(subset=["slope"])
    return [
        {
            "stratum": cut(row["stratum"]),
            "metric": {"gini_present": "Gini", "hill_q1": "eff_N"}[row["metric"]],
            "trend": str(row["trend"]),
            "donors": str(row["n_donors"]),
            "slope": markdown.number(row["slope"], 4, sign=True),
            "interval": f"{markdown.number(row['slope_low'], 4)} to {markdown.number(row['slope_high'], 4)}",
            "p": markdown.p_text(row["p_value"]),
            "p adjusted": markdown.p_text(row["p_adjusted"]),
            "smallest p": markdown.p_text(row["p_attainable"]),
        }
        for row in found[found["metric"].isin(["gini_present", "hill_q1"])].to_dict("records")
    ]


def scale_rows(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[dict[str, str]]]:
    """The direction of every stratum over annotated types and over clusters, as text for people, by contrast.

    A direction that is beyond chance after adjustment ends in an asterisk.
    """
    if "granularity" not in tables:
        return {}
    found = tables["granularity"][tables["granularity"]["metric"] == "hill_q1"]
    opposite = tables["scales"].groupby(["contrast", "stratum"])[["opposite", "p_opposite"]]
    made: dict[str, list[dict[str, str]]] = {}
    for (name, stratum), here in found.groupby(["contrast", "stratum"], sort=False):
        row = {"stratum": cut(stratum)}
        row |= {_scale(one["resolution"]): _direction(one) for one in here.to_dict("records")}
        flips = opposite.get_group((name, stratum))
        row["opposite to types"] = f"{int(flips['opposite'].sum())} of {len(flips)}"
        row["p of all opposite"] = markdown.p_text(flips["p_opposite"].max(skipna=False))
        made.setdefault(str(name), []).append(row)
    return made


def _scale(resolution: float) -> str:
    return f"at {resolution:g}" if resolution else "types"


def _direction(row: Mapping[Any, Any]) -> str:
    return f"{row['direction'] or '–'}{'*' if row['verdict'] == row['direction'] else ''}"


def facts(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """What was analysed, in numbers."""
    units, composition = tables["concentration"], tables["composition"]
    return {
        "cells": f"{int(composition['n_cells'].sum()):,}",
        "cells left out": f"{int(tables['left_out']['n_cells'].sum()):,}" if len(tables["left_out"]) else "0",
        "donors": str(units["donor"].nunique()),
        "strata": str(units["stratum"].nunique()),
        "parts": str(composition["part"].nunique()),
        "units (donor within stratum)": f"{len(units)}, of which {int((~units['included']).sum())} have too few cells",
    }


def across_text(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """One sentence a contrast and metric on all strata together."""
    names = {"gini_present": "Gini coefficient", "hill_q1": "effective number"}
    frame = tables.get("across", pd.DataFrame())
    return [
        f"{cut(row['contrast'])}: over {row['n_strata']} strata of {row['n_early']} and {row['n_late']} donors the "
        f"mean shift in {names[row['metric']]} is {markdown.number(row['mean_shift'], 3, sign=True)} "
        f"(p {markdown.p_text(row['p_value'])}, labels exchanged per donor over all its strata at once)."
        for row in frame.to_dict("records")
        if row["n_strata"] > 1
    ]


def summary(
    title: str,
    tables: Mapping[str, pd.DataFrame],
    said: Sequence[str],
    pictures: Sequence[Picture],
    method: str,
) -> str:
    """The report as Markdown: verdicts first."""
    blocks = [f"# {markdown.escape(title)}"]
    rest = not_compared(verdict_rows(tables))
    for name, rows in by_contrast(verdict_rows(tables)).items():
        blocks += (
            [f"## {markdown.escape(name)}", markdown.table(rows)] if rows else [f"## {markdown.escape(name)}"]
        )
        blocks += [markdown.escape(rest[name], 4_000)] if name in rest else []
    if verdict_rows(tables):
        blocks += [
            *across_text_escaped(tables),
            "\n".join(f"- *{word}*: {text}" for word, text in MEANINGS.items()),
        ]
    if trend_rows(tables):
        blocks += [
            f"## Trend along {markdown.escape(tables['trend']['along'].iloc[0])}",
            markdown.table(trend_rows(tables)),
        ]
    for name, of_scales in scale_rows(tables).items():
        blocks += [f"## {GRANULARITY}: {markdown.escape(name)}", markdown.table(of_scales), SCALES]
    blocks += ["## What was analysed", "\n".join(f"- {key}: {value}" for key, value in facts(tables).items())]
    if said:
        blocks += [
            "## What was guessed, mended or limits the answer",
            "\n".join(f"- {markdown.escape(one, 500)}" for one in said),
        ]
    blocks += [
        f"![{markdown.escape(one.title)}](figures/{one.name}.svg)\n\n{markdown.escape(one.caption, 500)}"
        for one in pictures
    ]
    return markdown.join(*blocks, "## Method", method)


def across_text_escaped(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """`across_text` as literal Markdown."""
    return [markdown.escape(sentence, 500) for sentence in across_text(tables)]


def page(
    title: str,
    tables: Mapping[str, pd.DataFrame],
    said: Sequence[str],
    pictures: Sequence[Picture],
    method: str,
    version: str,
) -> str:
    """The report as one self-contained page of HTML: no script, nothing fetched; every label escaped."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    text = resources.files("concentra.report").joinpath("templates/analyze.html").read_text(encoding="utf-8")
    environment = Environment(loader=DictLoader({"page": text}), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page").render(
        title=cut(title, 200),
        contrasts=by_contrast(verdict_rows(tables)),
        rest=not_compared(verdict_rows(tables)),
        across=across_text(tables),
        trend=trend_rows(tables),
        along=cut(tables["trend"]["along"].iloc[0]) if "trend" in tables and len(tables["trend"]) else "",
        scales=scale_rows(tables),
        granularity=GRANULARITY,
        scales_note=SCALES,
        meanings=MEANINGS,
        facts=facts(tables),
        said=[cut(one, 500) for one in said],
        pictures=pictures,
        method=method,
        names=sorted(tables),
        version=version,
    )
