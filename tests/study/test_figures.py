"""Every figure of the study: no text on text, none cut off, print size kept, cohorts told apart without colour."""

from __future__ import annotations

import itertools
import re
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from concentra.pl import _style as pl_style
from concentra.study.cohorts import cohorts
from concentra.study.declare import Drawing, nodes
from concentra.study.figures import _style as style
from concentra.study.figures import s2_donors_age
from study_tables import loaded

FIGURES = [name for name, node in nodes().items() if node.kind == "figure"]
DONOR = re.compile(r"\b\d+_\d+(_[MF])?\b")
TOUCH = 2.0  # pixels at 100 dpi that two boxes may share: a box has room for ascenders and descenders
WIDTH, HEIGHT = 180, 240  # millimetres


@pytest.fixture(scope="module", params=FIGURES)
def drawing(request) -> Drawing:
    node = nodes()[request.param]
    return node.function(*(loaded(name) for name in node.reads), **node.parameters())


def texts(figure):
    """Every text that is drawn, with its box in pixels."""
    canvas, drawn, draw = FigureCanvasAgg(figure), {}, Text.draw

    def noted(text, renderer):
        if text.get_text().strip() and text.get_visible():
            drawn[id(text)] = text
        return draw(text, renderer)

    with patch.object(Text, "draw", noted):
        canvas.draw()
    # of the words alone: not of the line that joins a label to its point
    return [(text.get_text(), Text.get_window_extent(text, canvas.get_renderer())) for text in drawn.values()]


def test_no_text_covers_another(drawing):
    clashes = []
    for (first, a), (second, b) in itertools.combinations(texts(drawing.figure), 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > TOUCH and up > TOUCH:
            clashes.append(f"{first!r} on {second!r}: {across:.1f} x {up:.1f} pixels")
    assert not clashes


def test_no_text_is_cut(drawing):
    width, height = drawing.figure.get_size_inches() * drawing.figure.dpi
    cut = [
        text
        for text, box in texts(drawing.figure)
        if box.x0 < -TOUCH or box.y0 < -TOUCH or box.x1 > width + TOUCH or box.y1 > height + TOUCH
    ]
    assert not cut


def test_it_fits_the_page(drawing):
    width, height = drawing.figure.get_size_inches() / style.MILLIMETRE
    assert width <= WIDTH + 0.1
    assert height <= HEIGHT + 0.1


def test_text_is_legible_in_print(drawing):
    texts(drawing.figure)
    small = {
        text.get_text()
        for text in drawing.figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and text.get_size() < 5.99
    }
    assert not small


def test_it_has_a_caption_and_a_text_alternative(drawing):
    assert len(drawing.caption) > 80
    assert drawing.caption.endswith(".")
    assert len(drawing.alternative) > 20


def test_names_are_readable(drawing):
    """No underscore of a column or label, but that of eff_N and those in names of donors."""
    assert not [text for text, _ in texts(drawing.figure) if "_" in DONOR.sub("", text).replace("eff_N", "")]


def grey(colour):
    """Relative luminance (ITU-R BT.709) of a colour, lightened to perceived lightness L* / 100 (CIE 1976)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return (116 * luminance ** (1 / 3) - 16) / 100 if luminance > 0.008856 else 9.033 * luminance


@pytest.mark.parametrize("kind", ["atlas", "model"])
def test_cohorts_differ_in_grey(kind):
    """Cohorts of one kind share figures: they must differ when printed without colour."""
    hues = {
        name: style.COLOURS[name]
        for name, cohort in cohorts().items()
        if name in style.COLOURS and not cohort.simulated and (cohort.kind == "model") == (kind == "model")
    }
    assert len(hues) > 2
    close = [(a, b) for a, b in itertools.combinations(hues, 2) if abs(grey(hues[a]) - grey(hues[b])) < 0.15]
    assert not close


def test_sexes_differ_in_marker():
    assert len(set(style.MARKERS.values())) == len(style.MARKERS)


def contrast_with_white(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (float(np.dot([0.2126, 0.7152, 0.0722], linear)) + 0.05)


def test_text_stands_out(drawing):
    """Words have a contrast of 4.5 to 1 with white; those within bars are white or black."""
    texts(drawing.figure)
    pale = {
        text.get_text()
        for text in drawing.figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and to_rgb(text.get_color()) != (1, 1, 1)
        and contrast_with_white(text.get_color()) < 4.5
    }  # fmt: skip
    assert pale <= {"▲", "▼"}


def test_marks_of_cohorts_stand_out():
    assert min(map(contrast_with_white, style.COLOURS.values())) >= 3


def test_a_colour_or_a_triangle_means_one_thing():
    """No cohort has the colour of a direction or of a group of donors, and triangles are directions alone."""
    directions = {look.colour for look in pl_style.VERDICTS.values()}
    assert not set(style.COLOURS.values()) & (directions | set(pl_style.GROUPS))
    assert not set("^v<>") & {
        *style.COHORT_MARKERS.values(),
        *style.MARKERS.values(),
        *pl_style.GROUP_MARKERS,
    }
    assert len(set(style.COHORT_MARKERS.values())) == len(style.COHORT_MARKERS)


def test_main_figures_show_no_simulated_cells(drawing, request):
    node = nodes()[request.node.callspec.params["drawing"]]
    words = " ".join(text for text, _ in texts(drawing.figure)) + drawing.alternative
    if node.label in ("S5", "S6", "S7"):
        assert "simulated" in words.lower()
        assert "simulated" in node.title.lower()
    else:
        assert "simulated" not in words.lower()


def test_no_caption_repeats_the_title(drawing, request):
    title = nodes()[request.node.callspec.params["drawing"]].title
    assert title.lower().rstrip(".") not in drawing.caption.lower()


def test_this_test_finds_what_it_looks_for():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2))
    figure.text(0.5, 0.5, "one")
    figure.text(0.52, 0.5, "two")
    figure.text(0.95, 0.9, "cut off")
    with pytest.raises(AssertionError, match="'one' on 'two'"):
        test_no_text_covers_another(Drawing(figure, "", ""))
    with pytest.raises(AssertionError, match="cut off"):
        test_no_text_is_cut(Drawing(figure, "", ""))


def test_mice_that_no_panel_shows_are_named():
    """The text counts every mouse; the caption says which of them have cells only in tissues that are not drawn."""
    shown = pd.DataFrame(
        {"cohort": "tms_facs", "donor": ["a", "a", "b"], "stratum": ["Lung", "Marrow", "Mammary_Gland"]}
    )
    assert (
        s2_donors_age._missing(shown, shown[shown["donor"] == "a"])
        == " (FACS mouse b, in mammary gland alone)"
    )
    assert s2_donors_age._missing(shown, shown) == ""
