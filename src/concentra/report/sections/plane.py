"""All tissues in the plane of the two shifts, over what exchanged labels give."""

from __future__ import annotations

from concentra.analysis.plane import PERMUTED
from concentra.pl import _style as style
from concentra.report import charts, sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section

AXES = ("normalised", "raw")
CLOUD = 3_000
"""Points of the cloud that are drawn, evenly taken."""


def plane(page: Page, found: Findings) -> Section | None:
    """The chart of every contrast; None without the table."""
    table = found.table("plane")
    if table.empty:
        return None
    blocks = []
    points = found.table("plane_points")
    for name, rows in table.groupby("contrast", sort=False) if "contrast" in table else [("", table)]:
        axes = [one for one in AXES if (rows["axes"] == one).any()]
        judged = found.verdicts[found.verdicts["contrast"] == name] if name else found.verdicts
        verdicts = {} if judged.empty else dict(
            zip(judged["stratum"].astype(str), judged["verdict"], strict=True)
        )  # fmt: skip
        values = [
            {"axes": axes.index(row["axes"]), "name": found.names.get(str(row["stratum"]), ""),
             "label": found.names.get(str(row["stratum"]), ""), "gini": row["gini"], "hill_q1": row["hill_q1"],
             "words": str(verdicts.get(str(row["stratum"]), "undecided")),
             "verdict": _known(verdicts.get(str(row["stratum"]), "undecided"))}
            for row in sentences.records(rows) if row["axes"] in axes
        ]  # fmt: skip
        cloud = []
        if len(points):
            null = points[points["what"] == PERMUTED]
            null = null[null["contrast"] == name] if "contrast" in null and name else null
            for one in axes:
                here = null[null["axes"] == one]
                here = here.iloc[:: max(1, -(-len(here) // CLOUD))]
                cloud += [{"axes": axes.index(one), "gini": round(x, 5), "hill_q1": round(y, 5)}
                          for x, y in zip(here["gini"], here["hill_q1"], strict=True)]  # fmt: skip
        blocks.append(page.chart(
            charts.plane(values, cloud, axes=axes), f"Plane of shifts{', ' + sentences.plain(name) if name else ''}",
            "Lower right: more concentrated. Grey dots: shifts after the donors' labels are exchanged; the two metrics "
            "move together by arithmetic, so that lying along the dots is no evidence. Normalised axes: Gini / (1 − "
            "1/n) for n cell types, and the logarithm of the effective number.",
            width="full",
        ))  # fmt: skip
    return Section("plane", "Plane of shifts", tuple(blocks))


def _known(word: object) -> str:
    name = style.OTHER_WORDS.get(str(word), str(word))
    return name if name in style.VERDICTS else "undecided"
