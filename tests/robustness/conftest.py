"""The command line run in this process, as in the tests of the command line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import pytest

from concentra.cli import main
from definitions_study import Ended


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run the command line with these arguments."""
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)

    def ran(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["concentra", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ending:
            code = int(ending.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return ran
