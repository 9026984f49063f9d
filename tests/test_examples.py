"""Every public function has an example that shows a value; pytest runs the examples where they stand."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from concentra import heads

FACES = ("metrics", "stats", "clustering", "simulate", "datasets", "pp", "tl", "get", "pl")
"""What these name in `__all__` is public."""
ROOMS = ("analysis",)
"""All functions of the modules in these are public, but for modules with an underscore."""
FILES = ("cells", "counts", "expression", "importance")
"""The modules of `concentra.io` that read what a user has; below them lie helpers."""


def public() -> dict[str, Callable[..., Any]]:
    found = {}
    for name in FACES:
        face = import_module(f"concentra.{name}")
        found |= {f"{name}.{one}": getattr(face, one) for one in face.__all__}
    names = [f"concentra.io.{one}" for one in FILES]
    for name in ROOMS:
        room = import_module(f"concentra.{name}")
        names += [one.name for one in iter_modules(room.__path__, f"{room.__name__}.")]
    for name in names:
        module = import_module(name)
        for one, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == name and not one.startswith("_"):
                found[f"{name.removeprefix('concentra.')}.{one}"] = value
    return {name: value for name, value in found.items() if inspect.isfunction(value)}


def shown(function: Callable[..., Any], *, skipped: bool = False) -> list[str]:
    """What the examples of a function show, those left out that are not run unless `skipped`."""
    return [
        example.want
        for test in doctest.DocTestFinder(recurse=False).find(function, function.__name__, globs={})
        for example in test.examples
        if example.want and (skipped or not example.options.get(doctest.SKIP))
    ]


PUBLIC = public()


ELSEWHERE = re.compile(r"^ *See `([\w.]+)`\.$", re.MULTILINE)
"""An example that stands with the function that calls this one."""


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_function_shows_a_value(name: str) -> None:
    function = PUBLIC[name]
    for other in ELSEWHERE.findall(function.__doc__ or ""):
        place, _, name_there = other.rpartition(".")
        function = getattr(import_module(place or function.__module__), name_there)
    assert shown(function), f"{name} has no example that shows a value"


@pytest.mark.parametrize("name", [name for name in heads.__all__ if inspect.isfunction(getattr(heads, name))])
def test_so_do_those_that_need_torch(name: str) -> None:
    """Where torch is installed, `tests/heads/test_heads_examples.py` runs them."""
    assert shown(getattr(heads, name), skipped=True), f"{name} has no example that shows a value"


def test_the_public_functions_are_found() -> None:
    some = {
        "metrics.gini",
        "stats.benjamini_hochberg",
        "analysis.contrast.contrast",
        "io.cells.read_labels",
        "pl.plane",
    }
    assert some | {"tl.contrast", "get.scales", "clustering.leiden_labels", "simulate.simulate_atlas"} <= set(
        PUBLIC
    )


@pytest.mark.parametrize("name", ["analysis", "pl", "tl"])
def test_a_room_tells_what_each_of_its_files_is_for(name: str) -> None:
    room = import_module(f"concentra.{name}")
    files = {one.name for one in iter_modules(room.__path__) if not one.name.startswith("_")}
    told = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^`.*`$", room.__doc__ or "", re.MULTILINE))))
    assert files == told


def test_examples_that_show_nothing_or_are_skipped_do_not_count() -> None:
    def silent() -> None:
        """>>> 1 + 1  # doctest: +SKIP
        2
        >>> _ = 1
        """

    assert shown(silent) == []
