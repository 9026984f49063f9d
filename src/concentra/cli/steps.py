"""`concentra steps`: what is stale and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concentra.cli._options import RESULTS, Data, Json, Out, print_json

EXAMPLE = "Example: concentra steps --out results"


def steps(data: Data = None, out: Out = RESULTS, json: Json = False) -> None:
    """List every step, figure and summary: what would run again."""
    from concentra.study import raw, stale

    frame = stale.plan_frame(out.resolve(), raw.data_folder(data))
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    if json:
        print_json(rows)
    else:
        show(rows)


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a line for each step; a reason that several steps share is printed once, below them."""
    from concentra.cli._terminal import Line, columns, print_lines, print_text, wrapped

    reasons = list(dict.fromkeys(row["why"] for row in rows if row["why"]))
    lines = []
    for row in rows:
        fresh = row["state"] == "fresh"
        number = "" if fresh else f" [{reasons.index(row['why']) + 1}]"
        text = f"{row['state']}{number}  {row['title']}"
        lines.append(Line("✓" if fresh else "○", row["node"], text, "green" if fresh else "yellow"))
    print_lines(lines, whole=False)
    for place, reason in enumerate(reasons, start=1):
        for line in wrapped(f"[{place}] {reason}", columns(), "    "):
            print_text(line)
    n_stale = sum(row["state"] == "stale" for row in rows)
    print_text(f"{n_stale} of {len(rows)} would run again")


COMMANDS = (steps,)
