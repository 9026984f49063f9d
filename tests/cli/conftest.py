"""The command line run in this process."""

from __future__ import annotations

import pytest

from definitions_cli import Run, running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line with these arguments."""
    return running(monkeypatch, capsys)
