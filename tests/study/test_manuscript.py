"""The manuscript as a reader meets it: order of figures and tables, numbers that agree, complete references."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from concentra.study import numbers
from concentra.study.declare import tables
from concentra.study.documents import _paper, _tables

TEXT, REFERENCES, DECLARED = _paper.paper_files()
SHARE = re.compile(r"(?<![\d.,])(\d[\d,]*) of (?:the )?(\d[\d,]*)(?!\.?\d)")
LABEL = re.compile(r'label\("(\w+)"\)|Figures? (S?\d+)(?: to (S?\d+))?')


def impossible_shares(text: str) -> list[str]:
    """Every "a of b" in a text with a > b."""
    found = SHARE.finditer(text)
    return [one[0] for one in found if int(one[1].replace(",", "")) > int(one[2].replace(",", ""))]


def first_mentions(text: str, kind: str) -> list[str]:
    """Labels of figures ("Figure") or keys of tables in the order in which a text mentions them first."""
    found: list[str] = []
    for table, first, last in LABEL.findall(text):
        if table and kind == "table":
            found.append(table)
        if first and kind == "figure":
            found += span(first, last) if last else [first]
    return list(dict.fromkeys(found))


def span(first: str, last: str) -> list[str]:
    """Labels from one to another.

    >>> span("S5", "S7")
    ['S5', 'S6', 'S7']
    """
    letter = "S" * first.startswith("S")
    return [f"{letter}{place}" for place in range(int(first.lstrip("S")), int(last.lstrip("S")) + 1)]


def placed(text: str, kind: str) -> list[str]:
    """What a text places, in order."""
    return re.findall(rf'{{{{ {kind}\("(\w+)"\) }}}}', text)


def body() -> str:
    """The manuscript without the abstract and the supplement."""
    return TEXT.read_text(encoding="utf-8").split("# Introduction")[1].split("# Supplement")[0]


@pytest.mark.parametrize("sentence", ["in 19 of 12 tissues", "7,000 of 999 cells", "18 of the 17 arrows"])
def test_shares_above_one_are_seen(sentence: str) -> None:
    assert impossible_shares(sentence)
    assert not impossible_shares("12 of 19, 999 of the 7,000, all 14, 5.2 of 3")


def test_figures_stand_in_the_order_in_which_they_are_mentioned() -> None:
    mentioned = first_mentions(body(), "figure")
    main = [label for label in mentioned if not label.startswith("S")]
    assert main == placed(body(), "figure") == [str(place) for place in range(1, len(main) + 1)]
    supplement = TEXT.read_text(encoding="utf-8").split("# Supplement")[1]
    extra = sorted((label for label in mentioned if label.startswith("S")), key=mentioned.index)
    assert set(extra) == set(placed(supplement, "figure"))
    assert placed(supplement, "figure") == [f"S{place}" for place in range(1, len(extra) + 1)]
    results = first_mentions(body().split("# Results")[1], "figure")
    assert [label for label in results if label.startswith("S")] == placed(supplement, "figure")


def test_tables_stand_in_the_order_in_which_they_are_mentioned() -> None:
    mentioned = first_mentions(body(), "table")
    assert [key for key in mentioned if key in _tables.TEXT] == list(_tables.TEXT) == placed(body(), "table")
    assert [key for key in mentioned if key in _tables.SUPPLEMENT] == list(_tables.SUPPLEMENT)


def test_no_cell_is_declared_twice() -> None:
    """One key a cell: a number that stands in two sentences is the same key, with the same digits."""
    cells = Counter(
        (group.table, tuple(sorted(group.where.items())), shown.column or key, shown.reduce, shown.by)
        for group in numbers.read_groups(DECLARED).values()
        for key, shown in group.show.items()
    )
    assert [cell for cell, times in cells.items() if times > 1] == []


def test_every_number_names_a_column_of_a_declared_table() -> None:
    for name, group in numbers.read_groups(DECLARED).items():
        columns = set(tables()[group.table].columns())
        needed = {*group.where, *(shown.column or key for key, shown in group.show.items())}
        assert needed <= columns, f"{name}: {sorted(needed - columns)} of {group.table}"


def test_references_are_complete() -> None:
    entries = re.findall(r"@(\w+)\{(\w+),(.*?)\n\}", REFERENCES.read_text(encoding="utf-8"), flags=re.S)
    assert len(entries) > 40
    needed = {
        "article": ("journal", "volume", "pages", "doi"),
        "inproceedings": ("booktitle", "pages"),
        "incollection": ("booktitle", "editor", "publisher", "pages"),
        "book": ("publisher",),
        "misc": ("url",),
    }
    for kind, key, fields in entries:
        lacking = [
            field for field in ("author", "title", "year", *needed[kind]) if f"{field} = {{" not in fields
        ]
        assert lacking == [], key
        given = re.search(r"author = \{(.*?)\},", fields, flags=re.S)
        assert given
        for name in given[1].split(" and "):
            assert re.search(r", ([A-Z]\.[ -]?)+$|^\{|^others$", name), (
                f"{key}: {name} is not surname and initials"
            )


def words(page: str) -> str:
    """The text of a page of HTML."""
    bare = re.sub(r"<(script|style|math).*?</\1>|<[^>]+>", " ", page, flags=re.S)
    return " ".join(html.unescape(bare).split())


def captions(out: Path) -> Iterable[tuple[str, str]]:
    for path in sorted((out / "figures").glob("figure_*.json")):
        if not path.name.endswith(".provenance.json"):
            yield path.stem, json.loads(path.read_text(encoding="utf-8"))["caption"]


@pytest.mark.slow
def test_the_written_manuscript_has_no_gap_and_no_impossible_share(archive_run: object) -> None:
    out: Path = archive_run.out  # type: ignore[attr-defined]
    text = words((out / "paper" / "manuscript.html").read_text(encoding="utf-8"))
    assert impossible_shares(text) == []
    for gap in (numbers.ABSENT, numbers.UNCOMPUTED, numbers.NONE, "is absent", " ## ", "{{", "}}", "%}"):
        assert gap not in text, gap


@pytest.mark.slow
def test_captions_and_text_name_the_same_donors_arrows_and_shares(archive_run: object) -> None:
    out: Path = archive_run.out  # type: ignore[attr-defined]
    read = json.loads((out / "paper" / "numbers.json").read_text(encoding="utf-8"))
    donors = {
        name: tuple(int(read[f"{name}.{side}"]["value"]) for side in ("n_reference", "n_other"))
        for name in ("marrow_facs_gini", "marrow_droplet_gini", "blood_27")
    }
    found = dict(captions(out))
    pattern = re.compile(r"(\d+) young and (\d+) old")
    compositions = pattern.findall(found["figure_2_compositions"])
    assert [tuple(map(int, pair)) for pair in compositions] == list(donors.values())
    plane = found["figure_1_overlay"]
    assert f" of {read['plane.arrows']['text']} arrows" in plane
    assert f"{read['plane_tissues.opposite']['text']} of the null cloud".replace("\xa0", " ") in plane
    for name, caption in found.items():
        assert impossible_shares(caption) == [], name


@pytest.mark.slow
def test_intervals_of_the_text_stand_in_the_tables_as_well(archive_run: object) -> None:
    out: Path = archive_run.out  # type: ignore[attr-defined]
    read = json.loads((out / "paper" / "numbers.json").read_text(encoding="utf-8"))
    tables = words((out / "paper" / "manuscript.html").read_text(encoding="utf-8")).replace("\xa0", " ")
    names = [("marrow_facs_effective", ""), ("marrow_facs_model", ""), ("marrow_droplet_effective", "")]
    names += [
        ("marrow_droplet_model", ""),
        ("gonadal_effective", ""),
        ("large", "gini_"),
        ("large", "hill_q1_"),
    ]
    for group, kind in names:
        low, high = (read[f"{group}.{kind}{side}"]["text"] for side in ("low", "high"))
        assert f"[{low}, {high}]" in tables, (group, low, high)


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    ["stated found numbers established", "tissue donors Gini (p)", "model heads steps", "types question"],
)
def test_no_table_of_the_text_is_divided(archive_run: object, head: str) -> None:
    """A table that goes on elsewhere has its head there again."""
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(archive_run.out / "paper" / "manuscript.pdf").pages  # type: ignore[attr-defined]
    texts = [" ".join(page.extract_text().split()) for page in pages]
    assert sum(text.count(head) for text in texts) == 1
