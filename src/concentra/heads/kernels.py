"""Products with the weights of a model by the kernels of oneDNN, whose layout of the weights is made once.

On a processor torch multiplies matrices of float32 with another library, which on many processors is slower by a
tenth, and either library arranges the weights anew for each product. Here each matrix is arranged once and kept, as
far as the memory allowed goes, and multiplied from there on. The products differ from those of torch in the last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.guard import replaced_forward
from concentra.heads.sizes import checksum

ALL = slice(None)
BLOCK = (64, 16)
"""Outputs and inputs that lie together, at most."""
SIDE = 8
"""Of the grid of entries by which weights are seen to be as they were."""


@dataclass(frozen=True)
class _Arranged:
    """Arranged weights, and what they were made of: held, so that nothing else takes its identity or its place."""

    whole: Any
    weight: Any
    version: int
    some: Any
    total: int
    arranged: Any

    def holds(self, weight: Any, *, all_of_it: bool) -> bool:
        """Whether the weights are still those: `.data` may be written to without a new version."""
        same = weight.data_ptr() == self.weight.data_ptr() and weight._version == self.version
        same = same and bool(torch.equal(_some(weight), self.some))
        return same and (not all_of_it or checksum(weight) == self.total)


@dataclass
class Kernels:
    """The arranged weights of one model, whose weights stay as they are.

    Parameters
    ----------
    max_bytes
        What they may hold; weights beyond it are arranged for each product.
    """

    max_bytes: int = 2**29
    held_bytes: int = field(default=0, init=False)
    kept: dict[tuple[int, int | None, int | None], _Arranged] = field(default_factory=dict, init=False)
    seen: set[tuple[int, int | None, int | None]] = field(default_factory=set, init=False)

    def product(self, rows: Any, module: Any, words: slice = ALL, bias: bool = True) -> Any:
        """What a `Linear` makes of rows (..., width): its outputs `words`, without its bias where not wanted."""
        weight = module.weight[words]
        added = module.bias[words] if bias and module.bias is not None else None
        if not _plain(rows, weight):
            return torch.nn.functional.linear(rows, weight, added)
        arranged = self._arranged(module.weight, weight, words, rows[..., 0].numel())
        return torch.ops.mkldnn._linear_pointwise(rows, arranged, added, "none", [], "")

    def _arranged(self, whole: Any, weight: Any, words: slice, n_rows: int) -> Any:
        key = (id(whole), words.start, words.stop)
        if key in self.kept and self.kept[key].holds(weight, all_of_it=key not in self.seen):
            self.seen.add(key)
            return self.kept[key].arranged
        size = 0 if key in self.kept else _arranged_bytes(weight)
        if not isinstance(whole, torch.nn.Parameter) or self.held_bytes + size > self.max_bytes:
            return weight
        arranged = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), n_rows)
        self.held_bytes += size
        some, total = _some(weight).clone(), checksum(weight)
        self.kept[key] = _Arranged(whole, weight.detach(), weight._version, some, total, arranged)
        self.seen.add(key)
        return arranged

    @contextmanager
    def used(self, model: Any) -> Iterator[None]:
        """Let all plain `Linear` modules of a model compute with these kernels.

        Here all of each matrix is seen to be as it was, once; at each further product, a grid of its entries.
        """
        self.seen.clear()
        with ExitStack() as stack:
            for module in model.modules():
                if type(module) is torch.nn.Linear and "forward" not in module.__dict__:
                    stack.enter_context(replaced_forward(module, self._forward(module)))
            yield

    def _forward(self, module: Any) -> Callable[[Any], Any]:
        return lambda input: self.product(input, module)


def _arranged_bytes(weight: Any) -> int:
    """What a matrix (outputs, inputs) holds once it is arranged in blocks, the last of which are filled up."""
    rows, columns = (-(-size // block) * block for size, block in zip(weight.shape, BLOCK, strict=True))
    return int(rows * columns * weight.element_size())


def _some(weight: Any) -> Any:
    """Entries of a matrix at equal distances, at most SIDE by SIDE."""
    rows, columns = (-(-size // SIDE) for size in weight.shape)
    return weight.detach()[::rows, ::columns]


def _plain(rows: Any, weight: Any) -> bool:
    """Whether oneDNN has a kernel: matrices of float32 in the memory of a processor."""
    here = rows.device.type == weight.device.type == "cpu" and rows.dtype == weight.dtype == torch.float32
    return bool(
        here
        and rows.numel()
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and not torch.is_autocast_enabled("cpu")
    )
