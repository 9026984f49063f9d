"""The documentation site: `make site` builds it with warnings as errors, and without the network."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.ext.napoleon import NumpyDocstring

import concentra
from concentra import pl

sys.path.insert(0, str(Path(__file__).parent))
import gallery

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "concentra"
author = "The concentra developers"
copyright = author
release = version = concentra.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = "concentra"
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7fc4ec", "color-brand-content": "#7fc4ec"},
}
html_static_path = ["_static"]
html_css_files = ["site.css"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

autosummary_generate = True
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("ArrayLike", "Floats", "Measured", "Rng")}
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_attr_annotations = False
napoleon_use_rtype = False
napoleon_use_param = False  # parameters that share a description stand together
napoleon_custom_sections = ["Returns", "Raises", "Attributes"]  # prose or definitions, not `name : type`

# A name in single backticks is a link where it is known, and looks like code where it is not; only names that begin
# with the package have to be known.
default_role = "py:obj"
nitpick_ignore = [("py:class", "concentra.io.text.T")]  # a type variable has no page
nitpick_ignore_regex = [("py:.*", r"(?s)(?!concentra\.).*")]

os.environ["PATH"] = (
    f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # cells call `concentra`
)
os.environ.pop("CONCENTRA_DATA_DIR", None)  # the site shows what everyone can compute: the archived tables

SPELLINGS = {r"\dots": r"\ldots", r"\Big": r"\Bigl"}
"""Commands of TeX that docutils knows by another name."""


OPERATOR = re.compile(r"(\\ln(?![A-Za-z])|\\operatorname\{logit\})\s*(?![\s(\\])")
"""An operator before its argument without a bracket: browsers set no space there, nor before it, where TeX does."""


ACCENTED = re.compile(r"(\\(?:hat|tilde)\s*(?:\\[A-Za-z]+|[A-Za-z]))(?=[_^])")
"""A letter with an accent before an index, which docutils would set under the letter instead of beside it."""

FRACTION = re.compile(r"(frac)(\d)(\d)")
"""A fraction of two digits without brackets, which docutils would read as one number."""


def mathml(node: nodes.Element, *, block: bool) -> str:
    """A formula as MathML, which browsers draw without a script."""
    formula = re.sub(r"\\(?:dots|Big)(?![A-Za-z])", lambda found: SPELLINGS[found[0]], node.astext())
    formula = FRACTION.sub(r"\1{\2}{\3}", ACCENTED.sub(r"{{}\1}", formula))
    formula = OPERATOR.sub(r"\\,\1\\,", formula).removeprefix(r"\,")
    return str(tex2mathml(" ".join(formula.split()), as_block=block))


def inline_math(translator: Any, node: nodes.Element) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def block_math(translator: Any, node: nodes.Element) -> None:
    """Write a formula that stands alone."""
    translator.body.append(f'<div class="formula">{mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def whole_sentence(docstring: Any) -> tuple[str, Iterable[str]]:
    """The docstring of an attribute as it is; napoleon would take what stands before a colon for a type."""
    return "", NumpyDocstring(docstring._dedent(docstring._consume_to_end()), docstring._config).lines()


NumpyDocstring._consume_inline_attribute = whole_sentence


def plain_signature(app: Sphinx, *about: Any) -> tuple[str, str | None] | None:
    """A signature in which an alias within another type, and a default that a function makes, can be read."""
    signature, returned = about[-2:]
    if signature is None:
        return None
    plain = [re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text or "") for text in (signature, returned)]
    plain[0] = plain[0].replace("<factory>", "...")  # no expression: the types beside it would stand in full
    return plain[0], plain[1] or None


def draw_pictures(app: Sphinx) -> None:
    """Draw the pictures of the gallery."""
    gallery.write_all(Path(app.srcdir))


def show_picture(app: Sphinx, what: str, name: str, *about: Any) -> None:
    """Add to the page of a picture what it draws."""
    package, _, last = name.rpartition(".")
    if package == "concentra.pl" and last in pl.__all__:
        about[-1].extend(["", *gallery.shown(last)])


def plain_shell(app: Sphinx, page: nodes.document) -> None:
    """Show a cell of the shell as what a reader types: without the magic that runs it."""
    for block in page.findall(nodes.literal_block):
        magic, line, command = block.rawsource.partition("\n")
        if line and magic.startswith("%%bash"):
            block.replace_self(nodes.literal_block(command, command, language="sh"))


def without_functions(app: Sphinx, page: nodes.document) -> None:
    """Leave out the value of a constant that holds functions: it has no name that a reader could write."""
    for value in [*page.findall(addnodes.desc_annotation)]:
        if "<function" in value.astext():
            value.parent.remove(value)


def repeated(app: Sphinx, what: str, name: str, member: Any, *about: Any) -> bool | None:
    """Leave out what stands elsewhere: the key of a table, the fields of a named tuple."""
    field = str(getattr(member, "__doc__", "")).startswith("Alias for field number")
    return True if field or name == "Config" else None


def setup(app: Sphinx) -> None:
    """Register the renderer of formulas, the pictures of the gallery, and what is shown otherwise."""
    app.connect("builder-inited", draw_pictures)
    app.connect("autodoc-process-docstring", show_picture)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("autodoc-skip-member", repeated)
    app.connect("doctree-read", without_functions)
    app.connect("doctree-read", plain_shell)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
