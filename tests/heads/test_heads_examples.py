"""The examples of `concentra.heads`, those that need torch as well."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module

import pytest

from concentra import heads

pytestmark = pytest.mark.heads
NAMES = [name for name in heads.__all__ if inspect.isfunction(getattr(heads, name, None))]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_shows_what_it_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    function = getattr(heads, name)
    module = import_module(function.__module__)
    found = doctest.DocTestFinder(recurse=False).find(function, name, module=module, globs=dict(vars(module)))
    assert sum(bool(example.want) for test in found for example in test.examples) > 0
    for test in found:
        for example in test.examples:
            example.options.pop(doctest.SKIP, None)
        failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
        assert failed == 0, capsys.readouterr().out
