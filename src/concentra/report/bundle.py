"""What the page brings along: Vega-Lite for charts and DataTables for tables, in one script and one style sheet.

They are built from the packages that `vendor/package.json` names, by `make vendor`; `vendor/LICENSES.txt` holds the
terms of each. Nothing is loaded when a report is written or read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("vendor")
SCRIPT, STYLE, LICENCES = (FOLDER / name for name in ("bundle.min.js", "bundle.min.css", "LICENSES.txt"))


@cache
def script() -> str:
    """The script; nothing in it ends the element that it stands in.

    >>> "</script" in script()
    False
    """
    return SCRIPT.read_text(encoding="utf-8").replace("</script", "<\\/script")


@cache
def style() -> str:
    """The style sheet.

    >>> "dataTable" in style()
    True
    """
    return STYLE.read_text(encoding="utf-8")


@cache
def packages() -> tuple[str, ...]:
    """Name, version and licence of every package in the bundle.

    >>> [one for one in packages() if one.startswith("vega-lite ")]
    ['vega-lite 6.4.3 (BSD-3-Clause)']
    """
    blocks = LICENCES.read_text(encoding="utf-8").split(f"\n\n{'-' * 80}\n\n")
    return tuple(block.split("\n", 1)[0] for block in blocks)
