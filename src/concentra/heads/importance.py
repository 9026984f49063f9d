"""The importance of every head of one model: how much the loss worsens without it, and the error of that number."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.heads.ablate import (
    Replacement,
    check_ablation,
    clean_inputs,
    mean_inputs,
    sequence_axes,
)
from concentra.heads.batches import as_batches
from concentra.heads.confirm import SharingError, sampled
from concentra.heads.exact import Runner
from concentra.heads.guard import evaluating, placed, quantised
from concentra.heads.loss import Loss, next_token_loss, refuse_foresight, resolve_loss
from concentra.heads.prefix import find_blocks
from concentra.heads.rows import Work, table_of
from concentra.heads.sites import HeadSite, check_sites, find_head_sites
from concentra.heads.taylor import TaylorRunner
from concentra.heads.unembedding import find_unembedding
from concentra.heads.units import choose_units
from concentra.heads.wrapped import unwrap

COLUMNS = [
    "model",
    "checkpoint",
    "layer",
    "head",
    "unit",
    "model_heads",
    "ablation",
    "method",
    "baseline_loss",
    "ablated_loss",
    "delta",
    "delta_se",
    "n_sequences",
    "n_tokens",
    "seconds",
]
METHODS = ("exact", "taylor")


def head_importance(
    model: Any,
    batches: Any,
    *,
    ablation: str = "zero",
    method: str = "exact",
    heads: Sequence[tuple[int, int]] | None = None,
    layers: Sequence[int] | None = None,
    unit: str = "head",
    loss: str | Loss = "auto",
    sites: Sequence[HeadSite] | None = None,
    prefix_cache: bool | str = "auto",
    variants_per_pass: int | str = "auto",
    max_cache_bytes: int = 2**30,
    target_se: float | None = None,
    min_sequences: int = 16,
    seed: int = 0,
    device: str | None = None,
    dtype: str | None = "float32",
    name: str | None = None,
    checkpoint: str | int = "",
    timings: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    r"""The change of a model's loss when each of its heads is switched off, one row a head.

    `delta` is :math:`-(L_{ablated} - L) / |L|` with L the mean loss of a token (nats): -0.02 says that the loss
    rises by 2% without the head; a positive delta, that the model does better without it. `delta_se` is its
    standard error over the evaluation sequences, paired (see `concentra.heads.noise.paired_delta`); NaN with one
    sequence. The model is returned as it came, also after an exception.

    Parameters
    ----------
    model
        A transformer of Hugging Face or any module with attention output projections (see `find_head_sites`); what
        training put around it (`DistributedDataParallel`, `torch.compile`, PEFT) is taken off.
    batches
        Token ids (n_sequences, length), or mappings of what the model takes, such as `input_ids`, `attention_mask`,
        and perhaps `labels`.
    ablation
        "zero", "mean" or "resample": see `concentra.heads.ablate`.
    method
        "exact": a forward pass a unit. "taylor": a first-order estimate for all, from one backward pass.
    heads, layers
        The units to measure as (layer, number), and the layers to measure; all where not given.
    unit
        "head"; "kv_group": all query heads that share keys and values, numbered by group; "layer": all heads
        of a layer, numbered -1.
    loss
        "next_token", "token" (labels at their own positions, as of masked models and of decoders with an encoder),
        "auto", or a function from the output and the batch to summed losses and token counts, both (n_sequences,).
        "auto" refuses the loss of the next token where the model sees that token.
    sites
        Where the heads are; found where not given.
    prefix_cache
        Whether what lies below the ablated head, or beside it, is computed once. "auto": where that changes no bit.
        Losses of a large vocabulary (logits above 16 MB) then come from tiles of it, where they agree to 1e-6, and
        from weights that are arranged once for the processor.
    variants_per_pass
        How many ablations share one pass. "auto": as many as change no bit and save time; a number is taken
        where it changes the last bits only (relative differences of some 1e-6 in float32).
    max_cache_bytes
        Bound on what is kept from pass to pass together with the logits of one pass; it limits the variants. Half
        of it may hold arranged weights.
    target_se
        Stop after the batch at which every delta's standard error is at most this, from `min_sequences` on.
    seed
        For "resample": which sequence lends its activations.
    device, dtype
        Where and in which type to compute; `None` leaves the model's. Quantised weights are used as loaded. The loss
        is computed in float32 at least, its sums in float64.
    name, checkpoint
        What the columns `model` and `checkpoint` say.
    timings
        Whether `seconds` is measured; without, it is NaN and equal runs give equal tables.

    Returns
    -------
    DataFrame
        Columns `model, checkpoint, layer, head, unit, model_heads` (units of the whole model), `ablation, method,
        baseline_loss, ablated_loss, delta, delta_se, n_sequences, n_tokens, seconds`. `attrs` tells the unit, how many
        variants shared a pass, whether the prefix was kept, the bytes held at most, and `notes`: which savings were
        left out, and why.

    Raises
    ------
    HookError
        Where the heads cannot be reached: `torch.nn.MultiheadAttention`, layers that share a projection.
    ArgumentError
        Heads, tokens or options that do not exist; the loss of the next token for a model that is not causal.

    References
    ----------
    Michel, Levy & Neubig (2019), NeurIPS 32; Voita et al. (2019), ACL, 5797-5808.

    Examples
    --------
    >>> from concentra.heads.batches import token_batches
    >>> from concentra.heads.demo import small_model
    >>> batches = token_batches(np.arange(64), n_sequences=2, length=32)  # doctest: +SKIP
    >>> table = head_importance(small_model(0), batches, checkpoint="step0", progress=False)  # doctest: +SKIP
    >>> len(table), sorted(table["layer"].unique().tolist())  # four layers of four heads  # doctest: +SKIP
    (16, [0, 1, 2, 3])
    """
    options = {name: value for name, value in locals().items() if name not in ("model", "batches")}
    try:
        found = list(importance_by_layer(model, batches, **options))
    except SharingError as error:
        if prefix_cache is True:
            raise
        instead = error.beyond(options)
        table = head_importance(model, batches, **options | instead)
        table.attrs["notes"] = [error.note(instead), *table.attrs["notes"]]
        return table
    table = pd.concat(found, ignore_index=True)
    table.attrs = found[-1].attrs
    return table


DEFAULTS: dict[str, Any] = {
    name: one.default
    for name, one in inspect.signature(head_importance).parameters.items()
    if one.default is not inspect.Parameter.empty
}


def importance_by_layer(model: Any, batches: Any, **options: Any) -> Iterator[pd.DataFrame]:
    """The rows of `head_importance`, one table a layer as soon as it is measured; see there for the options.

    With `target_se` and with `method="taylor"` all layers are measured at once: one table.

    Raises
    ------
    SharingError
        What passes share changed a result; the tables before it are void.
    """
    chosen = SimpleNamespace(**(DEFAULTS | options))
    _check_options(chosen.method, chosen.variants_per_pass, chosen.prefix_cache)
    check_ablation(chosen.ablation)
    named = {
        "model": chosen.name or _name(model),
        "checkpoint": chosen.checkpoint,
        "ablation": chosen.ablation,
        "method": chosen.method,
    }
    model, prefix = unwrap(model)
    sites = check_sites(model, chosen.sites, prefix) if chosen.sites else find_head_sites(model)
    units = choose_units(model, sites, chosen.unit, chosen.heads, chosen.layers)
    whole = as_batches(batches)
    for batch in whole:
        _refuse_unknown_tokens(model, batch)
    if chosen.ablation == "resample":
        _refuse_padding(whole)
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        notes = stack.enter_context(placed(model, chosen.device, chosen.dtype))
        whole = [_on_device(model, batch) for batch in whole]
        runner = _runner(model, sites, list(units), whole, chosen, notes)
        if chosen.method == "exact":
            runner.again = sampled({site.layer: len(some) for site, some in units.items()}, len(whole))
        shown = f"heads {chosen.checkpoint}".strip() if chosen.progress else ""
        pieces = Work(runner, units, whole, shown).pieces(
            chosen.method, chosen.target_se, chosen.min_sequences
        )
        n_units = sum(len(site.heads_of(chosen.unit)) for site in sites)
        for found, *measured in pieces:
            table = table_of(found, *measured).assign(**named, unit=chosen.unit, model_heads=n_units)[COLUMNS]
            if not chosen.timings:
                table["seconds"] = np.nan
            table.attrs |= _about(runner, chosen.unit, chosen.variants_per_pass)
            yield table


def _runner(
    model: Any,
    sites: Sequence[HeadSite],
    measured: list[HeadSite],
    batches: list[dict[str, Any]],
    chosen: SimpleNamespace,
    notes: list[str],
) -> Any:
    """What measures: exact or Taylor, with its first baseline, once the model is seen to be causal where it must be."""
    loss = resolve_loss(chosen.loss, model)
    runner: Any = TaylorRunner(model, loss, Replacement("zero"), measured)
    states = None
    if chosen.method == "exact":
        runner = Runner(
            model,
            loss,
            Replacement("zero"),
            find_blocks(model, sites) if chosen.prefix_cache else None,
            find_unembedding(model, loss, chosen.max_cache_bytes // 2) if chosen.prefix_cache else None,
            prefix_required=chosen.prefix_cache is True,
            variants=chosen.variants_per_pass,
            max_cache_bytes=chosen.max_cache_bytes,
            notes=notes,
        )
        runner.baseline(batches[0], 0)
        states = runner.states
    if chosen.loss == "auto" and loss is next_token_loss and not quantised(model):
        _refuse_foresight(model, measured, batches[0], states)
    runner.replacement = _replacement(model, measured, batches, chosen)
    return runner


def _replacement(
    model: Any, sites: list[HeadSite], batches: list[dict[str, Any]], chosen: SimpleNamespace
) -> Replacement:
    means = mean_inputs(model, sites, batches) if chosen.ablation == "mean" else {}
    apart = chosen.ablation == "resample" or chosen.method == "taylor"
    axes = sequence_axes(model, sites, batches[0]) if apart else {}
    return Replacement(chosen.ablation, chosen.seed, means, axes)


def _refuse_foresight(
    model: Any, sites: list[HeadSite], batch: dict[str, Any], states: Callable[[dict[str, Any]], Any] | None
) -> None:
    try:
        refuse_foresight(model, batch, states)
    except ArgumentError:
        clean_inputs(model, sites, batch)  # projections that are never called are the worse fault
        raise


def _about(runner: Any, unit: str, variants: int | str) -> dict[str, Any]:
    about = {"unit": unit, "peak_bytes": runner.peak_bytes, "notes": list(runner.notes)}
    if isinstance(runner, Runner):
        about["variants_per_pass"] = max(runner.widths.values(), default=variants)
        about["prefix_cache"] = runner.blocks is not None
        about["tiles"] = any(runner.tiled.values())
    return about


def _check_options(method: str, variants: int | str, prefix: bool | str) -> None:
    checks = [
        ("method", method, METHODS),
        ("prefix_cache", prefix, ("auto", True, False)),
    ]
    for name, value, allowed in checks:
        if value not in allowed:
            raise ArgumentError(
                found=f"{name}={value!r}",
                expected=f"one of {', '.join(map(repr, allowed))}",
                fix=f"{name}={allowed[0]!r}",
            )
    if variants != "auto" and not (isinstance(variants, int) and variants >= 1):
        raise ArgumentError(
            found=f"variants_per_pass={variants!r}",
            expected="'auto' or a positive number",
            fix='variants_per_pass="auto"',
        )


def _refuse_unknown_tokens(model: Any, batch: dict[str, Any]) -> None:
    ids = batch.get("input_ids")
    try:
        size = int(model.get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError, TypeError):
        return
    if ids is None or (int(ids.min()) >= 0 and int(ids.max()) < size):
        return
    raise ArgumentError(
        found=f"token ids from {int(ids.min())} to {int(ids.max())}",
        expected=f"ids of the model's vocabulary, 0 to {size - 1}",
        fix="make the tokens with the model's own tokenizer",
    )


def _refuse_padding(batches: list[dict[str, Any]]) -> None:
    if any("attention_mask" in batch and bool((batch["attention_mask"] == 0).any()) for batch in batches):
        raise ArgumentError(
            found="padded sequences with ablation='resample'",
            expected="sequences of one length, so that each position has a donor",
            fix='concentra.heads.token_batches(tokens), or ablation="mean"',
        )


def _on_device(model: Any, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch where the model is; weights that are loaded when they are needed bring their inputs there too."""
    first = next(model.parameters(), None)
    if first is None or first.device.type == "meta":
        return batch
    return {name: value.to(first.device) for name, value in batch.items()}


def _name(model: Any) -> str:
    path = getattr(getattr(model, "config", None), "name_or_path", "")
    return str(path) or type(model).__name__
