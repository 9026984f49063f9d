"""What all tests share: the data folder, and that its absence is a failure where it is required."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is not a wrong result; CI tries the same examples every time, people's machines new ones
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("few", deadline=None, max_examples=15, derandomize=True)  # for mutants, at first
settings.load_profile("unhurried")

VARIABLE = "CONCENTRA_DATA_DIR"
REQUIRED = "CONCENTRA_REQUIRE_DATA"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `data` where the folder is not there, unless it is required: then they run and fail."""
    if os.environ.get(VARIABLE) or os.environ.get(REQUIRED):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=f"{VARIABLE} is not set"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder."""
    name = os.environ.get(VARIABLE)
    assert name, f"{VARIABLE} is not set"
    folder = Path(name)
    assert folder.is_dir(), f"{folder} is not a folder"
    return folder


@pytest.fixture(scope="session", autouse=True)
def data_is_only_read() -> Iterator[None]:
    """No test writes into the data folder."""
    name = os.environ.get(VARIABLE)
    before = sorted(Path(name).rglob("*")) if name else []
    yield
    if name:
        assert sorted(Path(name).rglob("*")) == before
