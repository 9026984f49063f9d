"""`concentra analyze`: anyone's cohort, from labelled cells to tables, figures and a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concentra.cli._options import About, Amount, CellType, Donor, Json, Parts, Tissue, Wide, print_json
from concentra.cli._terminal import columns
from concentra.errors import ArgumentError
from concentra.printable import printable
from concentra.progress import Stages

if TYPE_CHECKING:
    import pandas as pd

    from concentra.run import Analysis, Options

ERASE = "\r\x1b[K"
"""Back to the beginning of a line of the terminal, and nothing on it."""
EXAMPLE = (
    "Example: concentra analyze cells.h5ad --donor mouse.id --tissue tissue --cell-type cell_ontology_class "
    "--contrast age:3m:24m --out analysis"
)
OUT = Path("analysis")


def analyze(
    context: typer.Context,
    cells: Annotated[
        list[str] | None,
        typer.Argument(
            help="Cells or counts: .h5ad, .zarr, .csv, .tsv, .xlsx, .parquet; several are one data set.",
            show_default=False,
        ),
    ] = None,
    donor: Donor = None,
    tissue: Tissue = None,
    cell_type: CellType = None,
    sample: Annotated[
        str | None, typer.Option(help="Column of a donor's samples (visits, biopsies); guessed.")
    ] = None,
    donors: Annotated[
        str | None, typer.Option(help="A sheet with more labels of the donors or samples.")
    ] = None,
    contrast: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN:REFERENCE:OTHER[:OTHER], values of a group joined by +; may be given again."
        ),
    ] = None,
    formula: Annotated[
        str | None, typer.Option(help="Covariates, '~ age + sex'; without --contrast each is a question.")
    ] = None,
    trend: Annotated[
        str | None,
        typer.Option(
            help="Column of numbers, of ages such as 3m, or COLUMN:FIRST:SECOND[:THIRD], labels in their order."
        ),
    ] = None,
    within: Annotated[
        str | None, typer.Option(help="Compare donors within this column (sex, batch).")
    ] = None,
    paired_by: Annotated[
        str | None, typer.Option(help="Compare the samples of each value of this column (donor).")
    ] = None,
    accept_confounding: Annotated[
        list[str] | None, typer.Option(help="Accept that groups differ completely in this column.")
    ] = None,
    despite: Annotated[list[str] | None, typer.Option(hidden=True)] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="A label that stands for a missing value, such as unknown.")
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Leave out cells without donor, tissue or type, however many."),
    ] = False,
    amount: Amount = None,
    wide: Wide = False,
    shares: Annotated[
        bool, typer.Option("--shares", help="Amounts are shares or percentages without numbers of cells.")
    ] = False,
    parts: Parts = None,
    about: About = None,
    blanks: Annotated[str, typer.Option(help="With --wide: 'refuse' blanks, or 'zero'.")] = "refuse",
    shared_donors: Annotated[
        str, typer.Option(help="A donor name in several data sets: 'refuse', 'apart' or 'same'.")
    ] = "refuse",
    levels: Annotated[
        str | None, typer.Option(help="A file of coarser cell types: the finest first, one column a level.")
    ] = None,
    min_cells: Annotated[int, typer.Option(help="Fewest cells of a sample in a tissue.")] = 50,
    depth: Annotated[int | None, typer.Option(help="Common number of cells of rarefied values.")] = None,
    alpha: Annotated[float, typer.Option(help="Level of tests and of the false discovery rate.")] = 0.05,
    level: Annotated[float, typer.Option(help="Coverage of intervals.")] = 0.95,
    margin_ratio: Annotated[
        float,
        typer.Option(help="A ratio of effective numbers nearer to 1 than this is no change that matters."),
    ] = 0.9,
    margin_gini: Annotated[
        float, typer.Option(help="A difference of Gini coefficients below this is no change that matters.")
    ] = 0.04,
    draws: Annotated[int, typer.Option(help="Bootstrap draws.")] = 2_000,
    multiverse: Annotated[bool, typer.Option(help="Cross every defensible choice.")] = True,
    resolutions: Annotated[
        str | None,
        typer.Option(
            help="Leiden resolutions such as 0.4,0.8,1.2: clusters of all donors of a tissue as cell types."
        ),
    ] = None,
    features: Annotated[
        str, typer.Option(help="The matrix of --resolutions: 'genes', or 'given' (scores, components).")
    ] = "genes",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    run: Annotated[
        Path | None, typer.Option(help="Repeat the run of this file of options.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Output folder; default {OUT}, or that of --run.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Print every number of the verdicts.")] = False,
    json: Json = False,
) -> None:
    """Concentration of every donor, and how groups of donors differ. Writes tables, figures and a report."""
    from concentra.run.options import Options, parse_resolutions, read_options, renamed

    if despite:
        renamed({"despite": despite}, "--")
    if run is not None:
        others = _named(context)
        if others:
            raise ArgumentError(
                found=f"--run {run} and {', '.join(others)}",
                expected="--run alone, or with --out",
                fix="edit a copy of the file, or leave out --run",
            )
        options, folder = read_options(run), out or run.parent
    else:
        options = Options(
            cells=tuple(cells or ()), donor=donor, tissue=tissue, cell_type=cell_type, sample=sample, amount=amount,
            wide=wide, shares=shares, parts=tuple(parts.split(",")) if parts else (), about=tuple(about or ()),
            blanks=blanks, shared_donors=shared_donors, donors=donors,
            contrast=tuple(contrast or ()), formula=formula, trend=trend,
            within=within, paired_by=paired_by, accept_confounding=(*(accept_confounding or ()), *(despite or ())),
            missing=tuple(missing or ()), allow_missing=allow_missing, levels=levels, min_cells=min_cells, depth=depth,
            alpha=alpha, level=level, margin_ratio=margin_ratio, margin_gini=margin_gini, draws=draws,
            multiverse=multiverse, resolutions=parse_resolutions(resolutions), features=features, seed=seed,
        )  # fmt: skip
        folder = out or OUT
    found, written = run_analysis(options, folder)
    if json:
        print_json(
            {
                "verdicts": found.verdicts.to_dict("records"),
                "notes": [str(note) for note in found.notes],
                "written": [str(path) for path in written],
            }
        )
    else:
        _show(found, written, long)


def run_analysis(options: Options, out: Path) -> tuple[Analysis, list[Path]]:
    """Read, analyse, and only then write; the analysis and the paths."""
    from concentra.run import run
    from concentra.run.write import refuse_unwritable, write_all

    refuse_unwritable(out)
    stages = Stages(_tell)
    with stages.shown(), _erased():
        found = run(options, progress=stages)
        stages("figures and report")
        return found, write_all(found, out)


def _named(context: typer.Context) -> list[str]:
    """The options on the command line that a file of options holds."""
    return [
        f"--{name.replace('_', '-')}" if name != "cells" else "files of cells"
        for name in context.params
        if name not in ("run", "out", "json", "long")
        and getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]


def _tell(what: str) -> None:
    """The present stage in the last line of the terminal; a long name is cut, how far it is stays."""
    if sys.stderr.isatty():
        print(
            f"{ERASE}  {_cut(printable(what), columns(sys.stderr) - 4)}", end="", file=sys.stderr, flush=True
        )


def _cut(text: str, width: int) -> str:
    """The text, without its middle where it is longer than `width`.

    >>> _cut("age: young to old: drivers, 3 of 40, 9 s left", 25)
    'age: young t…40, 9 s left'
    """
    return text if len(text) <= width else f"{text[: width // 2]}…{text[width // 2 + 1 - width :]}"


@contextmanager
def _erased() -> Iterator[None]:
    """The line of the present stage is gone before an answer, or an error, is printed."""
    try:
        yield
    finally:
        if sys.stderr.isatty():
            print(ERASE, end="", file=sys.stderr, flush=True)


def _show(found: Analysis, written: list[Path], long: bool) -> None:
    """The answer, a line a tissue, notes, and where the report is; never wider than the terminal."""
    from concentra.cli import _terminal as terminal
    from concentra.report import sentences
    from concentra.report.sections.several_groups import differ_at_all

    contrast = found.tables.get("contrast")
    if contrast is not None and len(contrast):
        types = sentences.types_counted(found.tables)
        for words in sentences.named_answers(contrast, level=found.options.level, types=types):
            terminal.say(words)
        if (several := found.tables.get("omnibus")) is not None:
            for words in differ_at_all(several, found.options.alpha):
                terminal.say(words)
        for name, lines in terminal.verdict_lines(contrast).items():
            print()
            terminal.say(name)
            terminal.print_lines(lines)
        if long:
            for row in sentences.records(found.verdicts.drop(columns="reason").round(4)):
                print()
                terminal.print_block([("tissue", row.pop("stratum")), *row.items()])
        print()
    else:
        terminal.print_rows(_measured(found.tables["concentration"]))
        print()
    terminal.say(found.composition.account)
    for note in found.notes:
        terminal.say(f"{note.kind}: {note}")
    print()
    terminal.print_open(written[0])


def _measured(units: pd.DataFrame) -> list[dict[str, str]]:
    """Where nothing was compared: how concentrated each tissue is, the median over its samples with enough cells."""
    from concentra.pl._style import readable

    rows = []
    for name, own in units[units["included"]].groupby("stratum", sort=True):
        middle = own[["hill_q1", "gini_stratum"]].median()
        rows.append(
            {
                "tissue": readable(name),
                "samples": f"{len(own):,}",
                "median effective number": f"{middle['hill_q1']:.2f}",
                "median Gini": f"{middle['gini_stratum']:.3f}",
            }
        )
    return rows


COMMANDS = (analyze,)
