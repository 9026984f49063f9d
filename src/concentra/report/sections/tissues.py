"""A part for each tissue: its donors' compositions, every donor as a point, Lorenz curves, what the shift rests on."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.metrics import lorenz_curve
from concentra.pl import _style as style
from concentra.printable import natural_key
from concentra.progress import counted
from concentra.report import charts, sentences
from concentra.report.findings import Findings, unit_name
from concentra.report.page import Page, Section
from concentra.report.sections.shift import driver_table, drivers, levels, multiverse, scales
from concentra.stats.verdict import NOT_TESTABLE


def tissues(page: Page, found: Findings, *, aside: bool = False) -> Section:
    """Every tissue, those that changed first; the first is open.

    Parameters
    ----------
    page
        Collects the charts.
    found
        The findings.
    aside
        Tissues stand on paper only where the reader has opened them, as those do in which nothing can be compared.
    """
    verdicts: dict[str, list[dict[str, Any]]] = {}
    for row in sentences.records(found.verdicts):
        verdicts.setdefault(str(row["stratum"]), []).append(row)
    blocks = []
    for place, stratum in enumerate(counted(found.strata)):
        rows = verdicts.get(stratum, [])
        words = {str(row["verdict"]) for row in rows}
        bare = aside or words == {NOT_TESTABLE}
        blocks.append(page.folded(
            sentences.plain(stratum, 120), *_tissue(page, found, stratum),
            verdict=words.pop() if len(words) == 1 else "",
            note=_finding(rows, found),
            id=f"{found.id}tissue-{place + 1}", opened=place == 0 and not found.id, aside=bare,
        ))  # fmt: skip
    title = f"{found.tissue.capitalize()}s" if len(found.strata) > 1 else "Donors"
    return Section("tissues", title, tuple(blocks))


def _finding(rows: list[dict[str, Any]], found: Findings) -> str:
    """What was found in a tissue; of several contrasts the verdict on each."""
    if len(found.contrasts) < 2:
        return "".join(sentences.finding(row, found.level) for row in rows)
    return "; ".join(f"{sentences.plain(row['contrast'])}: {row['verdict']}" for row in rows)


def _tissue(page: Page, found: Findings, stratum: str) -> list[Markup]:
    units = found.units[found.units["stratum"].astype(str) == stratum]
    rest, below = [], []
    for contrast in found.contrasts or (None,):
        rest += [make(page, found, stratum, contrast) for make in (multiverse, drivers, scales)]
        below += [make(page, found, stratum, contrast) for make in (levels, driver_table)]
    return [
        _composition(page, found, stratum),
        page.grid(*_donors(page, found, units), *_lorenz(page, found, stratum), *filter(None, rest)),
        *filter(None, below),
    ]


def _names(found: Findings, rows: pd.DataFrame) -> dict[str, str]:
    """Units as they are shown, by sample or donor, in the order of their groups and along a trend."""
    key = unit_name(rows)
    first = rows.drop_duplicates(key)
    place = {name: number for number, name in enumerate(found.groups)}
    records = sorted(
        sentences.records(first),
        key=lambda row: (place.get(found.group_of(row), 99), _late(found.along(row)), natural_key(row[key])),
    )
    grouped = len(found.groups) > 1 and not all(_holds(str(row[key]), found.group_of(row)) for row in records)
    shown = sentences.distinct((row[key] for row in records), 24, _shortened)
    return {
        str(row[key]): f"{sentences.plain(found.group_of(row), 16)} · {shown[str(row[key])]}"
        if grouped
        else shown[str(row[key])]
        for row in records
    }


def _shortened(name: object, limit: int) -> str:
    """A name on one line; long ones without their middle: they often differ at the end.

    >>> _shortened("a very long name of a donor_01", 24)
    'a very long na… donor_01'
    """
    text = sentences.identifier(name, 200)
    return text if len(text) <= limit else f"{text[: limit - 10]}…{text[-9:]}"


def _holds(name: str, group: str) -> bool:
    """Whether the name of a unit holds that of its group, as a word.

    >>> _holds("P01 · before", "before"), _holds("old_3", "old"), _holds("mouse", "m")
    (True, True, False)
    """
    return re.search(rf"(?<![^\W_]){re.escape(group)}(?![^\W_])", name) is not None


def _ordered(found: Findings) -> str:
    column = found.axis[0]
    return f"; donors in the order of {sentences.quantity(column, unit=False)}" if column else ""


def _late(place: float) -> float:
    """A place along an axis, to sort by: units without one come last."""
    return float("inf") if pd.isna(place) else place


def _composition(page: Page, found: Findings, stratum: str) -> Markup:
    rows = found.of_stratum("composition", stratum)
    names = _names(found, rows)
    key = unit_name(rows)
    mean = rows.groupby("part", observed=True)["share"].sum() / max(len(names), 1)
    colours = style.part_colours(mean)
    labels = sentences.distinct(colours, 40)
    shown = {labels[part]: colour for part, colour in colours.items()}
    if len(mean) > len(colours):
        shown[style.REST_NAME] = style.REST
    places = {name: place for place, name in enumerate(shown)}
    values = [
        {"donor": names[str(row[key])], "group": found.group_names.get(found.group_of(row), ""),
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
        f"Composition of every {key}",
        f"Shares of the cell types, the most frequent first{_ordered(found)}.", width="full",
    )  # fmt: skip


def _donors(page: Page, found: Findings, units: pd.DataFrame) -> list[Markup]:
    made = []
    key = unit_name(units)
    units = units[units["included"].astype(bool)] if "included" in units else units
    known = set(units.columns[units.notna().any()])
    corrected = "hill_q1_corrected" if "hill_q1_corrected" in known else "hill_q1"
    others = [name for name in found.labels if name != found.group_column]
    for metric, title in ((corrected, "Effective number"), ("gini_stratum", "Gini coefficient")):
        if metric not in known:
            continue
        there = sentences.records(units.dropna(subset=[metric]))
        values = []
        for group in found.groups:
            here = [row for row in there if found.group_of(row) == group]
            for row, aside in zip(here, charts.spread([row[metric] for row in here]), strict=True):
                values.append({
                    "donor": sentences.identifier(row[key]), "group": found.group_names[group],
                    "value": row[metric], "shift": aside, "n_cells": row["n_cells"],
                    "labels": ", ".join(f"{name} {sentences.plain(row[name], 20)}" for name in others),
                })  # fmt: skip
        shown = _places(found, {value["group"] for value in values})
        for value in values:
            value["slot"] = list(shown).index(value["group"])
        depth = ", corrected for depth" if metric.endswith("_corrected") else ""
        words = (
            f"One point for each {key}{depth}; lines are medians."
            if metric == corrected
            else f"One point for each {key}, all types of the tissue counted; lines are medians."
        )
        made.append(
            page.chart(
                charts.donors(
                    values, groups=shown, title=title.lower() if metric != "gini_stratum" else title
                ),
                f"{title} of every {key}",
                words,
            )
        )
    return made


def _places(found: Findings, shown: Collection[str]) -> dict[str, int]:
    """The groups that are shown, each with its place among all."""
    return {name: place for place, name in enumerate(found.group_names.values()) if name in shown}


def _lorenz(page: Page, found: Findings, stratum: str) -> list[Markup]:
    rows = found.of_stratum("composition", stratum)
    key = unit_name(rows)
    counts = rows.pivot_table(
        index=key, columns="part", values="n_cells", aggfunc="sum", fill_value=0, observed=True
    )
    groups = {
        str(row[key]): found.group_names.get(found.group_of(row), "")
        for row in sentences.records(rows.drop_duplicates(key))
    }
    labels = sentences.distinct(counts.index, shown_as=sentences.identifier)
    population, cumulative = lorenz_curve(counts.to_numpy(dtype=float), support="stratum")
    shown = _places(found, groups.values())
    values = [
        {"donor": labels[str(name)], "group": groups[str(name)], "slot": list(shown).index(groups[str(name)]),
         "population": round(float(x), 4), "cumulative": round(float(y), 4)}
        for name, xs, ys in zip(counts.index, population, cumulative, strict=True)
        for x, y in zip(xs, ys, strict=True)
    ]  # fmt: skip
    return [
        page.chart(
            charts.lorenz(values, groups=shown),
            "Lorenz curves",
            f"One curve for each {key}; farther below the diagonal is more concentrated.",
        )
    ]
