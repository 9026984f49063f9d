"""Every table of the study in words, from its declaration: the page `docs/tables.md`."""

from __future__ import annotations

from concentra.report import markdown
from concentra.study.declare import Node, Table, nodes

HEAD = """# Tables of the study

Generated from the declarations by `make docs`. Every table is checked against them when it is written and when it is
read. Text is quoted; an empty cell is a missing value."""


def page() -> str:
    """The page as Markdown: one section a table, in the order of the steps."""
    sections = [
        f"## {table.name()}\n\n{_first_line(table)} Written by `{node.name}`{_where(node, table)}; key: {_key(table)}."
        f"\n\n{_columns(table)}"
        for node in nodes().values()
        for table in (*node.tables, *node.kept)
    ]
    return markdown.join(HEAD, *sections)


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
            "column": name,
            "meaning": declared.description,
            "unit": declared.unit or "–",
            "may be missing": "yes" if declared.nullable else "no",
        }
        for name, declared in table.columns().items()
    ]
    return markdown.table(rows)


if __name__ == "__main__":
    print(page(), end="")
