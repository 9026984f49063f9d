"""`concentra paper`: the manuscript and the report again, from the tables that are there."""

from __future__ import annotations

from pathlib import Path

from concentra.cli._options import RESULTS, Out

EXAMPLE = "Example: concentra paper --out results"
DOCUMENTS = ("build_pdf", "report")


def paper(out: Out = RESULTS) -> None:
    """Write manuscript and report from an output folder. Makes PDF, DOCX and HTML of its tables and figures.

    Nothing else is computed: after an edit of the text this is the quick way. Tables, figures and summaries must be
    those that `concentra reproduce` wrote.
    """
    from concentra.errors import DataAbsentError
    from concentra.study import declare, engine, whole
    from concentra.workflow import alone

    folder = out.resolve()
    if not declare.table_path("sources", folder).exists():
        raise DataAbsentError(
            found=f"no results in {out}",
            expected="an output folder that `concentra reproduce` has filled",
            fix=f"run `concentra reproduce --out {out}`, or name the folder with --out",
        )
    with alone(folder):
        whole.refuse_altered(folder)
        for name in DOCUMENTS:
            engine.run_node(name, data=None, out=folder)
            print(*(Path(out, file) for file in declare.nodes()[name].writes), sep="\n")


COMMANDS = (paper,)
