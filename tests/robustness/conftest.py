"""The command line run in this process, without any data folder."""

from __future__ import annotations

import pytest

from definitions_cli import Run, running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line with these arguments, without any data folder."""
    return running(monkeypatch, capsys)
