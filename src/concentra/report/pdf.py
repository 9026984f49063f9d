"""Markdown with citations to PDF, DOCX and one self-contained HTML file: Pandoc and Typst, no TeX, no network.

The bytes depend on the text, the figures and the versions of the two programs alone: the clock is held at `EPOCH`,
fonts are those that Typst and, for pictures, Matplotlib bring, and no path of the machine is written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from concentra.errors import FileFormatError, MissingDependencyError

Form = Literal["pdf", "docx", "html"]
FORMS: tuple[Form, ...] = ("pdf", "docx", "html")
EPOCH = 1577836800  # 2020-01-01: what a clock would say in a file that must not depend on one
TEMPLATES = Path(__file__).with_name("templates")
SOURCES = tuple(
    TEMPLATES / name for name in ("manuscript.typ", "manuscript.html", "manuscript.css", "unbroken.lua")
)
ALTERNATIVE = re.compile(r'\]\((\S+?)\)\{alt="([^"]*)"')
PNG = re.compile(r'image\("([^"]+)\.png"')
READER = "markdown+pipe_tables+implicit_figures+smart"


def render(text: str, *, references: str = "", files: Mapping[str, Path] | None = None) -> dict[Form, bytes]:
    """A Markdown text as PDF (A4), DOCX and standalone HTML.

    Parameters
    ----------
    text
        Pandoc's Markdown with a title block in YAML; `[@key]` cites.
    references
        BibTeX.
    files
        Pictures by the name that the text calls them. In the PDF `a.svg` stands for `a.png`, where both are given.

    Returns
    -------
    dict
        The bytes of the file of each form; the same for the same input.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for called, path in (files or {}).items():
            shutil.copyfile(path, folder / called)
        (folder / "text.md").write_text(text, encoding="utf-8")
        (folder / "references.bib").write_text(references, encoding="utf-8")
        with ThreadPoolExecutor() as pool:
            made = pool.map(lambda form: MAKERS[form](folder), FORMS)
            return dict(zip(FORMS, made, strict=True))


def _pdf(folder: Path) -> bytes:
    _pandoc(folder, "--to", "typst", "--template", str(TEMPLATES / "manuscript.typ"), "--output", "text.typ")
    path = folder / "text.typ"
    words = dict(ALTERNATIVE.findall((folder / "text.md").read_text(encoding="utf-8")))
    source = _described(path.read_text(encoding="utf-8"), words)
    path.write_text(_vectors(source, {one.stem for one in folder.glob("*.svg")}), encoding="utf-8")
    return _typst(path)


def _vectors(source: str, names: Collection[str]) -> str:
    """A Typst source that calls the SVG in place of the PNG of these names."""
    return PNG.sub(lambda found: f'image("{found[1]}.svg"' if found[1] in names else found[0], source)


def _described(source: str, words: Mapping[str, str]) -> str:
    """Pictures of a Typst source with their text alternatives, which Pandoc does not pass on."""
    for name, text in words.items():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        source = source.replace(f'image("{name}"', f'image("{name}", alt: "{quoted}"')
    return source


def _docx(folder: Path) -> bytes:
    _pandoc(folder, "--to", "docx", "--output", "text.docx")
    return (folder / "text.docx").read_bytes()


def _html(folder: Path) -> bytes:
    _pandoc(
        folder, "--to", "html5", "--standalone", "--embed-resources", "--mathml", "--toc", "--toc-depth=2",
        "--template", str(TEMPLATES / "manuscript.html"), "--css", str(TEMPLATES / "manuscript.css"),
        "--output", "text.html",
    )  # fmt: skip
    text = (folder / "text.html").read_text(encoding="utf-8")
    for wide in (
        "<table",
        '<math display="block"',
    ):  # they scroll by themselves, so the keyboard must reach them
        text = text.replace(wide, f'{wide} tabindex="0"')
    return text.encode("utf-8")


MAKERS = {"pdf": _pdf, "docx": _docx, "html": _html}


def _pandoc(folder: Path, *arguments: str) -> None:
    words = [_program(), "text.md", "--from", READER, "--citeproc", "--bibliography", "references.bib"]
    words += ["--lua-filter", str(TEMPLATES / "unbroken.lua")]  # after the citations, which it also reads
    ended = subprocess.run(
        [*words, "--fail-if-warnings", *arguments],
        cwd=folder,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise FileFormatError(
            found=f"Pandoc could not read the text: {ended.stderr.strip()[-800:]}",
            expected="Markdown whose citations and pictures all exist",
            fix="correct what it names",
        )


def _program() -> str:
    try:
        import pypandoc
    except ImportError:
        raise _lacking("pypandoc_binary") from None
    return str(pypandoc.get_pandoc_path())


def _typst(path: Path) -> bytes:
    import matplotlib

    try:
        import typst
    except ImportError:
        raise _lacking("typst") from None
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # those of the pictures
    try:
        return bytes(
            typst.compile(
                str(path),
                root=str(path.parent),
                font_paths=[str(fonts)],
                ignore_system_fonts=True,
                timestamp=EPOCH,
            )
        )
    except typst.TypstError as problem:
        raise FileFormatError(
            found=f"Typst could not set the text: {problem}",
            expected="Markdown that Pandoc turns into Typst",
            fix="correct what it names",
        ) from None


def _lacking(package: str) -> MissingDependencyError:
    return MissingDependencyError(
        found=f"{package} is not installed",
        expected="the packages of the study",
        fix='pip install "concentra[study]"',
    )
