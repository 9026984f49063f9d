"""Which modules of a model are attention, and which Linear of each puts its heads together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from concentra.errors import HookError
from concentra.heads._torch import torch

# fmt: off
PROJECTION_NAMES = frozenset([
    "o_proj", "out_proj", "c_proj", "dense", "out_lin",
    "wo", "w_o", "o", "proj", "out",
    "to_out", "proj_out", "out_projection", "output_proj", "output_projection",
    "linear_out", "o_net", "post_proj", "resid_proj", "attn_out", "output_linear",
])
QUERY_NAMES = frozenset([
    "q_proj", "query", "q", "to_q", "wq", "w_q", "q_lin", "query_proj", "qkv_proj", "qkv", "query_key_value",
    "c_attn", "wqkv", "att_proj", "to_qkv", "q_a_proj", "q_net", "qkv_net",
])
# fmt: on
FEED_FORWARD = re.compile(
    r"mlp|ffn|feed_?forward|(^|_)ff($|_)|(^|_)fc\d*($|_)|experts?($|_|\d)|moe|intermediate"
)
CROSS = re.compile("cross_?att|encdecatt|enc_?dec_?att|encoder_att|crossattention")
OTHER_SENSES = re.compile(
    "vision|visual|image|video|audio|speech|pixel|(^|_)vit($|_)|tower|resampler|perceiver|qformer|"
    "projector|connector|multi_?modal|codec|mimi|depth_decoder|talker|code2wav|(^|_)dvae|vqmodel|aligner|"
    "embedder|pooler|classifier"
)
LINEAR = re.compile("linear_?att|deltanet|delta_?net|lightning|retention|gated_?linear|(^|_)gla($|_)|kda")
NAME_THEM = "name the projections yourself: sites=[HeadSite(layer, name, n_heads, n_groups), ...]"


@dataclass(frozen=True)
class Found:
    """An output projection, the attention module that owns it, and whether that attention is linear."""

    name: str
    owner: str
    linear: bool


def find_projections(model: Any, part: str | None) -> list[Found]:
    """The output projections of one stack of layers.

    Parameters
    ----------
    model
        The model, without wrappers.
    part
        Of an encoder-decoder "encoder", "decoder" or "cross"; else `None`.

    Raises
    ------
    HookError
        There is none; or two in one attention module; or an attention module without; or several stacks.
    """
    modules = dict(model.named_modules())
    within = _scope(modules, part)
    found = [one for one in _candidates(modules) if _wanted(one.name, part) and within(one.name)]
    attentions = [name for name in _attentions(modules) if _wanted(name, part) and within(name)]
    fused = [
        name
        for name, one in modules.items()
        if isinstance(one, torch.nn.MultiheadAttention) and within(name) and not CROSS.search(name.lower())
    ]
    if fused:
        raise HookError(
            found=f"torch.nn.MultiheadAttention at {fused[0]!r}: its out_proj is never called, hooks do not fire",
            expected="an attention module that calls its output projection",
            fix="write the attention with torch.nn.functional.scaled_dot_product_attention and a Linear",
        )
    if not found:
        raise HookError(
            found=f"no attention output projection in {type(model).__name__}",
            expected="a Linear called o_proj, out_proj, c_proj, dense, ... inside an attention module",
            fix=NAME_THEM,
        )
    _refuse_two_in_one(found)
    _refuse_without(attentions, found)
    _refuse_stacks(found)
    _refuse_shared(modules, found)
    return found


def _wanted(name: str, part: str | None) -> bool:
    return bool(CROSS.search(name.lower())) == (part == "cross")


def _scope(modules: dict[str, Any], part: str | None) -> Any:
    """Whether a name lies in the part of the model that is meant: encoder, decoder, or what reads text."""
    if part is not None:
        side = "encoder" if part == "encoder" else "decoder"
        return lambda name: (
            side in name.split(".")
            or any(piece.endswith(f"_{side}") or piece.startswith(f"{side}_") for piece in name.split("."))
        )
    reading = [name for name in _attentions(modules) if not OTHER_SENSES.search(_above(name))]
    if reading:
        return lambda name: not OTHER_SENSES.search(_above(name))
    return lambda name: True


def _above(name: str) -> str:
    """The path down to the first number, the name of the stack that a module is in."""
    pieces = name.lower().split(".")
    first = next((at for at, piece in enumerate(pieces) if piece.isdigit()), len(pieces))
    return ".".join(pieces[:first]).replace(".", "_")


def _candidates(modules: dict[str, Any]) -> Iterator[Found]:
    for name, module in modules.items():
        path = name.split(".")
        if path[-1].lower() not in PROJECTION_NAMES and not _first_of_sequence(path, module):
            continue
        if not is_projection(module):
            continue
        owners = [".".join(path[:depth]) for depth in range(len(path) - 1, 0, -1)]
        for owner in owners:
            if _feeds_forward(owner, modules[owner]):
                break
            if _is_attention(owner, modules[owner]):
                yield Found(name, owner, _linear(owner, modules[owner]))
                break


def _first_of_sequence(path: list[str], module: Any) -> bool:
    """`to_out.0`, the Linear in a sequence with dropout."""
    return (
        len(path) > 1 and path[-1] == "0" and path[-2].lower() in PROJECTION_NAMES and is_projection(module)
    )


def is_projection(module: Any) -> bool:
    """Whether a module is a `Linear`, quantised or with an adapter on it, or the `Conv1D` of GPT-2."""
    if hasattr(module, "base_layer"):
        return is_projection(module.base_layer)
    if getattr(module, "weight", None) is None:
        return False
    kind = type(module).__name__
    if kind == "Conv1D":
        return True
    inside = {name for name, _ in module.named_children()} - {"parametrizations", "_packed_params"}
    return hasattr(module, "in_features") and hasattr(module, "out_features") and not inside


def _attentions(modules: dict[str, Any]) -> list[str]:
    """Modules that speak of attention and compute queries."""
    return [
        name
        for name, module in modules.items()
        if name
        and _is_attention(name, module)
        and any(child.lower() in QUERY_NAMES for child, _ in module.named_children())
    ]


def _is_attention(path: str, module: Any) -> bool:
    kind = type(module).__name__.lower()
    leaf = path.rpartition(".")[2].lower()
    children = [name.lower() for name, _ in module.named_children()]
    whole = any(word in kind for word in ("layer", "block", "model", "for", "encoder", "decoder"))
    if whole and "attention" not in kind:
        return False
    if whole and any("attn" in child or "attention" in child for child in children if "norm" not in child):
        return leaf in ("attention", "attn", "self_attn", "self_attention")
    return "attn" in leaf or "attention" in leaf or "attention" in kind or bool(LINEAR.search(leaf + kind))


def _feeds_forward(path: str, module: Any) -> bool:
    leaf, kind = path.rpartition(".")[2].lower(), type(module).__name__.lower()
    if "attention" in kind or "attn" in leaf or "attention" in leaf:
        return False
    return bool(FEED_FORWARD.search(leaf) or re.search("mlp|feedforward|ffn|expert", kind))


def _linear(path: str, module: Any) -> bool:
    return bool(
        LINEAR.search(path.rpartition(".")[2].lower()) or LINEAR.search(type(module).__name__.lower())
    )


def _refuse_two_in_one(found: Iterable[Found]) -> None:
    owners: dict[str, str] = {}
    for one in found:
        if one.owner in owners:
            raise HookError(
                found=f"two candidates in one attention module: {owners[one.owner]!r} and {one.name!r}",
                expected="one output projection in each attention module",
                fix=NAME_THEM,
            )
        owners[one.owner] = one.name


def _refuse_without(attentions: Iterable[str], found: Iterable[Found]) -> None:
    owners = [one.owner for one in found]
    for name in attentions:
        if not any(
            f"{name}.".startswith(f"{owner}.") or f"{owner}.".startswith(f"{name}.") for owner in owners
        ):
            raise HookError(
                found=f"attention at {name!r} without an output projection of a usual name",
                expected="a Linear called o_proj, out_proj, c_proj, dense, ... in each attention module",
                fix=NAME_THEM,
            )


def _refuse_stacks(found: Iterable[Found]) -> None:
    stacks: dict[str, str] = {}
    for one in found:
        stacks.setdefault(_above(one.name), one.name)
    if len(stacks) > 1:
        raise HookError(
            found="attention in several stacks of layers: " + ", ".join(map(repr, list(stacks.values())[:4])),
            expected="one stack of layers",
            fix=NAME_THEM,
        )


def _refuse_shared(modules: dict[str, Any], found: Iterable[Found]) -> None:
    """Layers that share the weights of one projection have no heads of their own."""
    owners: dict[int, str] = {}
    for one in found:
        projection = getattr(modules[one.name], "base_layer", modules[one.name])
        matrices = [parameter for parameter in projection.parameters() if parameter.dim() > 1]
        other = next((owners[id(matrix)] for matrix in matrices if id(matrix) in owners), None)
        owners |= {id(matrix): one.name for matrix in matrices}
        if other is not None:
            raise HookError(
                found=f"{other!r} and {one.name!r} share their weights",
                expected="a projection of its own in each layer",
                fix="name those that are to be switched off one by one: sites=[HeadSite(...), ...]",
            )
