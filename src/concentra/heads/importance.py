"""The importance of every head of one model: how much the loss worsens without it, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.heads.ablate import Replacement, check_ablation, columns_of, mean_inputs
from concentra.heads.batches import as_batches
from concentra.heads.exact import Runner
from concentra.heads.guard import evaluating, placed
from concentra.heads.loss import Loss, resolve_loss
from concentra.heads.noise import paired_delta
from concentra.heads.prefix import find_blocks
from concentra.heads.sites import HeadSite, check_sites, find_head_sites, in_features
from concentra.heads.taylor import TaylorRunner
from concentra.progress import track

COLUMNS = [
    "model",
    "checkpoint",
    "layer",
    "head",
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
UNITS = ("head", "kv_group", "layer")
METHODS = ("exact", "taylor")


def head_importance(
    model: Any,
    batches: Any,
    *,
    ablation: str = "zero",
    method: str = "exact",
    heads: Sequence[tuple[int, int]] | None = None,
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
    rises by 2 % without the head; a positive delta, that the model does better without it. `delta_se` is its
    standard error over the evaluation sequences, paired (see `concentra.heads.noise.paired_delta`); NaN with one
    sequence. The model is returned as it came, also after an exception.

    Parameters
    ----------
    model
        A transformer of Hugging Face or any module with attention output projections (see `find_head_sites`).
    batches
        Token ids (n_sequences, length), or mappings with `input_ids` and perhaps `attention_mask`, `labels`.
    ablation
        "zero", "mean" or "resample": see `concentra.heads.ablate`.
    method
        "exact": a forward pass a unit. "taylor": a first-order estimate for all, from one backward pass.
    heads
        The units to measure as (layer, number); all where not given.
    unit
        "head"; "kv_group": all query heads that share keys and values, numbered by group; "layer": all heads
        of a layer, numbered -1.
    loss
        "next_token", "token" (labels at their own positions), "auto", or a function from the output and the
        batch to summed losses and token counts, both (n_sequences,).
    sites
        Where the heads are; found where not given.
    prefix_cache
        Whether what lies below the ablated head is computed once. "auto": where that changes no bit.
    variants_per_pass
        How many ablations share one pass. "auto": as many as change no bit and save time; a number is taken
        as it is, and may change the last bits (relative differences of some 1e-6 in float32).
    max_cache_bytes
        Bound on what is kept from pass to pass together with the logits of one pass; it limits the variants.
    target_se
        Stop after the batch at which every delta's standard error is at most this, from `min_sequences` on.
    seed
        For "resample": which sequence lends its activations.
    device, dtype
        Where and in which type to compute; `None` leaves the model's.
    name, checkpoint
        What the columns `model` and `checkpoint` say.
    timings
        Whether `seconds` is measured; without, it is NaN and equal runs give equal tables.

    Returns
    -------
    DataFrame
        Columns `model, checkpoint, layer, head, ablation, method, baseline_loss, ablated_loss, delta, delta_se,
        n_sequences, n_tokens, seconds`. `attrs` tells the unit, how many variants shared a pass, whether the
        prefix was kept, and the bytes held at most.

    Raises
    ------
    HookError
        Where the heads cannot be reached: `torch.nn.MultiheadAttention`, layers that share a projection.

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
    _check_options(method, unit, variants_per_pass, prefix_cache)
    check_ablation(ablation)
    sites = check_sites(model, sites) if sites else find_head_sites(model)
    chosen = _units(model, sites, unit, heads)
    whole = as_batches(batches)
    if ablation == "resample":
        _refuse_padding(whole)
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        stack.enter_context(placed(model, device, dtype))
        whole = [_on_device(model, batch) for batch in whole]
        means = mean_inputs(model, list(chosen), whole) if ablation == "mean" else {}
        replacement = Replacement(ablation, seed, means)
        runner: Any = TaylorRunner(model, resolve_loss(loss, model), replacement)
        if method == "exact":
            blocks = find_blocks(model, sites) if prefix_cache else None
            runner = Runner(
                model,
                runner.loss,
                replacement,
                blocks,
                prefix_required=prefix_cache is True,
                variants=variants_per_pass,
                max_cache_bytes=max_cache_bytes,
            )
        shown = track(whole, f"heads {checkpoint}".strip()) if progress else iter(whole)
        measured = _measure(runner, chosen, shown, target_se, min_sequences)
    table = _table(chosen, unit, *measured)
    named = {"model": name or _name(model), "checkpoint": checkpoint, "ablation": ablation, "method": method}
    table = table.assign(**named)[COLUMNS]
    if not timings:
        table["seconds"] = np.nan
    table.attrs = {"unit": unit, "peak_bytes": runner.peak_bytes}
    if method == "exact":
        table.attrs |= {"variants_per_pass": max(runner.widths.values(), default=variants_per_pass)}
        table.attrs |= {"prefix_cache": runner.blocks is not None}
    return table


def _check_options(method: str, unit: str, variants: int | str, prefix: bool | str) -> None:
    checks = [
        ("method", method, METHODS),
        ("unit", unit, UNITS),
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


def _units(
    model: Any, sites: Sequence[HeadSite], unit: str, heads: Sequence[tuple[int, int]] | None
) -> dict[HeadSite, list[tuple[int, Any]]]:
    """The units of each site with the projection inputs that they own, lowest layer first."""
    wanted = None if heads is None else {(int(layer), int(head)) for layer, head in heads}
    chosen = {}
    for site in sorted(sites, key=lambda site: site.layer):
        width = in_features(model.get_submodule(site.name))
        units = [(number, columns_of(site, width, owned)) for number, owned in site.heads_of(unit)]
        kept = [one for one in units if wanted is None or (site.layer, one[0]) in wanted]
        if kept:
            chosen[site] = kept
    there = {(site.layer, number) for site, units in chosen.items() for number, _ in units}
    if not there or (wanted or there) - there:
        raise ArgumentError(
            found=f"no {unit} at (layer, number) {sorted((wanted or set()) - there)[:5]}",
            expected=f"layers {[site.layer for site in sites]} with {sites[0].n_heads} heads each",
            fix="heads=[(layer, number), ...], or leave it out for all",
        )
    return chosen


def _refuse_padding(batches: list[dict[str, Any]]) -> None:
    if any("attention_mask" in batch and bool((batch["attention_mask"] == 0).any()) for batch in batches):
        raise ArgumentError(
            found="padded sequences with ablation='resample'",
            expected="sequences of one length, so that each position has a donor",
            fix='concentra.heads.token_batches(tokens), or ablation="mean"',
        )


def _on_device(model: Any, batch: dict[str, Any]) -> dict[str, Any]:
    first = next(model.parameters(), None)
    return batch if first is None else {name: value.to(first.device) for name, value in batch.items()}


def _measure(
    runner: Any,
    chosen: dict[HeadSite, list[tuple[int, Any]]],
    batches: Iterator[dict[str, Any]],
    target_se: float | None,
    min_sequences: int,
) -> tuple[Any, Any, Any, Any]:
    """Baseline sums (n,), counts (n,), ablated sums (n_units, n), seconds (n_units,), over the batches used."""
    sites = {site: [columns for _, columns in units] for site, units in chosen.items()}
    baseline, counts, ablated = np.empty(0), np.empty(0, dtype=np.int64), None
    seconds = np.zeros(sum(len(units) for units in sites.values()))
    for number, batch in enumerate(batches):
        sums, n_tokens, by_layer, spent = runner.run_batch(batch, sites, number)
        rows = np.concatenate([by_layer[site.layer] for site in sites])
        baseline, counts = np.concatenate([baseline, sums]), np.concatenate([counts, n_tokens])
        ablated = rows if ablated is None else np.concatenate([ablated, rows], axis=1)
        seconds += np.concatenate(
            [[spent[site.layer] / len(units)] * len(units) for site, units in sites.items()]
        )
        if target_se is not None and len(baseline) >= max(2, min_sequences):
            errors = paired_delta(ablated, baseline, counts)[1]
            if errors.max() <= target_se:
                break
    return baseline, counts, ablated, seconds


def _table(
    chosen: dict[HeadSite, list[tuple[int, Any]]],
    unit: str,
    baseline: Any,
    counts: Any,
    ablated: Any,
    seconds: Any,
) -> pd.DataFrame:
    delta, delta_se = paired_delta(ablated, baseline, counts)
    labels = [(site.layer, number) for site, units in chosen.items() for number, _ in units]
    n_tokens = int(counts.sum())
    return pd.DataFrame(
        {
            "layer": [layer for layer, _ in labels],
            "head": [head for _, head in labels],
            "baseline_loss": baseline.sum() / n_tokens,
            "ablated_loss": ablated.sum(axis=1) / n_tokens,
            "delta": delta,
            "delta_se": delta_se,
            "n_sequences": int((counts > 0).sum()),
            "n_tokens": n_tokens,
            "seconds": seconds,
        }
    )


def _name(model: Any) -> str:
    path = getattr(getattr(model, "config", None), "name_or_path", "")
    return str(path) or type(model).__name__
