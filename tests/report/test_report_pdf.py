"""The three forms of a text: the same words, the same bytes, errors in three parts."""

from __future__ import annotations

import html
import io
import zipfile
from pathlib import Path

import pytest

from concentra.errors import FileFormatError
from concentra.report import markdown, pdf

pypdf = pytest.importorskip("pypdf")

TEXT = """---
title: "A title"
short-title: "Short"
author:
- Nobody
version: "0"
abstract: |
  What it is about.
---

# Results

The shift is +0.145 [@hill1973], $G = \\frac{1}{n}$.

| a | b |
| :-- | --: |
| x | 1 |

: **Table 1.** A table.

# References

::: {#refs}
:::
"""
REFERENCES = """@article{hill1973,
  author = {Hill, M. O.}, title = {Diversity and evenness}, journal = {Ecology}, year = {1973}
}
"""


@pytest.fixture(scope="module")
def made() -> dict[pdf.Form, bytes]:
    return pdf.render(TEXT, references=REFERENCES)


def test_every_form_holds_the_words(made: dict[pdf.Form, bytes]) -> None:
    pages = pypdf.PdfReader(io.BytesIO(made["pdf"])).pages
    words = {"pdf": " ".join(page.extract_text() for page in pages), "html": made["html"].decode()}
    with zipfile.ZipFile(io.BytesIO(made["docx"])) as archive:
        words["docx"] = archive.read("word/document.xml").decode()
    for form, text in words.items():
        for wanted in ("+0.145", "Hill", "Diversity", "What it is about", "A table."):
            assert wanted in text, (form, wanted)


def test_the_pdf_is_a4_and_has_a_title(made: dict[pdf.Form, bytes]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(made["pdf"]))
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    assert reader.metadata is not None
    assert reader.metadata.title == "A title"


def test_the_html_stands_alone_and_is_readable_on_a_phone(made: dict[pdf.Form, bytes]) -> None:
    text = made["html"].decode()
    assert 'name="viewport"' in text
    assert "<link" not in text
    assert "<math" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_same_text_gives_the_same_bytes(made: dict[pdf.Form, bytes]) -> None:
    assert pdf.render(TEXT, references=REFERENCES) == made


def test_another_number_gives_other_bytes(made: dict[pdf.Form, bytes]) -> None:
    changed = pdf.render(TEXT.replace("+0.145", "+0.146"), references=REFERENCES)
    assert all(changed[form] != made[form] for form in pdf.FORMS)


def test_an_unknown_citation_is_an_error() -> None:
    with pytest.raises(FileFormatError, match=r"nobody1900[\s\S]*expected: Markdown whose citations"):
        pdf.render("See [@nobody1900].", references=REFERENCES)


def test_a_missing_picture_is_an_error() -> None:
    with pytest.raises(FileFormatError, match="absent"):
        pdf.render(markdown.picture("absent.png", "A caption.", "nothing"))


def test_pictures_have_their_alternative_in_every_form(tmp_path: Path) -> None:
    from definitions_documents import picture

    picture(tmp_path, "one")
    text = TEXT + "\n\n" + markdown.picture("one.png", "A caption.", 'grey "pixel" \\ end')
    made = pdf.render(text, references=REFERENCES, files={"one.png": tmp_path / "figures" / "one.png"})
    assert "grey 'pixel' / end" in html.unescape(made["html"].decode())
    assert b"/Alt" in made["pdf"] or "grey" in str(pypdf.PdfReader(io.BytesIO(made["pdf"])).root_object)


def test_a_vector_picture_stands_for_the_other_in_the_pdf(tmp_path: Path) -> None:
    """No pixels in the PDF, and the words of the picture can be searched; the page still shows the PNG."""
    from definitions_documents import picture

    picture(tmp_path, "one")
    folder = tmp_path / "figures"
    svg = """<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30">
    <text x="5" y="20" font-family="DejaVu Sans" font-size="8">searchable</text></svg>"""
    (folder / "one.svg").write_text(svg, encoding="utf-8")
    text = TEXT + "\n\n" + markdown.picture("one.png", "A caption.", "words")
    files = {name: folder / name for name in ("one.png", "one.svg")}
    made = pdf.render(text, references=REFERENCES, files=files)
    pages = pypdf.PdfReader(io.BytesIO(made["pdf"])).pages
    assert not [image for page in pages for image in page.images]
    assert "searchable" in " ".join(page.extract_text() for page in pages)
    assert "data:image/png" in made["html"].decode()
    pixels = pdf.render(text, references=REFERENCES, files={"one.png": folder / "one.png"})["pdf"]
    assert [image for page in pypdf.PdfReader(io.BytesIO(pixels)).pages for image in page.images]


def test_typst_sources_get_alternatives_quoted() -> None:
    source = '#figure(image("one.png", width: 100.0%))'
    assert pdf._described(source, {"one.png": 'a "b" \\'}) == source.replace(
        '"one.png"', '"one.png", alt: "a \\"b\\" \\\\"'
    )


def test_no_line_divides_a_number_from_what_it_belongs_to() -> None:
    text = (
        "A ratio (95% interval\n0.68 to 0.95, p = 0.04; Figure 3, Table S1) of 5 / 4 mice, [0.1, 0.2]\n"
        "and and/or B / T cells as p-value."
    )
    kept = ("0.68 to 0.95", "p = 0.04", "Figure 3", "Table S1", "5 / 4", "[0.1, 0.2]")
    page = html.unescape(pdf.render(text)["html"].decode())
    for words in kept:
        assert words.replace(" ", markdown.HARD) in page
    assert "and/or B / T cells" in page
