"""Optional packages of this wing, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from concentra.errors import MissingDependencyError

PACKAGES = {"sklearn": "scikit-learn"}


def needed(module: str) -> Any:
    """The module, or an error that says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        top = module.split(".")[0]
        raise MissingDependencyError(
            found=f"{PACKAGES.get(top, top)} is not installed",
            expected="the packages of the extra `clustering`",
            fix="pip install 'concentra[clustering]'",
        ) from error


def require_packages() -> None:
    """Raise where a package is missing without which no cells can be clustered."""
    for module in ("sklearn", "igraph"):
        needed(module)
