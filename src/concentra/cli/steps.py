"""`concentra steps`: what is stale and why."""

from __future__ import annotations

from typing import Any

from concentra.cli._options import RESULTS, Data, Json, Out, print_json, print_table

EXAMPLE = "Example: concentra steps --out results"


def steps(data: Data = None, out: Out = RESULTS, json: Json = False) -> None:
    """List every step, figure and summary: what would run again, and why."""
    from concentra.study import raw, stale

    frame = stale.plan_frame(out.resolve(), raw.data_folder(data))
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    if json:
        print_json(rows)
    else:
        print_table(rows)


COMMANDS = (steps,)
