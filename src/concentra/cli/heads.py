"""`concentra heads`: the concentration of head importance along training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from concentra.cli import heads_sweep
from concentra.cli._figures import save_figure
from concentra.cli._heads_errors import in_options
from concentra.cli._options import Json, print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

    from concentra.analysis.trajectory import Followed

application = typer.Typer(
    help="Head importance of transformers. Measure it, and follow its concentration along training.",
    no_args_is_help=True,
)
MOST_INFLUENTIAL = 5
WIDTH = 79  # of the notes, as of the narrowest usual terminal
SEED = 0  # of the resampled heads: the same table gives the same output
VALUES = Literal["abs", "harm", "help", "signed"]


@application.command(epilog="Example: concentra heads trajectory ablations.csv --value harm --json")
@in_options
def trajectory(
    table: Annotated[
        Path, typer.Argument(help="Table of head ablations (.csv, .tsv, .txt, .xlsx, .rds, .parquet).")
    ],
    value: Annotated[VALUES, typer.Option(help="What counts as importance of a head.")] = "abs",
    model_heads: Annotated[
        int | None, typer.Option(min=2, help="Heads of the whole model, where the table holds only some.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw it: .svg, .pdf or .png, with intervals and noise.")
    ] = None,
    json: Json = False,
) -> None:
    """Concentration of head importance along training. Shows every checkpoint, and what the shift rests on."""
    from concentra.analysis.trajectory import follow
    from concentra.io.importance import read_importance

    frame = read_importance(table, model_heads=model_heads)
    found = follow(frame, value, rng=SEED)
    name = str(frame["model"].iloc[0]) if "model" in frame else table.name.split(".")[0]
    if figure is not None:
        _draw(found, name, figure)
    if json:
        print_json(_plain(found, name, value))
        return
    _print(found, name, value, frame)
    if figure is not None:
        print(f"\nfigure: {figure}")


def _plain(found: Followed, name: str, value: str) -> dict[str, Any]:
    """What is known, as plain values by name."""
    from concentra.analysis.trajectory import SAMPLING_COLUMNS, SHIFT_COLUMNS

    shift = found.firsts.iloc[0]
    measured = [*SHIFT_COLUMNS, *SAMPLING_COLUMNS]
    numbers = {name: float(shift[name]) for name in measured}
    words = {
        name: str(shift[name])
        for name in ("direction", "noise", "verdict", "verdict_of_heads", "most_influential")
    }
    firsts = found.firsts[["first", *measured, "direction", "noise", "verdict", "verdict_of_heads"]]
    without = found.influence.head(MOST_INFLUENTIAL)[["layer", "head", "gini", "hill_q1"]]
    return {
        "model": name,
        "value": value,
        "heads": found.sampled,
        "trajectory": found.path.to_dict("records"),
        "shift": {"first": int(shift["first"]), "last": int(shift["last"])} | numbers | words,
        "first_checkpoint": firsts.to_dict("records"),
        "without": without.to_dict("records"),
    }


def _print(found: Followed, name: str, value: str, frame: pd.DataFrame) -> None:
    """The same for people, in 80 columns."""
    shift = found.firsts.iloc[0]
    print(f"{name}, importance: {value}, {found.sampled}")
    print_table([_checkpoint_row(row) for row in _rows(found.path)], title="At each checkpoint")
    print_table(
        [_shift_row(row) for row in _rows(found.firsts)], title=f"Shift to checkpoint {shift['last']:,}"
    )
    without = [
        {"without": f"L{row['layer']}H{row['head']}", "Gini": _signed(row["gini"], 3)}
        | {"effective number": _signed(row["hill_q1"], 1)}
        for row in _rows(found.influence.head(MOST_INFLUENTIAL))
    ]
    print_table(without, title="Shift from the first checkpoint without one head, the most influential first")
    print()
    for note in _notes(found, frame):
        print("\n".join(wrap(note, WIDTH)))


def _rows(frame: pd.DataFrame) -> Sequence[Mapping[Any, Any]]:
    return frame.to_dict("records")


def _checkpoint_row(row: Mapping[Any, Any]) -> dict[str, str]:
    return {
        "checkpoint": f"{row['checkpoint']:,}",
        "Gini": f"{row['gini']:.3f} [{row['gini_low']:.2f}, {row['gini_high']:.2f}]",
        "noise": f"{_noise(row):.2f}",
        "eff. number": f"{row['hill_q1']:.1f} [{row['hill_q1_low']:.0f}, {row['hill_q1_high']:.0f}]",
        "of all": f"{row['hill_q1_share']:.0%}",
        "top head": f"{row['top_head']} {row['top_share']:.0%}",
    }


def _noise(row: Mapping[Any, Any]) -> float:
    """The Gini coefficient of noise alone: of the errors of the evaluation, or of equal ones where unknown."""
    known = float(row["gini_evaluation_noise"])
    return known if known == known else float(row["gini_noise"])


def _shift_row(row: Mapping[Any, Any]) -> dict[str, str]:
    return {
        "from": f"{row['first']:,}",
        "Gini": f"{_signed(row['gini'], 3)} [{_signed(row['gini_low'], 2)}, {_signed(row['gini_high'], 2)}]",
        "eff. number": f"{_signed(row['hill_q1'], 1)} [{_signed(row['hill_q1_low'], 0)}, "
        f"{_signed(row['hill_q1_high'], 0)}]",
        "direction": str(row["direction"]),
        "verdict": str(row["verdict"]),
    }


def _signed(value: float, digits: int) -> str:
    from concentra.report.markdown import number

    return number(value, digits, sign=True)


def _notes(found: Followed, frame: pd.DataFrame) -> list[str]:
    shift = found.firsts.iloc[0]
    low, high = (_signed(float(shift[f"gini_sampling_{end}"]), 3) for end in ("low", "high"))
    notes = [
        "Brackets: 95% over resampled heads, which shows how much single heads matter.",
        "Noise: the Gini coefficient that the noise of the evaluation alone would show.",
    ]
    if "a sample" in found.sampled:
        notes.append(f"Of the whole model's heads: Gini from first to last {low} to {high}, 95% of samples.")
    per_layer = frame.groupby("layer")["head"].agg(["nunique", "max"])
    if "unknown" in found.sampled and (per_layer["max"] + 1 > per_layer["nunique"]).any():
        notes.append(
            "The table holds only some heads of its layers: --model-heads N says of how many in all."
        )
    if shift["verdict"] == "withheld":
        size = "is unknown (no delta_se)" if shift["noise"] == "unknown" else "is large"
        notes.append(
            f"Verdict withheld: the noise of the evaluation {size}. Without noise it would be "
            f"'{shift['verdict_of_heads']}'."
        )
    return notes


def _draw(found: Followed, name: str, target: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from concentra.pl.head_trajectory import head_trajectory

    drawing = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(drawing)
    for ax, metric in zip(drawing.subplots(1, 2), ("gini", "hill_q1"), strict=True):
        head_trajectory(found.path, metric=metric, ax=ax)
    drawing.suptitle(f"{name}: {found.sampled}")
    save_figure(drawing, target)


for command, example in heads_sweep.COMMANDS:
    application.command(epilog=f"Example: {example}")(command)
