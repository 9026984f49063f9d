"""What a run has written, read as a whole: every declared table, figure and summary that is there.

Documents read results in this way alone, so that a table or figure that is declared anew is taken in without an
edit, and one that is not there is said to be absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.study.declare import Node, nodes, tables


@dataclass(frozen=True)
class Picture:
    """One figure: its label as the study numbers it, its words, and where the files are."""

    label: str
    title: str
    caption: str
    alternative: str
    png: Path
    svg: Path


@dataclass(frozen=True)
class Results:
    """The results below an output folder."""

    out: Path

    @cached_property
    def names(self) -> list[str]:
        """The names of the tables that are there, in the order of their steps."""
        declared = [table.name() for node in _of("step") for table in node.tables]
        return [name for name in declared if tables()[name].path(self.out).exists()]

    @cached_property
    def _frames(self) -> dict[str, pd.DataFrame]:
        return {}

    def table(self, name: str) -> pd.DataFrame | None:
        """A table, checked; None where this run has none of that name."""
        if name not in self.names:
            return None
        if name not in self._frames:
            self._frames[name] = tables()[name].read(self.out)
        return self._frames[name]

    def rows(self, name: str, **where: object) -> pd.DataFrame:
        """The rows of a table with these values; an empty frame where the table or a named column is not there."""
        frame = self.table(name)
        if frame is None or not set(where) <= set(frame.columns):
            return pd.DataFrame()
        for column, value in where.items():
            frame = frame[frame[column] == value]
        return frame

    @cached_property
    def simulated(self) -> frozenset[str]:
        """The cohorts that are simulated in this run: controls, no findings."""
        return frozenset(self.rows("sources", status="simulated").get("cohort", ()))

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """The figures that are there, by label: 1 to 6, then S1 to S7."""
        found = [_picture(node, self.out) for node in _of("figure")]
        there = [one for one in found if one is not None]
        return {one.label: one for one in sorted(there, key=lambda one: _place(one.label))}

    @cached_property
    def summaries(self) -> dict[str, str]:
        """The text of the summaries that are there, by name."""
        paths = {node.name: node.outputs(self.out)[0] for node in _of("summary")}
        return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path.exists()}

    @cached_property
    def provenance(self) -> dict[str, dict[str, Any]]:
        """What each step was made from, by name of the step: without what differs from run to run."""
        notes = {node.name: node.provenance(self.out)[0] for node in _of("step")}
        found = {
            name: json.loads(path.read_text(encoding="utf-8"))
            for name, path in notes.items()
            if path.exists()
        }
        return {
            name: {key: value for key, value in note.items() if key != "seconds"}
            for name, note in found.items()
        }


def _of(kind: str) -> list[Node]:
    return [node for node in nodes().values() if node.kind == kind]


def _picture(node: Node, out: Path) -> Picture | None:
    png, svg, words = node.outputs(out)
    if not (png.exists() and svg.exists() and words.exists()):
        return None
    note = json.loads(words.read_text(encoding="utf-8"))
    return Picture(node.label, node.title, note["caption"], note["alternative"], png, svg)


def _place(label: str) -> tuple[bool, int, str]:
    digits = "".join(letter for letter in label if letter.isdigit())
    return label.startswith("S"), int(digits or 0), label
