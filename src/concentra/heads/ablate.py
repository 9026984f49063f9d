"""Switching heads off at the input of the attention output projection.

Three conventions, each replacing a head's slice of that input at every position of every sequence:

zero
    zeros. With all heads of a layer off, the projection returns its bias.
mean
    the slice's mean over all evaluation tokens that are not padding: one vector a head, no dependence on
    position or sequence (Michel et al. 2019 discuss why zero may leave the distribution of activations).
resample
    the slice of another sequence of the same batch at the same position. The sequences of batch b form one
    cycle in an order drawn from `seed` and b, so that none keeps its own.

References
----------
Michel, Levy & Neubig (2019), Are sixteen heads really better than one?, NeurIPS 32.
Voita et al. (2019), Analyzing multi-head self-attention, ACL, 5797-5808.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from concentra.errors import ArgumentError, HookError
from concentra.heads._torch import torch
from concentra.heads.batches import as_batch, main_input
from concentra.heads.guard import hooked
from concentra.heads.loss import call_model
from concentra.heads.sites import HeadSite, check_sites, find_head_sites, in_features
from concentra.heads.wrapped import unwrap

ABLATIONS = ("zero", "mean", "resample")


@dataclass(frozen=True)
class Replacement:
    """What stands in for the slice of a head: see the conventions of the module.

    `means` holds, for `mean`, the mean projection input (in_features,) by layer; `axes`, for `resample`, the axis of
    the sequences in each layer's projection input, where that is not the first.
    """

    ablation: str
    seed: int = 0
    means: dict[int, Any] = field(default_factory=dict)
    axes: dict[int, int] = field(default_factory=dict)

    def whole(self, site: HeadSite, clean: Any, n_sequences: int, batch_number: int) -> Any:
        """What stands in for the whole input of a projection, shaped to broadcast against `clean`."""
        if self.ablation == "zero":
            return torch.zeros((), dtype=clean.dtype, device=clean.device)
        if self.ablation == "mean":
            return self.means[site.layer].to(device=clean.device, dtype=clean.dtype)
        donors = torch.as_tensor(donor_sequences(n_sequences, self.seed, batch_number), device=clean.device)
        axis = self.axes.get(site.layer, 0)
        if axis:
            return clean.index_select(axis, donors)
        rows = clean.reshape(n_sequences, -1, clean.shape[-1])
        return rows[donors].reshape(clean.shape)


def donor_sequences(n_sequences: int, seed: int, batch_number: int) -> Any:
    """For each sequence of a batch the one whose activations replace its own: one cycle through all.

    >>> donors = donor_sequences(5, seed=0, batch_number=0)
    >>> sorted(donors.tolist()), bool((donors == np.arange(5)).any())
    ([0, 1, 2, 3, 4], False)
    """
    if n_sequences < 2:
        raise ArgumentError(
            found=f"a batch of {n_sequences} sequence",
            expected="two or more sequences in each batch, for ablation='resample'",
            fix="choose batch_size= so that no batch of one is left",
        )
    order = np.random.default_rng((seed, batch_number)).permutation(n_sequences)
    donors = np.empty_like(order)
    donors[order] = np.roll(order, 1)
    return donors


def columns_of(site: HeadSite, width: int, heads: Sequence[int]) -> Any:
    """Which of the `width` inputs of a projection the heads own, as indices."""
    size = width // site.n_heads
    return np.concatenate([np.arange(head * size, (head + 1) * size) for head in heads])


def replace_columns(clean: Any, variants: Sequence[Any], stand_in: Any) -> Any:
    """`clean`, holding one copy of the batch a variant one after the other, with each copy's columns replaced."""
    changed = clean.clone(memory_format=torch.contiguous_format)
    copies = changed.view(len(variants), -1, clean.shape[-1])
    if stand_in.dim() > 1:
        stand_in = stand_in.reshape(-1, clean.shape[-1])
    for number, columns in enumerate(variants):  # iterating over copies would forbid changes under autograd
        chosen = slice(int(columns[0]), int(columns[-1]) + 1) if _gapless(columns) else columns
        copies[number][:, chosen] = stand_in[..., chosen] if stand_in.dim() else stand_in
    return changed


def _gapless(columns: Any) -> bool:
    return int(columns[-1]) - int(columns[0]) + 1 == len(columns)


@contextmanager
def projection_input(
    model: Any, site: HeadSite, change: Callable[[Any], Any], *, calls: int | list[int] | None = 1
) -> Iterator[None]:
    """Let `change` map the input of a projection, and count that it is called as often as it should be.

    Raises
    ------
    HookError
        Where the projection was called another number of times than `calls` (a list: than it has entries at the end,
        where it has any; `None`: do not count). Never means that its weight is used behind its back; more than once,
        that layers share it.
    """
    seen = []

    def hook(module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        seen.append(1)
        if arguments:
            return (change(arguments[0]), *arguments[1:]), keywords
        name = next(iter(keywords))
        return arguments, {**keywords, name: change(keywords[name])}

    with hooked([model.get_submodule(site.name).register_forward_pre_hook(hook, with_kwargs=True)]):
        yield
    expected = (len(calls) or len(seen)) if isinstance(calls, list) else calls
    if expected is not None and len(seen) != expected:
        raise HookError(
            found=f"{site.name!r} was called {len(seen)} times in {expected} pass{'es' * (expected != 1)}",
            expected="once a pass: never means that its weight is used without calling it, more that layers share it",
            fix="give sites=[HeadSite(...), ...] that are called once, or write the attention with a Linear",
        )


@contextmanager
def ablated(
    model: Any,
    heads: Sequence[tuple[int, int]],
    *,
    ablation: str = "zero",
    means: dict[int, Any] | None = None,
    sites: Sequence[HeadSite] | None = None,
    seed: int = 0,
    batch_number: int = 0,
) -> Iterator[None]:
    """Switch off `heads`, given as (layer, head), in every forward pass of the block, those of `generate()` too.

    Parameters
    ----------
    heads
        (layer, head), both from 0.
    means
        For `ablation="mean"`: the mean projection input by layer, from `mean_inputs`.
    sites
        Where the heads are; found where not given.

    Raises
    ------
    ArgumentError
        A head or layer that does not exist, or no means for `ablation="mean"`.
    HookError
        A pass in which the projection was not called once.

    Examples
    --------
    >>> from concentra.heads.demo import small_model
    >>> model, tokens = small_model(0).eval(), torch.arange(8)[None]  # doctest: +SKIP
    >>> before = model(tokens).logits  # doctest: +SKIP
    >>> with ablated(model, [(0, 3)]):  # doctest: +SKIP
    ...     without = model(tokens).logits
    >>> bool((without == before).all()), bool((model(tokens).logits == before).all())  # doctest: +SKIP
    (False, True)
    """
    inner, prefix = unwrap(model)
    found = check_sites(inner, sites, prefix) if sites else find_head_sites(inner)
    by_layer = {site.layer: site for site in found}
    replacement = Replacement(check_ablation(ablation), seed, means or {})
    wanted = [(int(layer), int(head)) for layer, head in heads]
    check_heads(by_layer, wanted)
    _check_means(replacement, wanted)
    passes: list[int] = []

    def counted(module: Any, arguments: Any, output: Any) -> None:
        passes.append(1)

    with ExitStack() as stack:
        stack.enter_context(hooked([inner.register_forward_hook(counted)]))
        for layer in dict.fromkeys(layer for layer, _ in wanted):
            site = by_layer[layer]
            width = in_features(inner.get_submodule(site.name))
            columns = columns_of(site, width, sorted({head for at, head in wanted if at == layer}))

            def change(clean: Any, site: HeadSite = site, columns: Any = columns) -> Any:
                return replace_columns(
                    clean, [columns], replacement.whole(site, clean, clean.shape[0], batch_number)
                )

            stack.enter_context(projection_input(inner, site, change, calls=passes))
        yield


def check_heads(sites: dict[int, HeadSite], heads: Sequence[tuple[int, int]]) -> None:
    """Refuse heads (layer, head) that a model does not have."""
    for layer, head in heads:
        if layer not in sites or not 0 <= head < sites[layer].n_heads:
            there = f"heads 0 to {sites[layer].n_heads - 1}" if layer in sites else f"layers {sorted(sites)}"
            raise ArgumentError(
                found=f"no head {head} in layer {layer}",
                expected=f"{there}; both are counted from 0",
                fix="heads=[(0, 3), (8, 9)], pairs of layer and head",
            )


def _check_means(replacement: Replacement, heads: Sequence[tuple[int, int]]) -> None:
    absent = sorted({layer for layer, _ in heads} - set(replacement.means))
    if replacement.ablation == "mean" and absent:
        raise ArgumentError(
            found=f"no means for layers {absent}",
            expected="for ablation='mean': the mean projection input of each layer",
            fix="means=concentra.heads.mean_inputs(model, find_head_sites(model), batches)",
        )


def mean_inputs(model: Any, sites: Sequence[HeadSite], batches: Sequence[dict[str, Any]]) -> dict[int, Any]:
    """The mean input of each projection (in_features,) over all tokens that are not padding, in float64.

    >>> from concentra.heads.demo import small_model
    >>> model = small_model(0).eval()  # doctest: +SKIP
    >>> means = mean_inputs(model, find_head_sites(model), [{"input_ids": torch.arange(8)[None]}])  # doctest: +SKIP
    >>> len(means), tuple(means[0].shape)  # four layers, width 64  # doctest: +SKIP
    (4, (64,))
    """
    inner, prefix = unwrap(model)
    sites = check_sites(inner, sites, prefix)
    totals: dict[int, Any] = {}
    counts: dict[int, int] = {}
    for batch in map(as_batch, batches):
        padded = any(not bool(mask.all()) for mask in _masks(batch).values())
        axes = sequence_axes(inner, sites, batch) if padded else {}
        for site, clean in zip(sites, clean_inputs(inner, sites, batch), strict=True):
            rows = _counted_rows(site, clean, batch, axes.get(site.layer, 0))
            totals[site.layer] = totals.get(site.layer, 0) + rows.double().sum(dim=0)
            counts[site.layer] = counts.get(site.layer, 0) + len(rows)
    return {layer: total / counts[layer] for layer, total in totals.items()}


def _masks(batch: dict[str, Any]) -> dict[str, Any]:
    """The masks of the batch that tell padding, by name."""
    names = ("attention_mask", "decoder_attention_mask")
    return {name: batch[name].bool() for name in names if name in batch and batch[name].dim() == 2}


def _counted_rows(site: HeadSite, clean: Any, batch: dict[str, Any], axis: int) -> Any:
    """The rows (n, in_features) of a projection's input that are no padding.

    The decoder's own mask is that of projections in a decoder, unless they attend to the encoder; a batch without
    padding in the matching mask counts whole.
    """
    masks = _masks(batch)
    decoder = "decoder" in site.name.split(".") and "decoder_input_ids" in batch
    mask = masks.get("decoder_attention_mask" if decoder else "attention_mask")
    if mask is None or bool(mask.all()):
        return clean.reshape(-1, clean.shape[-1])
    mask = mask.transpose(0, 1) if axis == 1 else mask
    if mask.numel() * clean.shape[-1] != clean.numel():
        raise ArgumentError(
            found=f"an input of shape {tuple(clean.shape)} at {site.name!r}, padding {tuple(mask.shape)}",
            expected="for ablation='mean': one row a token, so that padding can be left out",
            fix="sequences without padding, or ablation='zero'",
        )
    return clean.reshape(-1, clean.shape[-1])[mask.reshape(-1)]


def sequence_axes(model: Any, sites: Sequence[HeadSite], batch: dict[str, Any]) -> dict[int, int]:
    """The axis of the sequences in each layer's projection input: 0, or 1 where the length comes first."""
    total = int(batch[main_input(batch)].shape[0])
    if total < 2:
        return {site.layer: 0 for site in sites}
    one = {
        name: value[:1] if value.dim() and value.shape[0] == total else value for name, value in batch.items()
    }
    axes = {}
    pairs = zip(sites, clean_inputs(model, sites, one), clean_inputs(model, sites, batch), strict=True)
    for site, single, whole in pairs:
        changed = [at for at, (a, b) in enumerate(zip(single.shape, whole.shape, strict=True)) if a != b]
        if len(changed) != 1 or whole.shape[changed[0]] != total * single.shape[changed[0]] or changed[0] > 1:
            raise HookError(
                found=f"inputs of shapes {tuple(single.shape)} and {tuple(whole.shape)} at {site.name!r}, for 1 "
                f"and {total} sequences",
                expected="sequences along the first or second axis",
                fix="ablation='zero', which does not ask which row belongs to which sequence",
            )
        axes[site.layer] = changed[0]
    return axes


def clean_inputs(model: Any, sites: Sequence[HeadSite], batch: dict[str, Any]) -> list[Any]:
    """The inputs of all projections in one pass without ablation."""
    seen: list[Any] = []

    def keep(clean: Any) -> Any:
        seen.append(clean)
        return clean

    with torch.no_grad(), ExitStack() as stack:
        for site in sites:
            stack.enter_context(projection_input(model, site, keep))
        call_model(model, batch)
    return seen


def check_ablation(ablation: str) -> str:
    """`ablation`, if it is one of the conventions."""
    if ablation not in ABLATIONS:
        raise ArgumentError(
            found=f"ablation={ablation!r}", expected=f"one of {', '.join(ABLATIONS)}", fix='ablation="zero"'
        )
    return ablation
