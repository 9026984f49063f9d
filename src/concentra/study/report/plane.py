"""Every tissue, level and model of the study in the plane of the two shifts."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from concentra.analysis.plane import PERMUTED
from concentra.pl import _style as style
from concentra.report import charts, sentences
from concentra.report.page import Page
from concentra.stats.verdict import DIRECTIONS, UNDECIDED
from concentra.study.documents._rows import place
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

AXES = ("normalised", "raw")
CLOUD = 3_000
"""Points of the null clouds that are drawn, evenly taken."""
SIMULATED = "simulated"
FIRST = "Marrow"
"""The tissue that is labelled whatever is established."""
NOTE = (
    "Lower right: more concentrated. Filled: established. Grey dots: labels exchanged; a place among them is no "
    "evidence."
)


def plane(page: Page, results: Results) -> list[Markup]:
    """The chart of all shifts over their null clouds; nothing where the run has none."""
    arrows, null = results.rows("overlay"), results.rows("overlay_null")
    if arrows.empty or null.empty:
        return []
    sources = {
        str(name): _source(str(name), kind, results)
        for name, kind in zip(arrows["cohort"], arrows["kind"], strict=True)
    }
    shown = sorted(dict.fromkeys(sources.values()), key=lambda name: name == SIMULATED)
    labels = _labels(arrows, set(results.rows("head_models", included=False).get("cohort", ())))
    verdicts = dict(
        zip(zip(arrows["cohort"], arrows["stratum"], strict=True), arrows["verdict"], strict=True)
    )
    rows = []
    for row in sentences.records(null[null["axes"].isin(AXES)]):
        key = (row["cohort"], row["stratum"])
        if key not in verdicts:
            continue
        verdict = str(verdicts[key])
        rows.append({
            "axes": AXES.index(row["axes"]), "slot": shown.index(sources[row["cohort"]]), "name": place(*key),
            "label": labels.get(key, ""), "source": title_of(row["cohort"]), "gini": row["gini"],
            "hill_q1": row["hill_q1"], "words": verdict,
            "verdict": verdict if verdict in style.VERDICTS else UNDECIDED,
        })  # fmt: skip
    cloud = results.rows("overlay_cloud", what=PERMUTED)
    cloud = cloud.iloc[:: max(1, -(-len(cloud) // CLOUD))]
    points = [
        {"axes": AXES.index(row["axes"]), "slot": shown.index(sources[row["cohort"]]), "gini": round(row["gini"], 4),
         "hill_q1": round(row["hill_q1"], 4)}
        for row in sentences.records(cloud) if row["cohort"] in sources
    ]  # fmt: skip
    spec = charts.plane(rows, points, axes=AXES, sources=shown, hidden=int(SIMULATED in shown), height=230)
    return [page.chart(spec, "Tissues and models in the plane of the two shifts", NOTE)]


def _labels(arrows: pd.DataFrame, unlabelled: set[str]) -> dict[tuple[str, str], str]:
    """What is written beside points: models, marrow, what is established, of a hierarchy its largest shift alone."""
    found = {}
    for cohort, rows in arrows[~arrows["cohort"].isin(unlabelled)].groupby("cohort", sort=False):
        of_levels = rows["stratum"].astype(str).str.contains(", ")
        told = (rows["kind"] == "model") | (rows["stratum"] == FIRST) | rows["verdict"].isin(DIRECTIONS)
        if of_levels.all():
            told = rows["hill_q1"].abs() == rows["hill_q1"].abs().max()
        for stratum in rows.loc[told, "stratum"].astype(str):
            name = stratum if ", " in stratum else place(str(cohort), stratum)
            found[str(cohort), stratum] = sentences.plain(name, 28)
    return found


def _source(cohort: str, kind: str, results: Results) -> str:
    """The name of the box that shows or hides a cohort: models share one, so do simulated cohorts."""
    if cohort in results.simulated:
        return SIMULATED
    return "models" if kind == "model" else title_of(cohort).rpartition(", ")[2]
