"""Where the text of the manuscript lies, and how its template is filled: no key missing, none left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes as syntax

from concentra.errors import ColumnError, DataAbsentError, TableError, nearest
from concentra.study.numbers import Numbers

FILES = ("manuscript.md", "references.bib", "numbers.toml")


def paper_folder() -> Path:
    """Where the manuscript's text lies: beside the package when installed, in the checkout otherwise."""
    packaged = Path(__file__).parents[1] / "paper"
    return packaged if packaged.is_dir() else Path(__file__).parents[4] / "paper"


def paper_files() -> tuple[Path, ...]:
    """The text, the references and the declared numbers."""
    return tuple(paper_folder() / name for name in FILES)


def read_text(path: Path) -> str:
    """The text of one of the paper's files."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataAbsentError(
            found=f"no file {path}",
            expected=f"the manuscript's files {', '.join(FILES)} beside the package or in the checkout",
            fix="restore the folder `paper`, or install the package again",
        ) from None


def fill(text: str, numbers: Mapping[str, Numbers], functions: Mapping[str, Callable[..., Any]]) -> str:
    """The manuscript with every `{{ group.name }}` replaced; a missing or unused key is an error.

    Keys are checked in all branches, also in those that this run's data does not take.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        comment_start_string="{##",  # `{#name}` is an anchor of Pandoc
        comment_end_string="##}",
    )
    try:
        tree = environment.parse(text)
    except jinja2.TemplateSyntaxError as problem:
        raise TableError(
            found=f"manuscript.md, line {problem.lineno}: {problem.message}",
            expected="`{{ group.name }}` and `{% if group %}` ... `{% endif %}`",
            fix="correct that line",
        ) from None
    _check(tree, numbers, functions)
    return environment.from_string(text).render(**functions, **numbers)


def _check(tree: syntax.Template, numbers: Mapping[str, Numbers], functions: Mapping[str, Any]) -> None:
    used: set[str] = set()
    for found in tree.find_all(syntax.Getattr):
        if isinstance(found.node, syntax.Name):
            group, key = found.node.name, found.attr
            used.add(f"{group}.{key}")
            if group in numbers and key not in numbers[group]:
                raise _missing(f"{group}.{key}", found.lineno, [f"{group}.{one}" for one in numbers[group]])
    bound = {found.name for found in tree.find_all(syntax.Name) if found.ctx == "store"}
    for name in tree.find_all(syntax.Name):
        if name.ctx == "load" and name.name not in numbers.keys() | functions.keys() | bound:
            raise _missing(name.name, name.lineno, [*numbers, *functions])
    unused = [f"{group}.{key}" for group in numbers for key in numbers[group] if f"{group}.{key}" not in used]
    if unused:
        raise TableError(
            found=f"numbers.toml declares what the manuscript does not quote: {', '.join(unused)}",
            expected="every declared number in the text",
            fix="quote it in manuscript.md, or take it out of numbers.toml",
        )


def _missing(key: str, line: int, known: list[str]) -> ColumnError:
    return ColumnError(
        found=f"manuscript.md, line {line}, quotes {key!r}",
        expected="a key that numbers.toml declares",
        fix=nearest(key, known),
    )
