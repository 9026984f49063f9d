"""The page on architecture against the code: layers against declaration and imports, the number's way against a run."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from concentra import datasets
from concentra.run import analyze
from definitions_docs import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src" / "concentra"


def layers_of_page() -> list[set[str]]:
    """The packages of each row of the first table, from the top down."""
    table = PAGE.split("| layer |")[1].split("\n\n")[0]
    return [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines()[2:]]


def layers_of_project() -> list[set[str]]:
    """The same from the contract that import-linter keeps."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return [set(re.findall(r"\w+", row)) for row in declared]


def imports() -> Iterator[tuple[str, str, Path]]:
    """Every import between packages that happens when code runs: package, imported package, file."""
    for path in SOURCE.rglob("*.py"):
        package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)) or id(node) in typing:
                continue
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                base = node.module or ""
                names = [f"{base}.{name}" for name in names] if base == "concentra" else [base]
            for name in names:
                if name.startswith("concentra."):
                    yield package, name.split(".")[1], path


def test_layers_are_those_that_the_project_declares() -> None:
    assert layers_of_page() == layers_of_project()


def test_no_import_climbs() -> None:
    level = {name: place for place, names in enumerate(layers_of_page()) for name in names}
    seen = 0
    for package, imported, path in imports():
        if package in level and imported in level and package != imported:
            assert level[package] < level[imported], f"{path.relative_to(SOURCE)} imports {imported}"
            seen += 1
    assert seen > 100


def test_every_package_is_on_the_page() -> None:
    there = {
        path.name.removesuffix(".py")
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__", "__main__"}
    assert {name for names in layers_of_page() for name in names} | {"datasets"} == there


def test_every_module_and_file_that_is_named_exists() -> None:
    for name in set(re.findall(r"`(concentra(?:\.\w+)+)`", PAGE)):
        module, _, last = name.rpartition(".")
        if last[0].isupper() or last in ("run", "read", "analyze"):
            assert hasattr(importlib.import_module(module), last), name
        else:
            importlib.import_module(name)
    files = set(re.findall(r"`(\w+/\w+\.(?:py|toml))`", PAGE))
    assert len(files) > 5
    for file in files:
        assert (SOURCE / file).exists(), file


def test_the_number_goes_the_way_of_the_page() -> None:
    """Modules are entered in the order of the page, the file is read and the units are measured once."""
    numbered = PAGE.split("## How one number comes about")[1].split("## ")[0]
    named = re.findall(r"`(concentra\.(?:composition|analysis|design|stats)\.\w+)", numbered)
    expected = [f"{name.removeprefix('concentra.').replace('.', '/')}.py" for name in named]
    entered: list[str] = []
    calls: list[tuple[str, str]] = []

    def watch(frame, event, argument):  # type: ignore[no-untyped-def]
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(str(SOURCE)):
            name = Path(file).relative_to(SOURCE).as_posix()
            entered.append(name)
            calls.append((name, frame.f_code.co_name))

    sys.setprofile(watch)
    try:
        analyze(
            datasets.path("mouse_ageing"),
            amount="n_cells",
            contrast="age:3m:24m",
            multiverse=False,
            draws=100,
        )
    finally:
        sys.setprofile(None)
    missing = [name for name in expected if name not in entered]
    assert not missing
    stages = ["composition/reading.py", "analysis/concentration.py", "design/resolve.py", "analysis/model.py"]
    first = [entered.index(name) for name in stages]
    assert first == sorted(first)
    assert calls.count(("composition/reading.py", "read")) == 1
    assert calls.count(("analysis/concentration.py", "concentration")) == 1
