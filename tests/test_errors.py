"""The tree of errors: three parts, the built-in each resembles, the nearest name."""

from __future__ import annotations

import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra import errors

BUILT_IN = {
    errors.ColumnError: KeyError,
    errors.AmountError: ValueError,
    errors.ArgumentError: ValueError,
    errors.LabelError: ValueError,
    errors.DesignError: ValueError,
    errors.TableError: ValueError,
    errors.FileFormatError: OSError,
    errors.DataAbsentError: FileNotFoundError,
    errors.HookError: RuntimeError,
    errors.MissingDependencyError: ImportError,
}
TEXT = "error: 3 of 'x'\nexpected: 4\nfix: add one"


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.__name__)
def test_each_is_both(kind: type[errors.ConcentraError]) -> None:
    problem = kind(found="3 of 'x'", expected="4", fix="add one")
    assert str(problem) == TEXT
    assert isinstance(problem, BUILT_IN[kind])
    assert isinstance(problem, errors.ConcentraError)
    again = pickle.loads(pickle.dumps(problem))
    assert type(again) is kind
    assert str(again) == TEXT
    with pytest.raises(BUILT_IN[kind], match="fix: add one"):
        raise problem


def test_the_tree_in_the_docstring_is_complete() -> None:
    kinds = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.ConcentraError)
    }
    assert {kind.__name__ for kind in BUILT_IN} == kinds - {"ConcentraError"}
    assert all(name in (errors.__doc__ or "") for name in kinds)


def test_nearest() -> None:
    assert errors.nearest("Tisue", ["tissue", "age"]) == "did you mean 'tissue'?"
    assert errors.nearest("MOUSE.ID", ["mouse.id", "age"]) == "did you mean 'mouse.id'?"
    assert errors.nearest("zzz", ["b", "a"]) == "there are 'a', 'b'"
    assert errors.nearest("zzz", [f"column {n:02}" for n in range(15)]).endswith("'column 11' and 3 more")


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_nearest_never_fails(name: str, names: list[str]) -> None:
    assert isinstance(errors.nearest(name, names), str)
