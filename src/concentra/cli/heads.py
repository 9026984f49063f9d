"""`concentra heads`: the concentration of head importance along training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from concentra.cli import heads_sweep
from concentra.cli._options import Json, print_json, print_table

application = typer.Typer(
    help="Head importance of transformers: measure it, and follow its concentration along training.",
    no_args_is_help=True,
)
MOST_INFLUENTIAL = 5
SEED = 0  # of the resampled heads: the same table gives the same output


@application.command(epilog="Example: concentra heads trajectory ablations.csv --value harm --json")
def trajectory(
    table: Annotated[
        Path, typer.Argument(help="Table of head ablations (.csv, .tsv, .txt, .xlsx, .rds, .parquet).")
    ],
    value: Annotated[
        Literal["abs", "harm", "help", "signed"], typer.Option(help="What counts as importance of a head.")
    ] = "abs",
    json: Json = False,
) -> None:
    """Gini coefficient and effective number of head importance at every checkpoint, and what the shift rests on."""
    found = followed(table, value)
    if json:
        print_json(found)
        return
    print_table(found["trajectory"], title=f"{found['model']}, importance: {value}")
    print_table([found["shift"]], title="Shift, last - first checkpoint")
    print_table(found["first_checkpoint"], title="The same from every earlier checkpoint")
    print_table(found["without"], title="The same without one head, the most influential first")


def followed(path: Path, value: Literal["abs", "harm", "help", "signed"]) -> dict[str, Any]:
    """What `concentra heads trajectory` prints, as plain values."""
    from concentra.analysis.trajectory import SHIFT_COLUMNS, follow
    from concentra.io.importance import read_importance

    table = read_importance(path)
    found = follow(table, value, rng=SEED)
    shift = found.firsts.iloc[0]
    model = table["model"].iloc[0] if "model" in table else path.name.split(".")[0]
    numbers = {name: float(shift[name]) for name in SHIFT_COLUMNS}
    words = {name: str(shift[name]) for name in ("direction", "verdict", "most_influential")}
    firsts = found.firsts[["first", *SHIFT_COLUMNS, "verdict"]]
    without = found.influence.head(MOST_INFLUENTIAL)[["layer", "head", "gini", "hill_q1"]]
    return {
        "model": str(model),
        "value": value,
        "trajectory": found.path.to_dict("records"),
        "shift": {"first": int(shift["first"]), "last": int(shift["last"])} | numbers | words,
        "first_checkpoint": firsts.to_dict("records"),
        "without": without.to_dict("records"),
    }


application.command(
    epilog="Example: concentra heads sweep --model checkpoints/ --text book.txt --out heads.csv"
)(heads_sweep.sweep)
application.command(epilog="Example: concentra heads demo --out demo")(heads_sweep.demo)
