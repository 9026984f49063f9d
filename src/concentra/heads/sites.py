"""Where the heads of a model can be switched off: the inputs of its attention output projections.

The input of the output projection is the concatenation of what the heads computed, so that zeroing a
head's slice there equals zeroing the head's columns of the projection's weight. Behind the projection the
heads are mixed: slicing its *output* is a common mistake whose ranking of heads has little to do with theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concentra.errors import ArgumentError, HookError
from concentra.heads._torch import torch
from concentra.heads.attention import Found, find_projections
from concentra.heads.loss import is_encoder_decoder
from concentra.heads.wrapped import unwrap

# fmt: off
HEAD_COUNTS = (
    "num_heads", "num_attention_heads", "n_heads", "n_head", "nheads", "num_head", "heads", "num_query_heads",
    "n_attention_heads", "n_local_heads_q", "num_local_heads",
)
VALUE_HEAD_COUNTS = ("num_v_heads", "num_value_heads", "n_value_heads", "linear_num_value_heads")
HEAD_WIDTHS = ("head_dim", "head_size", "attention_head_size", "dim_per_head", "d_head", "d_kv", "dim_head")
VALUE_HEAD_WIDTHS = ("head_v_dim", "v_head_dim", "value_head_dim", "linear_value_head_dim")
GROUP_COUNTS = (
    "num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_kv_head", "n_head_kv", "kv_heads", "kv_n_heads",
    "n_query_groups", "num_query_groups", "n_local_heads", "num_multi_query_groups_per_partition", "n_groups",
    "num_groups", "n_key_value_heads", "num_k_heads", "num_key_heads",
)
GROUP_SIZES = ("num_key_value_groups", "n_rep", "num_queries_per_kv", "group_size", "heads_per_group")
VALUES = ("v_proj", "value", "v", "to_v", "wv", "w_v", "v_lin", "value_proj", "values", "W_v", "Wv")
TOGETHER = (
    "qkv_proj", "qkv", "query_key_value", "c_attn", "Wqkv", "wqkv", "in_proj", "attn_qkv", "qkv_linear", "to_qkv",
)
# fmt: on
PARTS = ("encoder", "decoder", "cross")


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
        Query heads; each owns `in_features / n_heads` neighbouring inputs of the projection. In a layer of linear
        attention, value heads.
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
    if hasattr(projection, "base_layer"):
        return in_features(projection.base_layer)
    return int(projection.weight.shape[0])  # Conv1D stores (in, out)


def find_head_sites(model: Any, *, part: str | None = None) -> tuple[HeadSite, ...]:
    """The attention output projections of a model, in the order of its layers.

    A projection is a `Linear` or `Conv1D` called `o_proj`, `out_proj`, `c_proj`, `dense`, ... inside a
    module whose name or class speaks of attention. The number of heads is that of the layer's own attention module,
    else of the model's `config`; a layer of linear attention counts its value heads. Of a model that also sees or
    hears, the part that reads text is taken; layers without attention have no heads.

    Parameters
    ----------
    model
        A transformer, also wrapped (`DistributedDataParallel`, `torch.compile`, PEFT): names are those inside.
    part
        Of a model with an encoder and a decoder: "encoder", "decoder" or "cross" (the decoder's attention to the
        encoder).

    Raises
    ------
    HookError
        Where there is no such projection, where it cannot be decided which one it is, where a layer's attention has
        none, where the number of heads is unknown or does not divide its inputs, and for
        `torch.nn.MultiheadAttention`, whose `out_proj` is never called: its weight is handed to a fused function, so
        that hooks do not fire.

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
    model, _ = unwrap(model)
    if part is not None and part not in PARTS:
        raise ArgumentError(
            found=f"part={part!r}", expected=f"one of {', '.join(PARTS)}, or None", fix="part='decoder'"
        )
    if part is None and is_encoder_decoder(model):
        raise HookError(
            found=f"{type(model).__name__} has an encoder and a decoder",
            expected="one stack of layers",
            fix='sites=find_head_sites(model, part="decoder"), or "encoder", or "cross"; or name them: '
            "sites=[HeadSite(layer, name, n_heads, n_groups), ...]",
        )
    found = find_projections(model, part)
    numbers = _layer_numbers([one.name for one in found])
    return tuple(_site(model, layer, one) for layer, one in zip(numbers, found, strict=True))


def check_sites(model: Any, sites: Sequence[HeadSite], prefix: str = "") -> tuple[HeadSite, ...]:
    """The sites, after checking that each names a projection of the model that its heads divide.

    Names may carry the `prefix` of a wrapper that was taken off.
    """
    names = dict(model.named_modules())
    plain = tuple(
        HeadSite(site.layer, site.name.removeprefix(prefix), site.n_heads, site.n_groups)
        if site.name not in names
        else site
        for site in sites
    )
    for site in plain:
        if site.name not in names:
            raise HookError(
                found=f"no module {site.name!r} in {type(model).__name__}",
                expected="the dotted path of an attention output projection",
                fix="list the paths with [name for name, _ in model.named_modules()]",
            )
        _check_divides(site.name, in_features(names[site.name]), site.n_heads)
    if len({site.layer for site in plain}) < len(plain) or not plain:
        raise ArgumentError(
            found=f"layers {[site.layer for site in plain]}",
            expected="at least one site, and one site a layer",
            fix="number the sites 0, 1, 2, ...",
        )
    return plain


def _layer_numbers(names: list[str]) -> list[int]:
    """The number in each path that tells the layers apart, else 0, 1, 2, ..."""
    split = [[int(piece) for piece in name.split(".") if piece.isdigit()] for name in names]
    firsts = [numbers[0] for numbers in split if numbers]
    if len(firsts) == len(names) and len(set(firsts)) == len(names):
        return firsts
    return list(range(len(names)))


def _site(model: Any, layer: int, found: Found) -> HeadSite:
    width = in_features(model.get_submodule(found.name))
    attention = model.get_submodule(found.owner)
    places = [attention, *attention.modules()]
    if found.linear:
        n_heads = _number(places, VALUE_HEAD_COUNTS) or _by_width(places, width, VALUE_HEAD_WIDTHS)
        n_heads = n_heads or _number(places, HEAD_COUNTS) or _by_width(places, width, HEAD_WIDTHS)
    else:
        configs = [getattr(attention, "config", None), _text_config(model)]
        n_heads = _number(places, HEAD_COUNTS) or _by_width(places, width, HEAD_WIDTHS)
        n_heads = n_heads or _number([one for one in configs if one is not None], HEAD_COUNTS)
    if n_heads is None:
        own = "" if found.linear else " or in model.config"
        raise HookError(
            found=f"the number of heads of {found.owner!r} is not written on the module{own}",
            expected=f"an attribute {HEAD_COUNTS[0]!r} or {HEAD_WIDTHS[0]!r}",
            fix=f"sites=[HeadSite({layer}, {found.name!r}, n_heads=..., n_groups=...), ...]",
        )
    _check_divides(found.name, width, n_heads)
    return HeadSite(layer, found.name, n_heads, _groups(model, attention, places, n_heads, width // n_heads))


def _groups(model: Any, attention: Any, places: Sequence[Any], n_heads: int, width: int) -> int:
    """The heads of values: by the width of what computes the values, else as written, else one a query head."""
    by_weights = _groups_by_weights(places, n_heads, width)
    if by_weights is not None:
        return by_weights
    written = _number(places, GROUP_COUNTS)
    size = _number(places, GROUP_SIZES)
    if written is None and size:
        written = n_heads // size
    configs = [getattr(attention, "config", None), _text_config(model)]
    written = written or _number([one for one in configs if one is not None], GROUP_COUNTS) or n_heads
    return written if n_heads % written == 0 else n_heads


def _groups_by_weights(places: Sequence[Any], n_heads: int, width: int) -> int | None:
    """Each head's slice is a sum of values of the slice's width: so wide are the values of one group."""
    children = {name: child for place in places for name, child in place.named_children()}
    for name in VALUES:
        out = _out_features(children.get(name))
        if out is not None:
            groups, rest = divmod(out, width)
            return groups if rest == 0 and groups >= 1 and n_heads % groups == 0 else None
    for name in TOGETHER:
        out = _out_features(children.get(name))
        if out is not None:
            groups, rest = divmod(out - n_heads * width, 2 * width)
            return groups if rest == 0 and groups >= 1 and n_heads % groups == 0 else None
    return None


def _out_features(module: Any) -> int | None:
    if module is None:
        return None
    if hasattr(module, "out_features"):
        return int(module.out_features)
    if hasattr(module, "base_layer"):
        return _out_features(module.base_layer)
    return int(module.nf) if hasattr(module, "nf") else None  # Conv1D


def _text_config(model: Any) -> Any:
    config = getattr(model, "config", None)
    inner = getattr(config, "get_text_config", None)
    try:
        return inner() if callable(inner) else config
    except (AttributeError, TypeError, ValueError):
        return config


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


def _by_width(places: Sequence[Any], width: int, attributes: Sequence[str]) -> int | None:
    head_width = _number(places, attributes)
    return width // head_width if head_width and width % head_width == 0 else None
