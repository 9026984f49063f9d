"""Without PyTorch the package loads, noise is told, and everything else says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.heads

WITHOUT = """
import importlib, pkgutil, sys
sys.modules["torch"] = sys.modules["transformers"] = None
import concentra
assert "concentra.heads" not in sys.modules
import concentra.heads
for module in pkgutil.iter_modules(concentra.heads.__path__):
    importlib.import_module("concentra.heads." + module.name)
assert concentra.heads.noise.expected_noise_gini([1, 1]) > 0
from concentra.errors import MissingDependencyError
calls = [
    lambda: concentra.heads.find_head_sites(object()),
    lambda: concentra.heads.token_batches([1, 2, 3], n_sequences=1, length=2),
]
for call in calls:
    try:
        call()
    except MissingDependencyError as error:
        assert 'pip install "concentra[heads]"' in str(error), error
    else:
        raise SystemExit("no error")
"""


def test_without_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_does_not_load_torch() -> None:
    program = (
        "import sys, concentra, concentra.heads, concentra.heads.demo; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'safetensors')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
