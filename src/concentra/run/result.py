"""What an analysis found: its tables, notes and verdicts, its report, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.composition import Composition
from concentra.design import Design
from concentra.notes import Note
from concentra.run.options import Options

VERDICTS = ["contrast", "stratum", "verdict", "direction", "n_reference", "n_other", "ratio", "ratio_low", "ratio_high",
            "p_effective", "gini_change", "gini_low", "gini_high", "p_gini", "reason"]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Analysis:
    """The result of `concentra.analyze`.

    Attributes
    ----------
    options
        The settings of the analysis.
    composition
        The data.
    designs
        One for each question.
    tables
        Checked frames by name; `docs/tables.md` lists their columns.
    notes
        What was guessed, repaired, left out, accepted, or limits the answer.
    """

    options: Options
    composition: Composition
    designs: tuple[Design, ...]
    tables: Mapping[str, pd.DataFrame]
    notes: tuple[Note, ...]
    sources: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row a (contrast, stratum): the verdict, the ratio of effective numbers and the change in Gini, with
        intervals and p-values of the model."""
        found = self.tables.get("contrast", pd.DataFrame())
        if found.empty:
            return pd.DataFrame(columns=VERDICTS)
        place = ["contrast", "stratum"]
        first = found[found["metric"] == "hill_q1"].set_index(place)
        second = found[found["metric"] == "gini_stratum"].set_index(place)
        made = first[["verdict", "direction", "n_reference", "n_other", "reason"]].copy()
        for frame, names in (
            (first, {"effect": "ratio", "low": "ratio_low", "high": "ratio_high", "p_value": "p_effective"}),
            (second, {"effect": "gini_change", "low": "gini_low", "high": "gini_high", "p_value": "p_gini"}),
        ):
            for name, new in names.items():
                made[new] = frame[name]
        return made.reset_index()[VERDICTS]

    @property
    def title(self) -> str:
        """Of the report."""
        names = [Path(name).name for name in self.options.cells[:3]]
        more = len(self.options.cells) - len(names)
        return f"Concentration of {', '.join(names)}" + (f" and {more} more" if more else "")

    def __repr__(self) -> str:
        from concentra.report.sentences import counted

        units = self.composition.units
        lines = [
            f"{self.title}: {counted(units['donor'].nunique(), 'donor')}, "
            f"{counted(units['stratum'].nunique(), 'tissue')}, {counted(int(self.composition.n_cells.sum()), 'cell')}"
        ]
        lines += [f"  {row.stratum}: {row.verdict}" for row in self.verdicts.head(20).itertuples()]
        lines.append(f"  tables: {', '.join(self.tables)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        rows = self.verdicts.drop(columns=["contrast"]).to_html(
            index=False, float_format=lambda x: f"{x:.3g}"
        )
        return f"<p>{escape(repr(self).splitlines()[0])}</p>{rows if len(self.verdicts) else ''}"

    def report(self, path: str | Path) -> Path:
        """Write the report, one self-contained page of HTML.

        Returns
        -------
        The path.
        """
        from concentra.files import write_text
        from concentra.run.write import report_page

        write_text(path, report_page(self))
        return Path(path)

    def write(self, folder: str | Path) -> list[Path]:
        """Write tables, figures, summary, report and the file of options into a folder.

        Returns
        -------
        The paths.
        """
        from concentra.run.write import write_all

        return write_all(self, Path(folder))
