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
from concentra.heads.guard import hooked
from concentra.heads.loss import call_model
from concentra.heads.sites import HeadSite, check_sites, find_head_sites, in_features

ABLATIONS = ("zero", "mean", "resample")


@dataclass(frozen=True)
class Replacement:
    """What stands in for the slice of a head: see the conventions of the module.

    `means` holds, for `mean`, the mean projection input (in_features,) by layer.
    """

    ablation: str
    seed: int = 0
    means: dict[int, Any] = field(default_factory=dict)

    def whole(self, site: HeadSite, clean: Any, n_sequences: int, batch_number: int) -> Any:
        """What stands in for the whole input of a projection, shaped to broadcast against `clean`."""
        if self.ablation == "zero":
            return torch.zeros((), dtype=clean.dtype, device=clean.device)
        if self.ablation == "mean":
            return self.means[site.layer].to(device=clean.device, dtype=clean.dtype)
        donors = torch.as_tensor(donor_sequences(n_sequences, self.seed, batch_number), device=clean.device)
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
            fix="choose a batch_size that leaves no batch of one",
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
    model: Any, site: HeadSite, change: Callable[[Any], Any], *, calls: int | None = 1
) -> Iterator[None]:
    """Let `change` map the input of a projection, and count that it is called as often as it should be.

    Raises
    ------
    HookError
        Where the projection was called another number of times than `calls` (`None`: do not count). Never
        means that its weight is used behind its back; more than once, that layers share it.
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
    if calls is not None and len(seen) != calls:
        raise HookError(
            found=f"{site.name!r} was called {len(seen)} times in one pass",
            expected="once: never means that its weight is used without calling it, more that layers share it",
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
    """Switch off `heads`, given as (layer, head), for the one forward pass of the block.

    Parameters
    ----------
    means
        For `ablation="mean"`: the mean projection input by layer, from `mean_inputs`.
    sites
        Where the heads are; found where not given.

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
    by_layer = {site.layer: site for site in (check_sites(model, sites) if sites else find_head_sites(model))}
    replacement = Replacement(check_ablation(ablation), seed, means or {})
    contexts = []
    for layer in dict.fromkeys(layer for layer, _ in heads):
        site = by_layer[layer]
        width = in_features(model.get_submodule(site.name))
        columns = columns_of(site, width, sorted({head for at, head in heads if at == layer}))

        def change(clean: Any, site: HeadSite = site, columns: Any = columns) -> Any:
            whole = replacement.whole(site, clean, clean.shape[0], batch_number)
            return replace_columns(clean, [columns], whole)

        contexts.append(projection_input(model, site, change))
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


def mean_inputs(model: Any, sites: Sequence[HeadSite], batches: Sequence[dict[str, Any]]) -> dict[int, Any]:
    """The mean input of each projection (in_features,) over all tokens that are not padding, in float64.

    >>> from concentra.heads.demo import small_model
    >>> model = small_model(0).eval()  # doctest: +SKIP
    >>> means = mean_inputs(model, find_head_sites(model), [{"input_ids": torch.arange(8)[None]}])  # doctest: +SKIP
    >>> len(means), tuple(means[0].shape)  # four layers, width 64  # doctest: +SKIP
    (4, (64,))
    """
    totals: dict[int, Any] = {}
    n_tokens = 0
    for batch in batches:
        mask = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool()
        n_tokens += int(mask.sum())
        for site, clean in zip(sites, clean_inputs(model, sites, batch), strict=True):
            rows = clean.reshape(mask.numel(), -1)[mask.reshape(-1)].double().sum(dim=0)
            totals[site.layer] = totals.get(site.layer, 0) + rows
    return {layer: total / n_tokens for layer, total in totals.items()}


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
