"""Where the heads of a model can be switched off: the inputs of its attention output projections.

The input of the output projection is the concatenation of what the heads computed, so that zeroing a
head's slice there equals zeroing the head's columns of the projection's weight. Behind the projection the
heads are mixed: slicing its *output* is a common mistake whose ranking of heads has little to do with theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from concentra.errors import ArgumentError, HookError
from concentra.heads._torch import torch

# fmt: off
PROJECTION_NAMES = frozenset([
    "o_proj", "out_proj", "c_proj", "dense", "out_lin",
    "wo", "w_o", "o", "proj", "out",
    "to_out", "proj_out", "out_projection", "output_proj", "output_projection",
    "linear_out",
])
# fmt: on
HEAD_COUNTS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nheads", "heads", "num_query_heads")
HEAD_WIDTHS = ("head_dim", "head_size", "attention_head_size", "d_head", "d_kv")
GROUP_COUNTS = ("num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_kv_head", "n_head_kv")


@dataclass(frozen=True)
class HeadSite:
    """One attention output projection, and how its input is divided among heads.

    Parameters
    ----------
    layer
        Number of the layer, as it appears in the table.
    name
        Dotted path of the projection in the model.
    n_heads
        Query heads; each owns `in_features / n_heads` neighbouring inputs of the projection.
    n_groups
        Groups of query heads that share a key and value head; `n_heads` where nothing is shared.
    """

    layer: int
    name: str
    n_heads: int
    n_groups: int

    def __post_init__(self) -> None:
        if self.n_heads < 1 or self.n_groups < 1 or self.n_heads % self.n_groups:
            raise ArgumentError(
                found=f"{self.n_heads} heads in {self.n_groups} groups at {self.name!r}",
                expected="positive numbers, the heads a multiple of the groups",
                fix="give n_groups=n_heads where no keys and values are shared",
            )

    def heads_of(self, unit: str) -> list[tuple[int, tuple[int, ...]]]:
        """The units of the site, each with the heads it consists of: heads, groups, or the layer (-1).

        >>> HeadSite(0, "attn.o_proj", n_heads=4, n_groups=2).heads_of("kv_group")
        [(0, (0, 1)), (1, (2, 3))]
        """
        if unit == "layer":
            return [(-1, tuple(range(self.n_heads)))]
        size = 1 if unit == "head" else self.n_heads // self.n_groups
        return [(i, tuple(range(i * size, (i + 1) * size))) for i in range(self.n_heads // size)]


def in_features(projection: Any) -> int:
    """The number of inputs of a projection: a `Linear` (also a quantised one) or the `Conv1D` of GPT-2."""
    if hasattr(projection, "in_features"):
        return int(projection.in_features)
    return int(projection.weight.shape[0])  # Conv1D stores (in, out)


def find_head_sites(model: Any) -> tuple[HeadSite, ...]:
    """The attention output projections of a model, in the order of its layers.

    A projection is a `Linear` or `Conv1D` called `o_proj`, `out_proj`, `c_proj`, `dense`, ... inside a
    module whose name or class speaks of attention. The number of heads is read from the attention module
    (`num_heads`, or `head_dim`), else from the model's `config`.

    Raises
    ------
    HookError
        Where there is no such projection, where it cannot be told which one it is, where the number of
        heads is unknown or does not divide its inputs, and for `torch.nn.MultiheadAttention`, whose
        `out_proj` is never called: its weight is handed to a fused function, so that hooks do not fire.

    Examples
    --------
    >>> from concentra.heads.demo import small_model
    >>> find_head_sites(small_model(0))[0]  # doctest: +SKIP
    HeadSite(layer=0, name='gpt_neox.layers.0.attention.dense', n_heads=4, n_groups=4)
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(
            found=f"a {type(model).__name__} for a model",
            expected="a torch.nn.Module",
            fix='model = concentra.heads.checkpoint_loader("folder")("step512")',
        )
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        raise HookError(
            found=f"{type(model).__name__} has an encoder and a decoder",
            expected="one stack of layers",
            fix="name the projections yourself: sites=[HeadSite(layer, name, n_heads, n_groups), ...]",
        )
    found = dict(_candidates(model))
    if not found:
        raise HookError(
            found=f"no attention output projection in {type(model).__name__}",
            expected="a Linear called o_proj, out_proj, c_proj, dense, ... inside an attention module",
            fix="name the projections yourself: sites=[HeadSite(layer, name, n_heads, n_groups), ...]",
        )
    _refuse_two_in_one(found)
    numbers = _layer_numbers(list(found))
    return tuple(
        _site(model, layer, name, owner) for layer, (name, owner) in zip(numbers, found.items(), strict=True)
    )


def check_sites(model: Any, sites: Sequence[HeadSite]) -> tuple[HeadSite, ...]:
    """The sites, after checking that each names a projection of the model that its heads divide."""
    names = dict(model.named_modules())
    for site in sites:
        if site.name not in names:
            raise HookError(
                found=f"no module {site.name!r} in {type(model).__name__}",
                expected="the dotted path of an attention output projection",
                fix="list the paths with [name for name, _ in model.named_modules()]",
            )
        _check_divides(site.name, in_features(names[site.name]), site.n_heads)
    if len({site.layer for site in sites}) < len(sites) or not sites:
        raise ArgumentError(
            found=f"layers {[site.layer for site in sites]}",
            expected="at least one site, and one site a layer",
            fix="number the sites 0, 1, 2, ...",
        )
    return tuple(sites)


def _candidates(model: Any) -> Iterator[tuple[str, str]]:
    """Each projection with the path of the attention module that owns it."""
    modules = dict(model.named_modules())
    for name, module in modules.items():
        if isinstance(module, torch.nn.MultiheadAttention):
            raise HookError(
                found=f"torch.nn.MultiheadAttention at {name!r}: its out_proj is never called, hooks do not fire",
                expected="an attention module that calls its output projection",
                fix="write the attention with torch.nn.functional.scaled_dot_product_attention and a Linear",
            )
        leaf = name.rpartition(".")[2]
        path = name.split(".")
        if leaf.lower() not in PROJECTION_NAMES or not _is_projection(module):
            continue
        if re.search("cross_?att|encdecatt|encoder_att", name.lower()):
            continue
        owners = [".".join(path[:depth]) for depth in range(len(path) - 1, 0, -1)]
        owner = next((o for o in owners if _speaks_of_attention(o, modules[o])), None)
        if owner is not None:
            yield name, owner


def _is_projection(module: Any) -> bool:
    weight = getattr(module, "weight", None)
    kind = type(module).__name__
    return (
        weight is not None and (hasattr(module, "in_features") or kind == "Conv1D") and not _children(module)
    )


def _children(module: Any) -> bool:
    return any(True for _ in module.children())


def _speaks_of_attention(path: str, module: Any) -> bool:
    kind = type(module).__name__.lower()
    if any(word in kind for word in ("layer", "block", "model", "for")) and "attention" not in kind:
        return False
    leaf = path.rpartition(".")[2].lower()
    return "attn" in leaf or "attention" in leaf or "attention" in kind


def _refuse_two_in_one(found: dict[str, str]) -> None:
    owners: dict[str, str] = {}
    for name, owner in found.items():
        if owner in owners:
            raise HookError(
                found=f"two candidates in one attention module: {owners[owner]!r} and {name!r}",
                expected="one output projection in each attention module",
                fix="name the projections yourself: sites=[HeadSite(layer, name, n_heads, n_groups), ...]",
            )
        owners[owner] = name


def _layer_numbers(names: list[str]) -> list[int]:
    """The number in each path that tells the layers apart, else 0, 1, 2, ..."""
    split = [[int(piece) for piece in name.split(".") if piece.isdigit()] for name in names]
    firsts = [numbers[0] for numbers in split if numbers]
    if len(firsts) == len(names) and len(set(firsts)) == len(names):
        return firsts
    return list(range(len(names)))


def _site(model: Any, layer: int, name: str, owner: str) -> HeadSite:
    projection, attention = model.get_submodule(name), model.get_submodule(owner)
    width = in_features(projection)
    places = [attention, *attention.modules()]
    configs = [
        c for c in (getattr(attention, "config", None), getattr(model, "config", None)) if c is not None
    ]
    n_heads = _number(places, HEAD_COUNTS) or _by_width(places, width) or _number(configs, HEAD_COUNTS)
    if n_heads is None:
        raise HookError(
            found=f"the number of heads of {owner!r} is not written on the module or in model.config",
            expected=f"an attribute {HEAD_COUNTS[0]!r} or {HEAD_WIDTHS[0]!r}",
            fix=f"sites=[HeadSite({layer}, {name!r}, n_heads=..., n_groups=...), ...]",
        )
    _check_divides(name, width, n_heads)
    groups = _number(places, GROUP_COUNTS)
    shared = _number(places, ("num_key_value_groups",))
    if groups is None and shared:
        groups = n_heads // shared
    groups = groups or _number(configs, GROUP_COUNTS) or n_heads
    return HeadSite(layer, name, n_heads, groups if n_heads % groups == 0 else n_heads)


def _check_divides(name: str, width: int, n_heads: int) -> None:
    if n_heads < 1 or width % n_heads:
        raise HookError(
            found=f"{n_heads} heads for the {width} inputs of {name!r}",
            expected="a number of heads that divides the inputs",
            fix=f"sites=[HeadSite(layer, {name!r}, n_heads=..., n_groups=...), ...]",
        )


def _number(places: Sequence[Any], attributes: Sequence[str]) -> int | None:
    for place in places:
        for attribute in attributes:
            value = getattr(place, attribute, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def _by_width(places: Sequence[Any], width: int) -> int | None:
    head_width = _number(places, HEAD_WIDTHS)
    return width // head_width if head_width and width % head_width == 0 else None
