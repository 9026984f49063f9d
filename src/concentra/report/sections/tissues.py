"""A part for each tissue: its donors' compositions, every donor as a point, and what the shift rests on."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.metrics import lorenz_curve
from concentra.pl import _style as style
from concentra.report import charts, sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Page, Section

METRICS = (
    ("hill_q1", "effective number"),
    ("gini_stratum", "Gini coefficient"),
    ("gini_present", "Gini coefficient, present types"),
)
"""Those whose drivers and specifications are shown."""
MOST_DRIVERS = 12


def tissues(page: Page, found: Findings) -> Section:
    """Every tissue, those that changed first; the first is open."""
    verdicts = {} if found.verdicts.empty else {
        str(row["stratum"]): row for row in reversed(sentences.records(found.verdicts))
    }  # fmt: skip
    blocks = []
    for place, stratum in enumerate(found.strata):
        row = verdicts.get(stratum)
        blocks.append(page.folded(
            sentences.plain(stratum, 120), *_tissue(page, found, stratum),
            verdict=str(row["verdict"]) if row else "",
            note=sentences.finding(row, found.level) if row else "",
            id=f"tissue-{place + 1}", opened=place == 0,
        ))  # fmt: skip
    title = "Tissues" if len(found.strata) > 1 else "Donors"
    return Section("tissues", title, tuple(blocks))


def _tissue(page: Page, found: Findings, stratum: str) -> list[Markup]:
    units = found.units[found.units["stratum"].astype(str) == stratum]
    rest = [
        make(page, found, stratum, contrast)
        for contrast in found.contrasts or (None,)
        for make in (_drivers, _multiverse, _scales, _levels)
    ]
    there = [one for one in rest if one is not None]
    return [
        _composition(page, found, stratum),
        page.grid(*_donors(page, found, units), *_lorenz(page, found, stratum), *there),
    ]


def _names(found: Findings, rows: pd.DataFrame) -> dict[str, str]:
    """Units as they are shown, by sample or donor, in the order of their groups."""
    key = _unit(rows)
    first = rows.drop_duplicates(key)
    place = {name: number for number, name in enumerate(found.groups)}
    records = sorted(
        sentences.records(first), key=lambda row: (place.get(found.group_of(row), 99), str(row[key]))
    )
    grouped = len(found.groups) > 1
    shown = sentences.distinct((row[key] for row in records), 24)
    return {
        str(row[key]): f"{sentences.plain(found.group_of(row), 12)} · {shown[str(row[key])]}"
        if grouped
        else shown[str(row[key])]
        for row in records
    }


def _unit(rows: pd.DataFrame) -> str:
    several = "sample" in rows and rows["sample"].nunique() > rows["donor"].nunique()
    return "sample" if several else "donor"


def _composition(page: Page, found: Findings, stratum: str) -> Markup:
    rows = found.of_stratum("composition", stratum)
    names = _names(found, rows)
    key = _unit(rows)
    mean = rows.groupby("part", observed=True)["share"].sum() / max(len(names), 1)
    colours = style.part_colours(mean)
    labels = sentences.distinct(colours, 40)
    shown = {labels[part]: colour for part, colour in colours.items()}
    if len(mean) > len(colours):
        shown[style.REST_NAME] = style.REST
    places = {name: place for place, name in enumerate(shown)}
    values = [
        {"donor": names[str(row[key])], "group": found.group_of(row),
         "part": labels.get(str(row["part"]), style.REST_NAME), "share": round(float(row["share"]), 5),
         "n_cells": int(row["n_cells"])}
        for row in sentences.records(rows)
    ]  # fmt: skip
    merged = (
        pd.DataFrame(values)
        .groupby(["donor", "group", "part"], as_index=False, sort=False)[["share", "n_cells"]]
        .sum()
    )
    merged["place"] = merged["part"].map(places)
    return page.chart(
        charts.composition(sentences.records(merged), donors=list(names.values()), parts=shown),
        f"Composition of every {key}", "Shares of the cell types, the most frequent first.", wide=True,
    )  # fmt: skip


def _donors(page: Page, found: Findings, units: pd.DataFrame) -> list[Markup]:
    made = []
    corrected = "hill_q1_corrected" if "hill_q1_corrected" in units else "hill_q1"
    others = [name for name in found.labels if name != found.group_column]
    for metric, title in ((corrected, "Effective number"), ("gini_stratum", "Gini coefficient")):
        if metric not in units:
            continue
        there = sentences.records(units.dropna(subset=[metric]))
        values = []
        for group in found.groups:
            here = [row for row in there if found.group_of(row) == group]
            for row, aside in zip(here, charts.spread([row[metric] for row in here]), strict=True):
                values.append({
                    "donor": sentences.plain(row["donor"]), "group": group, "slot": found.groups.index(group),
                    "value": row[metric], "shift": aside, "n_cells": row["n_cells"],
                    "labels": ", ".join(f"{name} {sentences.plain(row[name], 20)}" for name in others) or "–",
                })  # fmt: skip
        shown = [group for group in found.groups if any(value["group"] == group for value in values)]
        for value in values:
            value["slot"] = shown.index(value["group"])
        words = (
            "A point a donor, corrected for depth; lines are medians."
            if metric == corrected
            else "A point a donor, all types of the tissue counted; lines are medians."
        )
        made.append(
            page.chart(
                charts.donors(
                    values, groups=shown, title=title.lower() if metric != "gini_stratum" else title
                ),
                f"{title} of every donor",
                words,
            )
        )
    return made


def _lorenz(page: Page, found: Findings, stratum: str) -> list[Markup]:
    rows = found.of_stratum("composition", stratum)
    key = _unit(rows)
    counts = rows.pivot_table(
        index=key, columns="part", values="n_cells", aggfunc="sum", fill_value=0, observed=True
    )
    groups = {str(row[key]): found.group_of(row) for row in sentences.records(rows.drop_duplicates(key))}
    labels = sentences.distinct(counts.index)
    population, cumulative = lorenz_curve(counts.to_numpy(dtype=float), support="stratum")
    shown = [group for group in found.groups if group in groups.values()]
    values = [
        {"donor": labels[str(name)], "group": groups[str(name)], "slot": shown.index(groups[str(name)]),
         "population": round(float(x), 4), "cumulative": round(float(y), 4)}
        for name, xs, ys in zip(counts.index, population, cumulative, strict=True)
        for x, y in zip(xs, ys, strict=True)
    ]  # fmt: skip
    return [
        page.chart(
            charts.lorenz(values, groups=shown),
            "Lorenz curves",
            "A curve a donor; farther below the diagonal is more concentrated.",
        )
    ]


def _metrics(rows: pd.DataFrame) -> list[tuple[str, str]]:
    there = set(rows["metric"].astype(str))
    found = [pair for pair in METRICS if pair[0] in there]
    return found[:2] if len(found) > 2 else found


def _titled(found: Findings, title: str, contrast: str | None) -> str:
    """The title of a chart, with the contrast where there are several."""
    return f"{title}: {sentences.plain(contrast)}" if contrast and len(found.contrasts) > 1 else title


def _drivers(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    rows = found.of_stratum("drivers", stratum, contrast)
    if rows.empty:
        return None
    metrics = _metrics(rows)
    labels = sentences.distinct(rows["part"], 40)
    values: list[dict[str, Any]] = []
    for place, (metric, _) in enumerate(metrics):
        here = rows[rows["metric"] == metric]
        here = here.reindex(here["contribution"].abs().sort_values(ascending=False).index[:MOST_DRIVERS])
        for row in sentences.records(here):
            more = (row["contribution"] < 0) == (metric == "hill_q1")
            before, after = (
                row.get("share_reference", row.get("share_early")),
                row.get("share_other", row.get("share_late")),
            )
            values.append({
                "part": labels[str(row["part"])], "metric": place, "contribution": row["contribution"],
                "low": row["low"], "high": row["high"], "size": abs(row["contribution"]),
                "toward": f"toward {'more' if more else 'less'} concentrated",
                "shares": f"{number(100 * float(before or 0), 1)}% to {number(100 * float(after or 0), 1)}%",
            })  # fmt: skip
    if not values:
        return None
    return page.chart(
        charts.drivers(values, metrics=metrics), _titled(found, "Cell types that drive the shift", contrast),
        "Contributions add up to the shift; lines are intervals over donors.",
    )  # fmt: skip


def _multiverse(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    rows = found.of_stratum("multiverse", stratum, contrast)
    if rows.empty:
        return None
    metrics = [("hill_q1", "effective number"), ("gini", "Gini coefficient")]
    numbers = {"contrast", "stratum", "specification", "gini", "hill_q1", "counts_gini", "counts_hill_q1", "published",
               "direction", "n_early", "n_late", "common_cells", "n_reference", "n_other"}  # fmt: skip
    choices = [name for name in rows.columns if name not in numbers]
    values = []
    for place, (metric, _) in enumerate(metrics):
        here = rows[rows[f"counts_{metric}"].astype(bool)].sort_values(metric, kind="stable")
        for rank, row in enumerate(sentences.records(here)):
            values.append({
                "metric": place, "rank": rank, "value": row[metric], "made": charts.MADE[0 if row["published"] else 1],
                "choices": ", ".join(f"{name.replace('_', ' ')} {sentences.plain(row[name], 20)}" for name in choices),
            })  # fmt: skip
    note = f"{sentences.counted(len(rows), 'combination')} of defensible choices; the diamond is the choice made."
    return page.chart(
        charts.multiverse(values, metrics=metrics), _titled(found, "Multiverse of analyses", contrast), note
    )


def _scales(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The levels of a hierarchy of types, or clusters at several resolutions."""
    rows = found.of_stratum("granularity", stratum, contrast)
    if rows.empty:
        return None
    values = [
        {
            "scale": f"{sentences.plain(row['level'], 20)} ({int(row['n_parts'])})", "effect": row["effect"],
            "low": row["low"], "high": row["high"], "verdict": str(row["verdict"]),
            "filled": style.established(row["verdict"]),
        }
        for row in sentences.records(rows[rows["metric"] == "hill_q1"].sort_values("n_parts", kind="stable"))
    ]  # fmt: skip
    note = "From coarse to fine; in brackets the number of types. Filled: established."
    chart = charts.scales(values, ratio=True, title="ratio of effective numbers")
    return page.chart(chart, _titled(found, "Granularity", contrast), note)


def _levels(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The change over the finest types as a sum of terms between coarser types and within them."""
    rows = found.of_stratum("levels", stratum, contrast)
    rows = rows[(rows["metric"] == "entropy") & (rows["term"] != "overlap")] if len(rows) else rows
    if rows.empty:
        return None
    words = {"total": "all of it", "between": "between coarse types", "within": "within coarse types"}
    shown = [
        {
            "change": words.get(str(row["term"]), f"within {sentences.plain(row['part'], 40)}"),
            "types": f"{sentences.plain(row['fine'], 20)} in {sentences.plain(row['coarse'], 20)}",
            "shift": number(row["shift"], sign=True),
            "interval": f"{number(row['low'], sign=True)}\xa0to\xa0{number(row['high'], sign=True)}",
        }
        for row in sentences.records(rows[rows["shift"] != 0])
    ]
    caption = (
        "Where the change lies: terms of the change in ln effective number, as counted, which add up exactly."
    )
    return page.table(shown, caption, name="levels", stacks=True)
