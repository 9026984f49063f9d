"""The report: one HTML file that says what holds, what does not, and with what confidence; everything else below."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from concentra import __version__
from concentra.report import html
from concentra.stats.verdict import DIRECTIONS, NOT_TESTABLE, VERDICTS
from concentra.study import claims, declare
from concentra.study.claims import Judgement
from concentra.study.declare import document
from concentra.study.documents import _heads, _plane, _rows, _tissues
from concentra.study.results import Results
from concentra.tables import Column

if TYPE_CHECKING:
    from markupsafe import Markup

CLAIMS = Path(claims.__file__).with_name("claims.toml")
KINDS: dict[str, str] = {
    "reproduced": "good",
    "close": "good",
    "differs": "poor",
    "not yet computed": "none",
    "data absent": "none",
    **dict(zip(map(str, VERDICTS), ("good", "good", "good", "fair", "good", "fair", "none"), strict=True)),
    "withheld": "fair",
    "complete": "poor",
    "partial": "fair",
    "raw data": "good",
    "archived tables": "fair",
    "absent": "poor",
    "altered": "poor",
}
ROWS = 40  # rows of a table that are shown; the file holds all


@document("report.html", sources=(CLAIMS, *html.SOURCES))
def report(results: Results) -> dict[str, str]:
    """The interactive report"""
    judgements = claims.judge(results.out)
    data = {"plane": _plane.spec(results), "tissue": _tissues.pages(results), "model": _heads.pages(results)}
    page = html.page(
        title="Concentration of cell types with age and of attention heads with training",
        lead=lead(judgements),
        cards=cards(results, judgements),
        sections=sections(results, judgements, data),
        data={name: one for name, one in data.items() if one},
        foot=f"Written by concentra {__version__}. This file loads nothing and sends nothing.",
    )
    return {"report.html": page}


def count(judgements: Sequence[Judgement], *verdicts: str) -> int:
    """How many published statements have one of these verdicts."""
    return sum(one.published and one.verdict in verdicts for one in judgements)


def lead(judgements: Sequence[Judgement]) -> str:
    """The first sentence: how many statements hold."""
    holds, differs = count(judgements, "reproduced", "close"), count(judgements, "differs")
    stated = sum(one.published for one in judgements)
    rest = stated - holds - differs
    return (
        f"Of {stated} published statements, {holds} are reproduced or close, {differs} differ, and {rest} "
        "cannot be judged here because their data is absent or not yet computed. That a number is reproduced does not "
        "mean that it is established: the third column of the table shows how far it is."
    )


def cards(results: Results, judgements: Sequence[Judgement]) -> list[html.Card]:
    """The answers of the first screen."""
    made = [
        html.Card(
            f"Holds: {count(judgements, 'reproduced', 'close')} of {sum(one.published for one in judgements)}",
            _names(judgements, "reproduced", "close"),
            "good",
        ),
        html.Card(f"Does not hold: {count(judgements, 'differs')}", _names(judgements, "differs"), "poor"),
    ]
    made += _established(results)
    absent = count(judgements, "data absent", "not yet computed")
    made.append(
        html.Card(f"Not judged: {absent}", _names(judgements, "data absent", "not yet computed"), "none")
    )
    return made


def _names(judgements: Sequence[Judgement], *verdicts: str) -> str:
    return (
        "; ".join(one.statement for one in judgements if one.published and one.verdict in verdicts)
        or "nothing"
    )


def _established(results: Results) -> list[html.Card]:
    """How many tissues and models show an established shift."""
    arrows = results.rows("overlay")
    if arrows.empty:
        return []
    arrows = arrows[~arrows["cohort"].isin(results.simulated) & (arrows["verdict"] != NOT_TESTABLE)]
    established = arrows[arrows["verdict"].isin(DIRECTIONS)]
    names = [
        f"{_rows.place(row['cohort'], row['stratum'])} {row['verdict']}" for _, row in established.iterrows()
    ]
    return [
        html.Card(
            f"Established: {len(established)} of {len(arrows)} shifts",
            "; ".join(names)
            or "no tissue with two donors or more a group and no model shows a shift that its "
            "donors or heads establish",
            "good" if names else "fair",
        )
    ]


def sections(
    results: Results, judgements: Sequence[Judgement], data: Mapping[str, object]
) -> list[html.Section]:
    """All parts of the page, in order; a part without results is marked as absent."""
    return [
        html.Section("verdicts", "Verdicts", _verdicts(judgements)),
        html.Section("plane", "The plane", _chart(data["plane"], "plane", _plane.TITLE, _plane.NOTE)),
        html.Section("tissues", "Tissues", _chooser(data["tissue"], "tissue", "Tissue", _tissues.NOTE)),
        html.Section("models", "Models", _chooser(data["model"], "model", "Model", _heads.NOTE)),
        html.Section("design", "Design", _design(results)),
        html.Section("figures", "Figures", _figures(results)),
        html.Section("provenance", "Provenance", _provenance(results)),
        html.Section("tables", "All tables", _all_tables(results)),
    ]


def _verdicts(judgements: Sequence[Judgement]) -> tuple[Markup, ...]:
    rows = [
        {
            "statement": one.statement,
            "verdict": one.verdict,
            "confidence": _parts(one.robustness) if one.robustness else [one.note or "–"],
            "published → here": [
                f"{part.name}: {part.published} → {part.here}".removeprefix(": ")
                for part in _rows.parts_of(one)
            ],
            "note": one.note if one.robustness and one.note else "–",
        }
        for one in judgements
    ]
    caption = (
        "Every published number and direction. Reproduced: equal at the stated rounding; close: same sign and within "
        "5 per cent; the verdict is that of the worst part."
    )
    return (html.table(rows, caption, badges={"verdict": KINDS}, stacks=True),)


def _parts(text: str) -> list[str]:
    return text.split("; ") if text else ["–"]


def _chart(spec: object, key: str, title: str, note: str) -> tuple[Markup, ...]:
    return (html.chart(key, title, note),) if spec else (html.paragraph(f"{title}: absent in this run."),)


def _chooser(pages: object, key: str, title: str, note: str) -> tuple[Markup, ...]:
    return (html.chooser(key, title, note),) if pages else (html.paragraph(f"{title}: none in this run."),)


def _design(results: Results) -> tuple[Markup, ...]:
    source = _rows.Source(results, ())
    blocks = [
        html.paragraph(
            "The unit is the donor: cells of one mouse are not independent. Where the two ages share no sex, age "
            "and sex cannot be distinguished. The least p is what these numbers of donors allow at best."
        )
    ]
    if "confounding" in results.names:
        blocks.append(
            html.table(
                _rows.confounding(source),
                "Donors, sexes and the least p, in tissues with donors in both groups.",
                badges={"age with sex": KINDS},
            )
        )
    if "left_out" in results.names:
        blocks.append(html.table(_rows.cells_left_out(source), "Cells that belong to no unit, and why."))
    if "design" in results.names:
        blocks.append(
            html.folded("Donors and cells of every tissue, age and sex", _whole(results, "design", 400))
        )
    return tuple(blocks)


def _figures(results: Results) -> tuple[Markup, ...]:
    if not results.pictures:
        return (html.paragraph("This run has drawn no figures."),)
    return tuple(
        html.folded(
            f"Figure {one.label}: {one.title}",
            html.picture(
                smaller(one.png.read_bytes()),
                f"Figure {one.label}. {one.caption}",
                one.alternative,
                f"figure-{one.label}",
            ),
        )
        for one in results.pictures.values()
    )


def smaller(png: bytes) -> bytes:
    """A picture with at most 128 colours: the same to the eye, a third of the bytes."""
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    written = io.BytesIO()
    few.save(written, "png")
    return written.getvalue()


def _provenance(results: Results) -> tuple[Markup, ...]:
    sources = results.rows("sources")
    rows = [
        {
            "cohort": row["title"],
            "numbers from": row["status"],
            "files": row["files"] if isinstance(row["files"], str) else "–",
            "source": row["citation"],
            "licence": row["licence"],
            "how to get it": row["obtain"],
        }
        for _, row in sources.iterrows()
    ]
    notes = results.provenance
    steps = [
        {
            "step": name,
            "asks": note["title"],
            "parameters": ", ".join(f"{key} = {value}" for key, value in note["parameters"].items()) or "–",
            "input (SHA-256)": ", ".join(f"{file} {digest[:12]}" for file, digest in note["inputs"].items())
            or "–",
        }
        for name, note in notes.items()
    ]
    versions = next(iter(notes.values()))["packages"] if notes else {}
    return (
        html.table(rows, "Where the numbers of this run come from.", badges={"numbers from": KINDS}),
        html.folded("Steps, parameters and inputs", html.table(steps, "What each step was made from.")),
        html.paragraph(
            f"concentra {__version__}; "
            + ", ".join(f"{name} {version}" for name, version in versions.items())
        ),
    )


def _all_tables(results: Results) -> tuple[Markup, ...]:
    return tuple(
        html.folded(
            f"{name}: {(declare.tables()[name].__doc__ or '').splitlines()[0]}",
            html.listing(
                [
                    f"{column}: {about.description or ''}{_unit(about)}"
                    for column, about in declare.tables()[name].columns().items()
                ]
            ),
            _whole(results, name, ROWS),
        )
        for name in results.names
    )


def _unit(about: Column) -> str:
    return f" ({about.unit})" if about.unit else ""


def _whole(results: Results, name: str, limit: int) -> Markup:
    frame = results.rows(name)
    shown = frame.head(limit).astype(object)
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in shown.to_dict("records")]
    more = f"{limit} of {len(frame):,} rows; all are in tables/{name}.csv." if len(frame) > limit else ""
    return html.table(rows, f"{name}, {len(frame):,} rows", more=more)


def _plain(value: object) -> object:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return "–" if value is None else value
