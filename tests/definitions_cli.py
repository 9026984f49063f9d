"""The command line run in this process: as fast as a function call."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import pytest

from concentra.cli import main
from definitions_study import Ended

Run = Callable[..., Ended]


def running(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the command line without any data folder, and leaves this process as it was."""
    for name in ("CONCENTRA_DATA_DIR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

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
