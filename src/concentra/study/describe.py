"""Every table in words, from its declaration: the pages `docs/tables.md` and `docs/study_tables.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from concentra import analysis
from concentra.files import write_text
from concentra.report import markdown
from concentra.study.declare import Node, nodes
from concentra.tables import Table, declared_in

CHECKED = "Text is quoted; an empty cell is a missing value. Generated from the declarations by `make docs`."
LIBRARY = f"""# Tables of an analysis

What `concentra analyze` writes into `tables/`, and what `concentra.analyze(...).tables` holds, listed by the module
of `concentra.analysis` that answers the question. A *stratum* is a tissue and a *part* a cell type; a *unit* is a
sample of a donor in a tissue. {CHECKED}

The columns of five more tables depend on the data:

- `composition`: one row a (tissue, donor, sample, cell type) with cells: `stratum`, `donor`, `sample`, every label that
  is constant within a sample, `part`, `n_cells`, `share`;
- `parts`: one row a (tissue, cell type), with the number of cells and of samples that hold it, and the coarser types
  of `--levels`;
- `confounding`: one row a (pair of groups, label): `reference_values`, `other_values`, and `confounded`, which is
  *complete*, *partial* or *none*; of a trend one row a label: where each of its values lies along the trend;
- `clusters`, `stability` (with `--resolutions`): the cluster of every cell, and how far clusterings agree over
  seeds."""
STUDY = f"""# Tables of the study

Every table that `concentra reproduce` writes, in the order of the steps. Each is checked against its declaration when
it is written and when it is read. {CHECKED}"""


def library_page() -> str:
    """The tables of the library as Markdown: a section a table, by module."""
    return markdown.join(LIBRARY, *(_library_section(table) for table in declared_in(analysis)))


def study_page() -> str:
    """The tables of the study as Markdown: a section a table, in the order of the steps."""
    sections = [
        _section(table.name(), table, f"Written by `{node.name}`{_where(node, table)}")
        for node in nodes().values()
        for table in (*node.tables, *node.kept)
    ]
    return markdown.join(STUDY, *sections)


PAGES = {"tables.md": library_page, "study_tables.md": study_page}
"""The pages by file name."""


def _library_section(table: type[Table]) -> str:
    asked = "Made" if table.by_analyze else "Returned"
    return _section(table.name(), table, f"{asked} by {{py:mod}}`{table.__module__}`")


def _section(name: str, table: type[Table], origin: str) -> str:
    return f"## {name}\n\n{_first_line(table)} {origin}; key: {_key(table)}.\n\n{_columns(table)}"


def _where(node: Node, table: type[Table]) -> str:
    if table not in node.kept:
        return ""
    return f" as `pieces/{node.name}/*.{table.name()}.parquet`, one file a piece"


def _first_line(table: type[Table]) -> str:
    return (table.__doc__ or "").split("\n", 1)[0]


def _key(table: type[Table]) -> str:
    return ", ".join(f"`{name}`" for name in table.key()) or "none"


def _columns(table: type[Table]) -> str:
    rows = [
        {
            "column": f"`{name}`",
            "meaning": declared.description,
            "unit": declared.unit or "–",
            "may be missing": "yes" if declared.nullable else "no",
        }
        for name, declared in table.columns().items()
    ]
    return markdown.table(rows, marked_up=True)


if __name__ == "__main__":
    for page, made in PAGES.items():
        write_text(Path(sys.argv[1]) / page, made())
