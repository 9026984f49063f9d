"""`concentra analyze`: anyone's cohort, from labelled cells to tables, figures and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concentra.cli._options import Json, print_json, print_table
from concentra.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

    from concentra.cli._cohort_options import Options

EXAMPLE = (
    "Example: concentra analyze cells.h5ad --donor mouse.id --stratum tissue --part cell_ontology_class "
    "--contrast age:3m:24m --out analysis"
)
OUT = Path("analysis")
METHOD = (
    "The unit is the donor within a stratum. Shift: difference of the medians over donors, later minus "
    "earlier group; within a covariate the weighted mean of such differences; for pairs the median "
    "difference. Gini coefficient over the parts present; effective number: exponential of the Shannon "
    "entropy. Intervals: donors are resampled, then the cells of each, centred on the shift corrected for "
    "depth, scaled to the unbiased standard error. Tests are exact and two-sided (Mann-Whitney; van Elteren "
    "within a covariate; signed rank for pairs), adjusted over strata (Benjamini-Hochberg); the smallest p "
    "that the numbers of donors allow stands beside each. Cells are never the unit."
)


def analyze(
    context: typer.Context,
    cells: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Cells: .h5ad, .zarr, .csv, .tsv, .parquet; several are one cohort.", show_default=False
        ),
    ] = None,
    donor: Annotated[str | None, typer.Option(help="Column of donors; guessed if left out.")] = None,
    stratum: Annotated[
        str | None, typer.Option(help="Column of strata (tissue); guessed; 'none': all cells are one.")
    ] = None,
    part: Annotated[str | None, typer.Option(help="Column of parts (cell type); guessed.")] = None,
    contrast: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN:EARLY:LATE, values of a side joined by +; may be given again."),
    ] = None,
    trend: Annotated[str | None, typer.Option(help="Column of numbers, or of ages such as 3m.")] = None,
    within: Annotated[
        str | None, typer.Option(help="Compare donors within this column (sex, batch).")
    ] = None,
    paired_by: Annotated[
        str | None, typer.Option(help="Compare both sides of each value of this column (donor).")
    ] = None,
    despite: Annotated[
        list[str] | None, typer.Option(help="Accept that groups differ completely in this column.")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="A label that means there is none, such as unknown.")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="Each row is a count: its column.")] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Each row is a donor, each part a column of counts.")
    ] = False,
    min_cells: Annotated[int, typer.Option(help="Fewest cells of a donor in a stratum.")] = 50,
    depth: Annotated[int | None, typer.Option(help="Common number of cells of rarefied values.")] = None,
    alpha: Annotated[float, typer.Option(help="Level of tests and of the false discovery rate.")] = 0.05,
    level: Annotated[float, typer.Option(help="Of intervals.")] = 0.95,
    draws: Annotated[int, typer.Option(help="Bootstrap draws.")] = 2_000,
    multiverse: Annotated[bool, typer.Option(help="Cross every defensible choice.")] = True,
    resolutions: Annotated[
        str | None,
        typer.Option(
            help="Leiden resolutions such as 0.4,0.8,1.2: clusters of all donors of a stratum as parts."
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
    json: Json = False,
) -> None:
    """Concentration of every donor's composition, how it differs between groups, and how sure one can be."""
    from concentra.cli._cohort_options import Options, parse_resolutions, read_options

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
        options, folder = (
            Options(
                cells=tuple(map(str, cells or ())), donor=donor, stratum=stratum, part=part, amount=amount, wide=wide,
                contrast=tuple(contrast or ()), trend=trend, within=within, paired_by=paired_by,
                despite=tuple(despite or ()), missing=tuple(missing or ()), min_cells=min_cells, depth=depth,
                alpha=alpha, level=level, draws=draws,
                multiverse=multiverse, resolutions=parse_resolutions(resolutions), features=features, seed=seed,
            ),
            out or OUT,
        )  # fmt: skip
    tables, said, written = run_analysis(options, folder)
    if json:
        from concentra.report.analysis import verdict_rows

        print_json(
            {"verdicts": verdict_rows(tables), "said": said, "written": [str(path) for path in written]}
        )
    else:
        _show(tables, said, written)


def run_analysis(options: Options, out: Path) -> tuple[dict[str, pd.DataFrame], list[str], list[Path]]:
    """Read, analyse, draw and only then write; the tables, what was said, and the paths."""
    from concentra import __version__
    from concentra.analysis.cohort import analyse
    from concentra.cli._cohort_figures import pictures
    from concentra.cli._cohort_input import read_cohort
    from concentra.cli._cohort_output import refuse_unwritable, write_all
    from concentra.report import analysis as report

    refuse_unwritable(out)
    asked = read_cohort(options, _tell)
    found = analyse(asked.counted, asked.plan, scales=asked.scales, tell=_tell)
    said = [*asked.said, *found.said]
    if not (asked.plan.comparisons or asked.plan.trend):
        said.append(_what_could_be_asked())
    _tell("figures and report")
    drawn = pictures(found.tables, options.trend)
    title = f"Concentration of {', '.join(Path(name).name for name in options.cells[:3])}"
    if len(options.cells) > 3:
        title += f" and {len(options.cells) - 3} more"
    summary = report.summary(title, found.tables, said, drawn, METHOD)
    page = report.page(title, found.tables, said, drawn, METHOD, __version__)
    written = write_all(out, options, asked.counted, found.tables, drawn, summary, page)
    return found.tables, said, written


def _named(context: typer.Context) -> list[str]:
    """The options on the command line that a file of options holds."""
    return [
        f"--{name.replace('_', '-')}" if name != "cells" else "files of cells"
        for name in context.params
        if name not in ("run", "out", "json")
        and getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]


def _what_could_be_asked() -> str:
    return (
        "nothing was compared: --contrast COLUMN:EARLY:LATE or --trend COLUMN asks how concentration changes"
    )


def _printable(text: str) -> str:
    """Text without what could steer a terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(
            f"\r\x1b[K  {_printable(what)[:100]}",
            end="",
            file=sys.stderr,
        )


def _show(tables: dict[str, pd.DataFrame], said: list[str], written: list[Path]) -> None:
    from concentra.report import analysis as report

    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    for sentence in said:
        print(_printable(sentence))
    rows = report.verdict_rows(tables)
    rest = report.not_compared(rows)
    for name, shown in report.by_contrast(rows).items():
        print_table(shown, title=_printable(name))
        if name in rest:
            print(rest[name])
    for name, shown in report.scale_rows(tables).items():
        print_table(
            shown, title=f"{report.GRANULARITY}: {_printable(name)} (*: beyond chance after adjustment)"
        )
    if trend := report.trend_rows(tables):
        print_table(trend, title=f"Trend along {_printable(tables['trend']['along'].iloc[0])}")
    print()
    for path in written:
        print(path)


COMMANDS = (analyze,)
