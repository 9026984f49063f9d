"""The options of `concentra analyze`, and the file that repeats a run."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from concentra.errors import ArgumentError, FileFormatError, nearest

FILE = "run.toml"
FEATURES = ("genes", "given")


@dataclass(frozen=True)
class Options:
    """What a run was asked; the names are those of the options."""

    cells: tuple[str, ...]
    donor: str | None = None
    stratum: str | None = None
    part: str | None = None
    amount: str | None = None
    wide: bool = False
    contrast: tuple[str, ...] = ()
    trend: str | None = None
    within: str | None = None
    paired_by: str | None = None
    despite: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    min_cells: int = 50
    depth: int | None = None
    alpha: float = 0.05
    level: float = 0.95
    draws: int = 2_000
    multiverse: bool = True
    resolutions: tuple[float, ...] = ()
    features: str = "genes"
    seed: int = 0

    def __post_init__(self) -> None:
        checks = (
            (self.min_cells >= 1, "min_cells", self.min_cells, "a whole number of at least 1"),
            (self.depth is None or self.depth >= 2, "depth", self.depth, "a whole number of at least 2"),
            (0 < self.alpha < 1, "alpha", self.alpha, "a number between 0 and 1"),
            (0 < self.level < 1, "level", self.level, "a number between 0 and 1"),
            (self.draws >= 100, "draws", self.draws, "at least 100"),
            (self.seed >= 0, "seed", self.seed, "a whole number, 0 or more"),
            (self.features in FEATURES, "features", self.features, " or ".join(FEATURES)),
            (
                all(0 < one < float("inf") for one in self.resolutions)
                and len(set(self.resolutions)) == len(self.resolutions),
                "resolutions",
                ",".join(f"{one:g}" for one in self.resolutions),
                "numbers above 0, each once",
            ),
        )
        for fine, name, value, expected in checks:
            if not fine:
                option = f"--{name.replace('_', '-')}"
                raise ArgumentError(
                    found=f"{option} {value}", expected=expected, fix=f"leave out {option}, or change it"
                )

    @property
    def how(self) -> Literal["genes", "given"]:
        """What the columns of the matrix are."""
        return "given" if self.features == "given" else "genes"

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
