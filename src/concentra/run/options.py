"""The options of an analysis, and the file that repeats it."""

from __future__ import annotations

import json
import os
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from concentra.design.settings import Settings
from concentra.errors import ArgumentError, FileFormatError, nearest

FILE = "run.toml"
CHOICES = {
    "features": ("genes", "given"), "blanks": ("refuse", "zero"), "shared_donors": ("refuse", "apart", "same"),
}  # fmt: skip
"""Options that take one of a few words."""
RENAMED = {"stratum": "tissue", "part": "cell_type", "despite": "accept_confounding"}
"""Options of version 0.1, and what they are called now: accepted for one more version, with a warning."""


@dataclass(frozen=True)
class Options:
    """What an analysis was asked; the names are those of the command line's options.

    Attributes
    ----------
    cells
        Names of files; of data in memory a description.
    donor, tissue, cell_type, sample, amount, wide, shares, parts, about, blanks, shared_donors, donors
        How the data is read: see `concentra.composition.read`.
    missing, allow_missing
        Labels that stand for missing values, and whether cells without labels may be many.
    contrast, formula, trend, within, paired_by, accept_confounding
        The questions: see `concentra.design.Question`.
    levels
        A file of coarser cell types.
    min_cells, depth, alpha, level, margin_ratio, margin_gini, draws, seed
        See `concentra.design.Settings`.
    multiverse
        Whether every defensible choice is crossed.
    resolutions, features
        Leiden resolutions at which cells are clustered, and what the matrix holds ("genes" or "given").
    """

    cells: tuple[str, ...]
    donor: str | None = None
    tissue: str | None = None
    cell_type: str | None = None
    sample: str | None = None
    amount: str | None = None
    wide: bool = False
    shares: bool = False
    parts: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    blanks: str = "refuse"
    shared_donors: str = "refuse"
    donors: str | None = None
    missing: tuple[str, ...] = ()
    allow_missing: bool = False
    contrast: tuple[str, ...] = ()
    formula: str | None = None
    trend: str | None = None
    within: str | None = None
    paired_by: str | None = None
    accept_confounding: tuple[str, ...] = ()
    levels: str | None = None
    min_cells: int = 50
    depth: int | None = None
    alpha: float = 0.05
    level: float = 0.95
    margin_ratio: float = 0.9
    margin_gini: float = 0.04
    draws: int = 2_000
    multiverse: bool = True
    resolutions: tuple[float, ...] = ()
    features: str = "genes"
    seed: int = 0

    def __post_init__(self) -> None:
        self.settings()
        wrong = [one for one in self.resolutions if not 0 < one < float("inf")]
        if wrong or len(set(self.resolutions)) < len(self.resolutions):
            raise ArgumentError(
                found=f"--resolutions {','.join(f'{one:g}' for one in self.resolutions)}",
                expected="numbers above 0, each once",
                fix="leave out --resolutions, or change it",
            )
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                option = f"--{name.replace('_', '-')}"
                raise ArgumentError(
                    found=f"{option} {getattr(self, name)}",
                    expected=" or ".join(known),
                    fix=f"leave out {option}",
                )

    def settings(self) -> Settings:
        """The numbers that every analysis shares."""
        return Settings(
            min_cells=self.min_cells, depth=self.depth, alpha=self.alpha, level=self.level,
            margin_ratio=self.margin_ratio, margin_gini=self.margin_gini, n_draws=self.draws, seed=self.seed,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The options that differ from their defaults, and the data."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != one.default
        }

    def text(self, folder: Path) -> str:
        """The options as TOML; files named as seen from the folder of the file."""
        given = {key: value for key, value in asdict(self).items() if value is not None}
        given["cells"] = [_relative(name, folder) for name in self.cells]
        lines = [f"{key} = {_toml(value)}" for key, value in given.items()]
        return "# concentra analyze --run run.toml\n" + "\n".join(lines) + "\n"


def parse_resolutions(text: str | None) -> tuple[float, ...]:
    """Numbers with commas between them.

    >>> parse_resolutions("0.4, 1")
    (0.4, 1.0)
    """
    try:
        return tuple(float(piece) for piece in (text or "").replace(",", " ").split())
    except ValueError:
        raise ArgumentError(
            found=f"--resolutions {text}", expected="numbers with commas between them",
            fix="write --resolutions 0.4,0.8,1.2",
        ) from None  # fmt: skip


def renamed(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The options by the names that they have now; a warning for each name of version 0.1.

    Parameters
    ----------
    given
        Options by name.
    prefix
        Before each name in the warning: "--" on the command line.

    Raises
    ------
    ArgumentError
        An option is given by both of its names.

    Examples
    --------
    >>> renamed({"tissue": "organ", "seed": 1})
    {'tissue': 'organ', 'seed': 1}
    """
    made = {}
    for name, value in given.items():
        new = RENAMED.get(name, name)
        if new in made or (new != name and new in given):
            raise ArgumentError(
                found=f"{prefix}{name} and {prefix}{new}",
                expected="one of them",
                fix=f"leave out {prefix}{name}",
            )
        if new != name:
            shown = new if not prefix else new.replace("_", "-")
            warnings.warn(f"{prefix}{name} is called {prefix}{shown} now", FutureWarning, stacklevel=3)
        made[new] = value
    return made


def read_options(path: Path) -> Options:
    """The options of a file that `Options.text` wrote, or that a person wrote in its form."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise FileFormatError(
            found=f"{str(path)!r}: {problem}",
            expected="a file of options (TOML)",
            fix=f"see the {FILE} of another run",
        ) from None
    known = {field.name: field for field in fields(Options)}
    given = renamed(given)
    for name, value in given.items():
        if name not in known:
            raise ArgumentError(
                found=f"option {name!r} in {str(path)!r}", expected="the options of concentra analyze",
                fix=nearest(name, known),
            )  # fmt: skip
        if not _fits(value, str(known[name].type)):
            raise ArgumentError(
                found=f"{name} = {value!r} in {str(path)!r}",
                expected=f"a value of the kind {known[name].type}",
                fix=f"correct the line; see the {FILE} of another run",
            )
    if not given.get("cells"):
        raise ArgumentError(
            found=f"no cells in {str(path)!r}",
            expected="the files to read",
            fix='add cells = ["cells.h5ad"]',
        )
    made: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    made["cells"] = tuple(str((path.parent / name).resolve()) for name in made["cells"])
    return Options(**made)


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("tuple"):
        item = kind.removeprefix("tuple[").split(",")[0]
        return isinstance(value, list) and all(_fits(one, item) for one in value)
    if kind.startswith("str"):
        return isinstance(value, str)
    if kind.startswith("bool"):
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    return isinstance(value, int) if kind.startswith("int") else isinstance(value, int | float)


def _relative(name: str, folder: Path) -> str:
    try:
        return os.path.relpath(Path(name).resolve(), folder.resolve())
    except ValueError:  # another drive
        return str(Path(name).resolve())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):  # a JSON string is a TOML string, but for DEL, which TOML wants escaped
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
