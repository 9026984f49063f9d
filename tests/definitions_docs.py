"""What README and the pages of the documentation tell a reader to type, as blocks in their order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(\{code-cell\} ipython3|python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(concentra [^`]+)`(?!`)")
FOR_THE_SITE = ("remove-cell", "remove-input")
"""Tags of cells that only arrange how the site looks."""


@dataclass(frozen=True)
class Block:
    """A block of a page: `sh` (one command a line) or `python`; and whether it is a cell, which the site executes."""

    kind: str
    code: str
    cell: bool

    @property
    def lines(self) -> list[str]:
        """Its commands."""
        return [line for line in self.code.replace("\\\n", " ").splitlines() if line.strip()]


def blocks(page: Path) -> Iterator[Block]:
    """What a page says to run, in its order."""
    for fence, code in FENCE.findall(page.read_text(encoding="utf-8")):
        tags, code = re.match(r"((?::[a-z-]+:.*\n)*)(.*)", code, re.DOTALL).groups()  # type: ignore[union-attr]
        if any(tag in tags for tag in FOR_THE_SITE):
            continue
        cell = fence not in ("python", "sh")
        if code.startswith("%%bash"):
            yield Block("sh", code.partition("\n")[2], cell)
        else:
            yield Block("python" if cell else fence, code, cell)


def words(line: str) -> list[str]:
    """A command as the shell would split it: without comment, output to a file left out, `*` filled in."""
    split = shlex.split(line, comments=True)
    if ">" in split:
        split = split[: split.index(">")]
    return [
        one
        for word in split
        for one in ([*map(str, sorted(Path().glob(word)))] if "*" in word else []) or [word]
    ]


def inline_commands(page: Path) -> list[str]:
    """Commands named within a sentence, with their options."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in INLINE.findall(prose)]
