"""PyTorch, imported when it is first used, so that the modules beside this one load without it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from concentra.errors import MissingDependencyError


def require(name: str) -> Any:
    """The optional module `name` of the extra `heads`, or an error that says how to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != name.split(".")[0]:
            raise
        raise MissingDependencyError(
            found=f"the Python package {name!r} is not installed",
            expected="PyTorch and transformers, which measure the heads of a model",
            fix='pip install "concentra[heads]"',
        ) from None


class _Lazy:
    """Stands for a module until one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(require(self._name), attribute)


torch: Any = _Lazy("torch")
"""The module `torch`, loaded at the first attribute."""
