"""One call from files to an analysis: read once, measured once, every question asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.analysis.across import across
from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.drivers import drivers
from concentra.analysis.granularity import FINEST, compare_levels, contrast_levels
from concentra.analysis.levels import contrast_within, decompose_levels
from concentra.analysis.model import omnibus
from concentra.analysis.multiverse import multiverse
from concentra.analysis.plane import plane
from concentra.analysis.support import left_out_table, support
from concentra.analysis.trend import trend
from concentra.composition import Composition, levels_of, read
from concentra.composition.clusters import Clustering, cluster_cells
from concentra.design import Design, Question, Settings, resolve
from concentra.design.axis import parse_trend
from concentra.design.confounding import confounding
from concentra.design.question import contrast_columns, formula_columns, parse_contrast, refuse_repeated
from concentra.design.resolve import few_donors_notes
from concentra.errors import ArgumentError
from concentra.notes import Note
from concentra.printable import natural_order
from concentra.run.declared import check_all, is_measured
from concentra.run.options import Options, renamed
from concentra.run.result import Analysis

ANNOTATED_PARTS = "annotated"
SEX = ("sex", "Sex", "gender", "Gender")
HOW = {"n_variable": 2_000, "n_components": 50, "n_neighbors": 15, "n_seeds": 5}


def analyze(
    cells: Any,
    *,
    contrast: str | Question | Sequence[str | Question] = (),
    progress: Callable[[str], None] = lambda what: None,
    **options: Any,
) -> Analysis:
    """The concentration of every donor's composition, and how it differs between groups.

    Parameters
    ----------
    cells
        A path, a frame or an AnnData, of cells or of counts; or several. Or a `Composition`.
    contrast
        "COLUMN:REFERENCE:OTHER" as on the command line, a `concentra.design.Question`, or several.
    progress
        Called with a few words when a piece of work begins.
    **options
        Those of `concentra.run.Options`, named as on the command line: `donor`, `tissue`, `cell_type`, `sample`,
        `formula`, `trend`, `within`, `paired_by`, `min_cells`, .... `donors` and `levels` may be frames.

    Returns
    -------
    Analysis
        With ``.tables``, ``.notes``, ``.verdicts``, ``.report(path)`` and ``.write(folder)``.

    Raises
    ------
    ConcentraError
        With what was found, what was expected and a fix.

    Examples
    --------
    >>> from concentra.simulate import simulate_labels
    >>> found = analyze(simulate_labels(n_donors=3, n_cells=200).cells, donor="mouse.id", contrast="age:3m:24m",
    ...                 multiverse=False)
    >>> found.verdicts[["stratum", "direction"]].values.tolist()[0]
    ['crystallizes', 'more concentrated']
    """
    asked = [contrast] if isinstance(contrast, (str, Question)) else list(contrast)
    given = {"donors": options.pop("donors", None), "levels": options.pop("levels", None)}
    sources = list(cells) if isinstance(cells, (list, tuple)) else [cells]
    beside: dict[str, Any] = {
        name: value if value is None or isinstance(value, str) else _described(value)
        for name, value in given.items()
    }
    chosen = Options(
        cells=tuple(map(_described, sources)),
        contrast=tuple(one if isinstance(one, str) else one.name for one in asked),
        **_tuples(options),
        **beside,
    )
    return run(chosen, sources, asked, donors=given["donors"], levels=given["levels"], progress=progress)


def run(
    options: Options,
    sources: Sequence[Any] | None = None,
    asked: Sequence[str | Question] | None = None,
    *,
    donors: Any = None,
    levels: Any = None,
    progress: Callable[[str], None] = lambda what: None,
) -> Analysis:
    """The analysis that options ask for; data in memory is passed beside them.

    Parameters
    ----------
    options
        As the command line or `analyze` makes them.
    sources, asked, donors, levels
        Data and questions in memory; None: those that the options name.
    progress
        As for `analyze`.

    Examples
    --------
    See `analyze`.
    """
    data = list(options.cells) if sources is None else list(sources)
    questions: list[str | Question] = list(options.contrast) if asked is None else list(asked)
    composition = _composition(
        options, data, questions, options.donors if donors is None else donors, progress
    )
    hierarchy = options.levels if levels is None else levels
    if hierarchy is not None:
        composition = composition.with_levels(levels_of(hierarchy))
    _refuse_roles(questions, composition)
    settings = options.settings()
    progress("measuring")
    units = concentration(composition, settings)
    designs = [
        resolve(composition, question, settings) for question in _questions(options, questions, composition)
    ]
    tables = {
        "composition": composition.table(),
        "parts": composition.parts_table(),
        "concentration": units,
        "left_out": left_out_table(composition, designs),
    }
    found: dict[str, list[pd.DataFrame]] = {}
    for design in designs:
        for name, frame in _tables(design, units, options, progress):
            found.setdefault(name, []).append(frame)
    if options.resolutions:
        tables |= _clustered(options, data, composition, designs, found, progress)
    tables |= {name: _stacked(name, frames) for name, frames in found.items()}
    check_all(tables)
    of_designs = [note for one in designs for note in (*one.notes, *few_donors_notes(one))]
    notes = [*_simulated(data), *composition.notes, *of_designs]
    if not designs:
        how = "--contrast COLUMN:REFERENCE:OTHER, --formula or --trend asks how concentration changes"
        notes.append(Note("limits", f"nothing was compared: {how}"))
    return Analysis(options, composition, tuple(designs), tables, tuple(dict.fromkeys(notes)))


def _composition(
    options: Options,
    data: list[Any],
    questions: list[str | Question],
    donors: Any,
    progress: Callable[[str], None],
) -> Composition:
    if len(data) == 1 and isinstance(data[0], Composition):
        return data[0]
    if options.resolutions:
        _refuse_clustering(options, data)

    def needed(known: Any) -> list[str]:
        names: list[str] = []
        for one in questions:
            names += contrast_columns(one, list(known)) if isinstance(one, str) else one.columns()
        others = [
            options.trend and parse_trend(options.trend, list(known))[0],
            options.within,
            *formula_columns(options.formula),
        ]
        return [*names, *(name for name in others if name is not None)]

    def splitting() -> list[str]:
        if options.paired_by is None:
            return []
        return [one.split(":")[0] if isinstance(one, str) else one.column for one in questions]

    return read(
        data[0] if len(data) == 1 else data,
        donor=options.donor,
        tissue=options.tissue,
        cell_type=options.cell_type,
        sample=options.sample,
        amount=options.amount,
        wide=options.wide,
        shares=options.shares,
        parts=options.parts,
        about=options.about,
        blanks=options.blanks,  # type: ignore[arg-type]
        shared_donors=options.shared_donors,  # type: ignore[arg-type]
        donors=donors,
        missing=options.missing,
        allow_missing=options.allow_missing,
        needed=needed,
        splitting=splitting(),
        progress=progress,
    )


def _refuse_roles(questions: Sequence[str | Question], composition: Composition) -> None:
    """Raise where groups are values of the column of tissues or of cell types, of which a donor has several."""
    for role, option in (("stratum", "tissue"), ("part", "cell-type")):
        column = composition.roles.get(role)
        if column is None or column in composition.labels:
            continue
        for one in questions:
            if one.column == column if isinstance(one, Question) else one.startswith(f"{column}:"):
                raise ArgumentError(
                    found=f"column {column!r} both as what is compared and as the --{option}",
                    expected="groups of donors: a column with one value for each donor or sample",
                    fix=f"name another column in --contrast, or another --{option}",
                )


def _questions(options: Options, asked: Sequence[str | Question], composition: Composition) -> list[Question]:
    more: dict[str, Any] = {
        "formula": options.formula,
        "within": options.within,
        "paired_by": options.paired_by,
        "accept_confounding": options.accept_confounding,
    }
    found = []
    values = {name: natural_order(composition.label(name).unique()) for name in _columns(composition)}
    for one in asked:
        if isinstance(one, Question):
            found.append(replace(one, **{k: v for k, v in more.items() if v and not getattr(one, k)}))
        else:
            found.append(parse_contrast(one, values, **more))
    if options.trend is not None:
        along, order = parse_trend(options.trend, _columns(composition))
        found.append(Question(trend=along, order=order, **(more | {"paired_by": None})))
    if options.formula is not None and not found:
        found.append(Question(**(more | {"paired_by": None, "within": None})))
    refuse_repeated(found)
    return found


def _columns(composition: Composition) -> list[str]:
    """Every name under which units can be compared."""
    roles = [column for role, column in composition.roles.items() if role != "part"]
    return [*(name.removesuffix(" (label)") for name in composition.labels), *roles]


def _tables(design: Design, units: pd.DataFrame, options: Options, progress: Callable[[str], None]) -> Any:
    """The tables of one question, each with a column `contrast`."""
    name = design.name
    yield "design", support(design)
    yield "confounding", confounding(design).assign(contrast=name)
    progress(f"{name}: model and exact tests")
    yield "contrast", contrast(design, units)
    if len(design.question.others) > 1:
        yield "omnibus", omnibus(design, units)
    if design.axis is not None:
        yield "trend", trend(design, units)
    if len(design.composition.parts.columns):
        progress(f"{name}: levels")
        yield from _of_levels(design)
    if not design.question.column:
        return
    yield "across", across(design, units)
    progress(f"{name}: drivers")
    yield "drivers", drivers(design)
    repeated = any(stratum.repeated for stratum in design.strata)
    if design.question.paired_by or repeated or not design.question.two_groups:
        return
    if not design.question.within:
        progress(f"{name}: plane")
        yield from zip(("plane", "plane_points"), plane(design), strict=True)
    if options.multiverse and not design.composition.of_shares:
        progress(f"{name}: multiverse")
        sex = design.question.within or next((one for one in SEX if one in design.composition.labels), None)
        yield from zip(("multiverse", "agreement"), multiverse(design, restricted_by=sex), strict=True)


def _stacked(name: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """What every question gave, one below the other; measurements, the same for every question, once."""
    rows = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return rows.drop_duplicates(ignore_index=True) if is_measured(name) else rows


def _of_levels(design: Design) -> Any:
    """The same question at every level of the hierarchy, within each coarser part, and what each level contributes."""
    coarser = [str(level) for level in design.composition.parts.columns]
    levels = {FINEST: design.composition} | {level: design.composition.at_level(level) for level in coarser}
    granular, measured = contrast_levels(levels, design.question, design.settings)
    yield "granularity", granular
    yield "granularity_concentration", measured
    first = granular["level"] == FINEST
    yield "scales", compare_levels(granular[first], granular[~first])
    found, terms = decompose_levels(design)
    yield "levels", found
    yield "level_terms", terms
    yield "nested", contrast_within(design)


def _clustered(
    options: Options, data: list[Any], composition: Composition, designs: list[Design],
    found: dict[str, list[pd.DataFrame]], progress: Callable[[str], None],
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Tables over clusters: of strata with donors in both groups of a question, or of all that were measured."""
    how = Clustering(**HOW, seed=options.seed, features="given" if options.features == "given" else "genes")
    both = {
        stratum.name
        for design in designs
        for stratum in design.strata
        if all(len(stratum.of_group(group)) for group in design.question.groups)
    }
    strata = sorted(both) if designs else composition.strata
    progress("clustering")
    clusters, stability, fine = cluster_cells(Path(data[0]), composition, options.resolutions, how, strata)
    settings: Settings = options.settings()
    measured = [concentration(one, settings).assign(level=name) for name, one in fine.items()]
    found.setdefault("granularity_concentration", []).extend(measured)
    for design in designs:
        progress(f"{design.name}: granularity")
        question = replace(design.question, accept_confounding=tuple(composition.labels))
        granular = contrast_levels(fine, question, settings)[0]
        types = next(f for f in found["contrast"] if f["contrast"].iloc[0] == design.terms[0].name)
        annotated = types[types["stratum"].isin(strata)].assign(level=ANNOTATED_PARTS)
        sizes = {stratum: len(composition.of_stratum(stratum)[1]) for stratum in composition.strata}
        annotated["n_parts"] = annotated["stratum"].map(sizes)
        found.setdefault("granularity", []).append(pd.concat([annotated[granular.columns], granular]))
        found.setdefault("scales", []).append(compare_levels(types, granular))
    return {"clusters": clusters, "stability": stability}


def _refuse_clustering(options: Options, data: list[Any]) -> None:
    """Raise where there is nothing to cluster, or nothing to cluster with, before anything long begins."""
    from concentra.clustering._needed import require_packages
    from concentra.io.expression import MATRICES, has_matrix

    asked = f"--resolutions {','.join(f'{one:g}' for one in options.resolutions)}"
    if len(data) > 1:
        raise ArgumentError(
            found=f"{asked} of {len(data)} files",
            expected="one file, because all donors of a tissue are clustered together",
            fix="join them: anndata.concat([...]).write_h5ad(...); or leave out --resolutions",
        )
    path = str(data[0])
    if (
        options.wide
        or options.amount is not None
        or not path.lower().endswith(MATRICES)
        or not has_matrix(path)
    ):
        raise ArgumentError(
            found=f"{asked}, and no expression in {path[:200]!r}",
            expected="cells with a matrix: .h5ad or .zarr with X",
            fix="name the file that holds the expression; or leave out --resolutions",
        )
    require_packages()


def _simulated(data: Sequence[Any]) -> list[Note]:
    """A note for each file that `concentra simulate` wrote, whatever it is called."""
    from concentra.simulate import is_simulated

    return [Note("limits", f"{Path(one).name} is simulated: no finding") for one in data
            if isinstance(one, (str, Path)) and is_simulated(one)]  # fmt: skip


def _described(source: Any) -> str:
    if isinstance(source, (str, Path)):
        return str(source)
    shape = getattr(source, "shape", None)
    return f"{type(source).__name__}" + (f" of {shape[0]} rows" if shape else "")


def _tuples(options: dict[str, Any]) -> dict[str, Any]:
    """Single values of options that take several, as tuples."""
    made = renamed(options)
    for name in ("missing", "accept_confounding", "resolutions", "parts", "about"):
        if name in made:
            value = made[name]
            made[name] = (value,) if isinstance(value, (str, float, int)) else tuple(value)
    known = set(Options.__dataclass_fields__)
    for name in made:
        if name not in known:
            from concentra.errors import nearest

            raise ArgumentError(
                found=f"the argument {name!r}",
                expected="the options of concentra.analyze",
                fix=nearest(name, known),
            )
    return made
