"""Which column is the donor, the stratum, the part, the sample: guesses from names, each reported.

First the names that the CELLxGENE schema prescribes, then those of Tabula Muris Senis, Seurat and scanpy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from concentra.errors import ColumnError, TableError, nearest
from concentra.notes import Note

ROLES: Mapping[str, tuple[str, ...]] = {
    "donor": (
        "donor_id", "donor", "mouse_id", "mouse", "animal_id", "animal", "individual_id", "individual", "subject_id",
        "subject", "patient_id", "patient", "participant_id", "participant", "rat_id", "sample_id", "sample",
        "library_id", "library", "orig_ident",
    ),
    "stratum": ("tissue", "organ", "organ_tissue", "tissue_general", "stratum", "region", "brain_region"),
    "part": (
        "cell_type", "cell_ontology_class", "celltype", "cell_types", "cell_label", "cell_annotation", "annotation",
        "cluster_name", "cell_group", "cell_subtype", "subtype", "cluster", "clusters", "seurat_clusters",
        "leiden", "louvain",
    ),
    "sample": (
        "sample_id", "sample", "biosample_id", "biosample", "specimen_id", "specimen", "biopsy_id", "biopsy", "visit",
        "visit_id", "time_point", "timepoint",
    ),
}  # fmt: skip
LIBRARIES = ("sample_id", "sample", "library_id", "library", "orig_ident")
SURE = 7
"""Letters from which on a known name is recognised within a longer one: "Cell Type (final)", "mouse_id_2"."""
SHOWN = {"donor": "donor", "stratum": "tissue", "part": "cell type"}
"""What each role is called in a note."""
OPTIONS = {"donor": "--donor", "part": "--cell-type"}
"""By which option people name it."""
OF_CELLS = 8
"""Of the names of the part, those that a column about units never has."""
NONE = "none"
"""The name of a column that means: there is none."""


@dataclass(frozen=True)
class Roles:
    """Which column plays which part.

    Attributes
    ----------
    donor, stratum, part
        Names of columns; `stratum` may be None: then all cells are of one stratum.
    sample
        The column that may distinguish the samples of a donor, or None.
    notes
        One for each guess.
    """

    donor: str
    stratum: str | None
    part: str
    sample: str | None = None
    notes: tuple[Note, ...] = ()


def guess_roles(
    columns: Iterable[str],
    *,
    donor: str | None = None,
    stratum: str | None = None,
    part: str | None = None,
    sample: str | None = None,
    constant: Collection[str] = (),
) -> Roles:
    """The columns of donor, stratum and part: as named, else guessed from their names.

    Parameters
    ----------
    columns
        The columns that are there.
    donor, stratum, part, sample
        Columns named by the user, which are never overruled; ``stratum="none"``: there are no strata.
    constant
        Columns that have the same value in every cell: they are not guessed to be the donor or the part.

    Raises
    ------
    ColumnError
        A named column is not there, or no column looks like the donor or the part.

    Examples
    --------
    >>> roles = guess_roles(["donor_id", "cell_type", "tissue", "development_stage", "sex"])
    >>> roles.donor, roles.stratum, roles.part, roles.sample
    ('donor_id', 'tissue', 'cell_type', None)
    >>> str(roles.notes[0])
    "donor: column 'donor_id' (from its name)"
    """
    known = list(columns)
    named = {"donor": donor, "stratum": stratum, "part": part}
    chosen: dict[str, str | None] = {}
    notes: list[Note] = []
    for role, name in named.items():
        if name is None:
            taken = [other for other in [*chosen.values(), *named.values()] if other]
            useless = constant if role != "stratum" else ()
            chosen[role] = _guess(role, [name for name in known if name not in useless], taken, notes)
        elif role == "stratum" and name == NONE and NONE not in known:
            chosen[role] = None
        else:
            chosen[role] = require(name, known, role)
    for role in ("donor", "part"):
        if chosen[role] is None:
            if single := [name for name in _all_found(role, known) if name in constant]:
                option = OPTIONS[role]
                raise ColumnError(
                    found=f"column {single[0]!r} looks like the {SHOWN[role]}, and is the same for every cell",
                    expected=f"a column with several {SHOWN[role]}s",
                    fix=f"name another column, {option} COLUMN; {option} {single[0]!r} takes this one as it is",
                )
            also = role == "donor" and chosen["part"] is None and len(known) > 1
            raise ColumnError(
                found=f"no column that looks like the {SHOWN[role]}"
                + (f", and none like the {SHOWN['part']}" if also else ""),
                expected=f"a column such as {', '.join(map(repr, ROLES[role][:4]))}"
                + (f", and one such as {', '.join(map(repr, ROLES['part'][:3]))}" if also else ""),
                fix=_advice(role, [name for name in known if name != part], also=also),
            )
    if sample is not None:
        require(sample, known, "sample")
    else:
        used = set(chosen.values())
        sample = next((name for name in _all_found("sample", known) if name not in used), None)
    return Roles(str(chosen["donor"]), chosen["stratum"], str(chosen["part"]), sample, tuple(notes))


def _advice(role: str, known: list[str], *, also: bool = False) -> str:
    """What to do where no column looks like a role."""
    if len(known) == 1:
        return (
            "the table has one column: separate those of a file of text by commas, semicolons or tabs; make the sheet "
            "with the table the first of its workbook"
        )
    options = f"{OPTIONS[role]} COLUMN" + (f" {OPTIONS['part']} COLUMN [--tissue COLUMN]" if also else "")
    fix = f"name {'them' if also else 'it'}, {options}: {nearest(role, known)}"
    if role == "part":
        return f"{fix}; or --wide, if each row is a sample and each column a cell type"
    if known and says_part(known[0]):
        return f"{fix}; transpose the table, if its rows are cell types and its columns donors"
    return fix


def candidates(columns: Iterable[str], role: str) -> list[str]:
    """Columns that could be guessed to play the role, the best first.

    >>> candidates(["Animal ID", "age", "donor"], "donor"), candidates(["Organ / site", "age"], "stratum")
    (['donor', 'Animal ID'], ['Organ / site'])
    """
    return _all_found(role, columns)


def says_part(name: str) -> bool:
    """Whether a column's name says that its rows are cells with a type each.

    >>> says_part("Final annotation (v3)"), says_part("tumour subtype")
    (True, False)
    """
    key = _plain(name).replace("_", "")
    return any(one.replace("_", "") in key for one in ROLES["part"][:OF_CELLS])


def refuse_turned(donor: str, way: str = "transpose the table") -> None:
    """Raise where the column of donors of a wide table says that its rows are cell types; `way` is what helps.

    >>> refuse_turned("mouse")
    """
    if says_part(donor):
        raise TableError(
            found=f"column {donor!r} as that of donors: by its name, each row is a cell type",
            expected="a row for each sample, and a column for each cell type",
            fix=f"{way}; or rename the column, if it does name donors",
        )


def require(name: str, known: Collection[str], role: str) -> str:
    """The name of a column that is there.

    >>> require("age", ["age", "sex"], "--trend")
    'age'
    """
    if name not in known:
        raise ColumnError(
            found=f"no column {name!r}", expected=f"a column for the {role}", fix=nearest(name, known)
        )
    return name


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")


def _all_found(role: str, known: Iterable[str]) -> list[str]:
    """Columns whose names say the role, the best first: those that are a known name, then those that hold one."""
    squeezed = {candidate.replace("_", ""): place for place, candidate in enumerate(ROLES[role])}
    fitting = []
    for name in known:
        key = _plain(name).replace("_", "")
        if key in squeezed:
            fitting.append((squeezed[key], name))
        elif not key.endswith(("ontologytermid", "ontologyid", "color", "colors", "score")):
            held = [place for one, place in squeezed.items() if len(one) >= SURE and one in key]
            held += [
                place
                for one, place in squeezed.items()
                if role == "stratum" and _plain(name).split("_")[0] == one
            ]
            fitting += [(len(squeezed) + min(held), name)] if held else []
    return [name for _, name in sorted(fitting, key=lambda pair: pair[0])]


def _guess(role: str, known: list[str], taken: list[str], notes: list[Note]) -> str | None:
    fitting = [name for name in _all_found(role, known) if name not in taken]
    if not fitting:
        if role == "stratum":
            notes.append(
                Note(
                    "guessed",
                    "tissue: no column looks like one, so all cells of a donor are one composition",
                )
            )
        return None
    others = f"; {', '.join(map(repr, fitting[1:4]))} would also fit" if fitting[1:] else ""
    notes.append(Note("guessed", f"{SHOWN[role]}: column {fitting[0]!r} (from its name{others})"))
    if role == "donor" and _plain(fitting[0]) in LIBRARIES:
        notes.append(
            Note(
                "limits",
                f"{fitting[0]!r} may name libraries: if one animal gave several, they are not independent, "
                "so name the animal's column with --donor",
            )
        )
    return fitting[0]
