"""A cohort with a hierarchy of cell types: the same question at every granularity."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section
from concentra.report.sections.granularity import granularity, level_rows
from concentra.report.sections.tissues import tissues
from concentra.report.sections.trend import trend
from concentra.study.results import Results
from concentra.study.steps._hierarchy import LABELS, at_levels, hierarchies, named
from concentra.study.steps.s04c_contrast_hierarchy import ALL, MEAN, SUMMED
from concentra.study.summaries._shared import NAMES, readable, title_of


def level_contrast(results: Results, asked: str = "plain") -> pd.DataFrame:
    """Old against young donors at every level, each donor once; empty without such a cohort."""
    rows = results.rows("level_contrast", asked=asked, donors=ALL, values=SUMMED)
    return rows if len(rows) else pd.DataFrame({"cohort": []})


def findings(results: Results, cohort: str) -> Findings:
    """The cohort as a report reads it: every level in the place of a tissue.

    Parameters
    ----------
    results
        Those of a run.
    cohort
        Its name.

    Returns
    -------
    With the tables that the run holds; `concentration` and `composition` are always there.
    """
    counts = results.rows("donor_counts", cohort=cohort)
    whole = hierarchies(counts, results.rows("type_levels", cohort=cohort))[cohort]
    cells = pd.concat(one.table().assign(stratum=level) for level, one in at_levels(whole).items())
    labels = counts.drop_duplicates("donor")[["donor", *LABELS]].rename(columns=NAMES)
    measured = _of_level(results.rows("level_concentration", cohort=cohort)).merge(labels, on="donor")
    contrast = level_contrast(results)
    tables = {
        "concentration": measured,
        "composition": cells,
        "contrast": _of_level(contrast[contrast["cohort"] == cohort]),
        "drivers": _of_level(results.rows("level_drivers", cohort=cohort)),
        "multiverse": _of_level(results.rows("level_multiverse", cohort=cohort)),
        "trend": _of_level(results.rows("level_trend", cohort=cohort)),
    }
    shift = results.rows("level_shift", cohort=cohort, asked="plain")
    if len(shift):
        shift = named(shift, cohort, "fine", "coarse")
        tables["levels"] = shift.assign(stratum=shift["fine"])
    options = {"trend": "age_years"}
    return Findings(tables, options=options, title=title_of(cohort), tissue="granularity", id=f"{cohort}-")


def _of_level(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with the level in the place of the tissue."""
    return frame.assign(stratum=frame["level"]).drop(columns=["cohort", "level"]) if len(frame) else frame


def hierarchy(page: Page, results: Results, cohort: str) -> Section:
    """Verdicts at every granularity, further questions to the same donors, then each granularity by itself."""
    found = findings(results, cohort)
    rows = results.rows("level_contrast", cohort=cohort)
    nested = results.rows("level_nested", cohort=cohort, asked="plain")
    contrast = level_contrast(results)
    plain = {"granularity": contrast[contrast["cohort"] == cohort]}
    plain |= {"nested": named(nested, cohort, "fine", "coarse")} if len(nested) else {}
    section = granularity(page, Findings(plain))
    blocks: list[Markup] = [*section.blocks] if section else []
    others = _questions(rows)
    if len(others):
        table = page.table(
            level_rows(Findings({}, tissue="question"), others),
            "The same comparison adjusted, within groups of donors, and along age (over the range of ages)",
            name="questions", verdict="verdict",
        )  # fmt: skip
        blocks.append(page.folded("Adjusted, within groups of donors, along age", table))
    small = small_rows(results.rows("small_studies", cohort=cohort))
    if small:
        caption = (
            "How often small studies drawn from these donors find each direction, by the rule that decides"
        )
        blocks.append(
            page.folded("What small studies would find", page.table(small, caption, name="small_studies"))
        )
    blocks.append(page.heading("Every granularity by itself"))
    blocks += tissues(page, found).blocks
    along = trend(page, found)
    if along:
        blocks.append(page.folded("Trend along age", *along.blocks))
    return Section(cohort, f"{found.title[:1].upper()}{found.title[1:]}", tuple(blocks))


def _questions(rows: pd.DataFrame) -> pd.DataFrame:
    """All but the plain question, each in words in the place of the tissue."""
    plain = (rows["asked"] == "plain") & (rows["donors"] == ALL)
    others = rows[~plain]
    words = [
        ", ".join(filter(None, [
            {"plain": "groups", "adjusted": "groups, adjusted", "trend": "along age, adjusted"}[row["asked"]],
            "" if row["donors"] == ALL else f"donors with {readable(row['donors'])}",
            MEAN if row["values"] == MEAN else "",
        ]))
        for row in sentences.records(others)
    ]  # fmt: skip
    return others.assign(stratum=words)


def small_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a granularity, size and rule: how often studies of that size find each direction.

    >>> small_rows(pd.DataFrame({"level": ["27 types"], "n_donors": [3], "rule": ["verdict"], "more": [0.25],
    ...                          "less": [0.0], "all_donors": ["more concentrated"]}))[0]["more concentrated"]
    '25%'
    """
    return [
        {
            "granularity": row["level"],
            "all donors": str(row["all_donors"]),
            "donors a group": str(row["n_donors"]),
            "rule": str(row["rule"]),
            "more concentrated": f"{row['more']:.0%}",
            "less concentrated": f"{row['less']:.0%}",
        }
        for row in sentences.records(table)
    ]
