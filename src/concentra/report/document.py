"""The report of an analysis as one page of HTML."""

from __future__ import annotations

from concentra import __version__
from concentra.report.findings import Findings
from concentra.report.page import Page, Section
from concentra.report.sections import ORDER


def page(found: Findings) -> str:
    """The report as one self-contained file of HTML: nothing is loaded, every label is escaped.

    >>> import pandas as pd
    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "n_cells": [3, 4], "hill_q1": [1.9, 1.0],
    ...                       "included": True})
    >>> counts = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "part": ["B", "T", "T"],
    ...                        "n_cells": [1, 2, 4], "share": [1 / 3, 2 / 3, 1.0]})
    >>> page(Findings({"concentration": units, "composition": counts}))[:15]
    '<!DOCTYPE html>'
    """
    made = Page(found.title)
    sections = [section for write in ORDER if isinstance(section := write(made, found), Section)]
    return made.finish(
        sections, foot=f"Written by concentra {__version__}. This file loads nothing and sends nothing."
    )
