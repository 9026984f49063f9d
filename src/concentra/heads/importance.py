"""The importance of every head of one model: how much the loss worsens without it, and the error of that number."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.heads.ablate import (
    Replacement,
    check_ablation,
    clean_inputs,
    columns_of,
    mean_inputs,
    sequence_axes,
)
from concentra.heads.batches import as_batches, n_sequences
from concentra.heads.exact import Runner
from concentra.heads.guard import evaluating, placed, quantised
from concentra.heads.loss import Loss, next_token_loss, refuse_foresight, resolve_loss
from concentra.heads.noise import paired_delta
from concentra.heads.prefix import find_blocks
from concentra.heads.sites import HeadSite, check_sites, find_head_sites, in_features
from concentra.heads.taylor import TaylorRunner
from concentra.heads.unembedding import find_unembedding
from concentra.heads.wrapped import unwrap
from concentra.progress import track

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
UNITS = ("head", "kv_group", "layer")
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
    rises by 2 % without the head; a positive delta, that the model does better without it. `delta_se` is its
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
        Whether what lies below the ablated head is computed once. "auto": where that changes no bit.
    variants_per_pass
        How many ablations share one pass. "auto": as many as change no bit and save time; a number is taken
        where it changes the last bits only (relative differences of some 1e-6 in float32).
    max_cache_bytes
        Bound on what is kept from pass to pass together with the logits of one pass; it limits the variants.
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
    found = list(
        importance_by_layer(
            model,
            batches,
            ablation=ablation,
            method=method,
            heads=heads,
            layers=layers,
            unit=unit,
            loss=loss,
            sites=sites,
            prefix_cache=prefix_cache,
            variants_per_pass=variants_per_pass,
            max_cache_bytes=max_cache_bytes,
            target_se=target_se,
            min_sequences=min_sequences,
            seed=seed,
            device=device,
            dtype=dtype,
            name=name,
            checkpoint=checkpoint,
            timings=timings,
            progress=progress,
        )
    )
    table = pd.concat(found, ignore_index=True)
    table.attrs = found[-1].attrs
    return table


def importance_by_layer(
    model: Any,
    batches: Any,
    *,
    ablation: str = "zero",
    method: str = "exact",
    heads: Sequence[tuple[int, int]] | None = None,
    layers: Collection[int] | None = None,
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
) -> Iterator[pd.DataFrame]:
    """The rows of `head_importance`, one table a layer as soon as it is measured; see there for the parameters.

    With `target_se` and with `method="taylor"` all layers are measured at once: one table.
    """
    _check_options(method, unit, variants_per_pass, prefix_cache)
    check_ablation(ablation)
    named = {"model": name or _name(model), "checkpoint": checkpoint, "ablation": ablation, "method": method}
    model, prefix = unwrap(model)
    sites = check_sites(model, sites, prefix) if sites else find_head_sites(model)
    chosen = _units(model, sites, unit, heads, layers)
    whole = as_batches(batches)
    for batch in whole:
        _refuse_unknown_tokens(model, batch)
    if ablation == "resample":
        _refuse_padding(whole)
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        notes = stack.enter_context(placed(model, device, dtype))
        whole = [_on_device(model, batch) for batch in whole]
        known_loss = resolve_loss(loss, model)
        runner: Any = TaylorRunner(model, known_loss, Replacement("zero"), list(chosen))
        if method == "exact":
            runner = _runner(
                model, known_loss, sites, prefix_cache, variants_per_pass, max_cache_bytes, notes
            )
            runner.baseline(whole[0], 0)
        if loss == "auto" and known_loss is next_token_loss and not quantised(model):
            _refuse_foresight(model, list(chosen), whole[0])
        runner.replacement = _replacement(model, list(chosen), whole, ablation, seed, method)
        work = _Work(runner, chosen, whole, f"heads {checkpoint}".strip() if progress else "")
        pieces = work.at_once(target_se, min_sequences)
        if method == "exact" and target_se is None:
            pieces = work.by_layer()
        n_units = sum(len(site.heads_of(unit)) for site in sites)
        for units, *measured in pieces:
            table = _table(units, unit, *measured).assign(**named, unit=unit, model_heads=n_units)[COLUMNS]
            if not timings:
                table["seconds"] = np.nan
            table.attrs |= _about(runner, unit, variants_per_pass)
            yield table


def _runner(
    model: Any,
    loss: Loss,
    sites: Sequence[HeadSite],
    prefix_cache: bool | str,
    variants: int | str,
    max_cache_bytes: int,
    notes: list[str],
) -> Runner:
    return Runner(
        model,
        loss,
        Replacement("zero"),
        find_blocks(model, sites) if prefix_cache else None,
        find_unembedding(model, loss) if prefix_cache else None,
        prefix_required=prefix_cache is True,
        variants=variants,
        max_cache_bytes=max_cache_bytes,
        notes=notes,
    )


def _replacement(
    model: Any, sites: list[HeadSite], batches: list[dict[str, Any]], ablation: str, seed: int, method: str
) -> Replacement:
    means = mean_inputs(model, sites, batches) if ablation == "mean" else {}
    apart = ablation == "resample" or method == "taylor"
    axes = sequence_axes(model, sites, batches[0]) if apart else {}
    return Replacement(ablation, seed, means, axes)


def _refuse_foresight(model: Any, sites: list[HeadSite], batch: dict[str, Any]) -> None:
    try:
        refuse_foresight(model, batch)
    except ArgumentError:
        clean_inputs(model, sites, batch)  # projections that are never called are the worse fault
        raise


def _about(runner: Any, unit: str, variants: int | str) -> dict[str, Any]:
    about = {"unit": unit, "peak_bytes": runner.peak_bytes, "notes": list(runner.notes)}
    if isinstance(runner, Runner):
        about["variants_per_pass"] = max(runner.widths.values(), default=variants)
        about["prefix_cache"] = runner.blocks is not None
        about["few_rows"] = any(runner.chunked.values())
    return about


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


Units = list[tuple[int, Any]]


def _units(
    model: Any,
    sites: Sequence[HeadSite],
    unit: str,
    heads: Sequence[tuple[int, int]] | None,
    layers: Collection[int] | None,
) -> dict[HeadSite, Units]:
    """The units of each site with the projection inputs that they own, lowest layer first."""
    unknown = sorted(set(layers or []) - {site.layer for site in sites})
    if unknown or (layers is not None and not layers):
        raise ArgumentError(
            found=f"no layer {unknown[:5]}" if unknown else "no layer",
            expected=f"layers among {[site.layer for site in sites]}",
            fix="layers=[0, 1, ...], or leave it out for all",
        )
    wanted = None if heads is None else {(int(layer), int(head)) for layer, head in heads}
    chosen: dict[HeadSite, Units] = {}
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
    within = {site: units for site, units in chosen.items() if layers is None or site.layer in layers}
    if not within:
        raise ArgumentError(
            found=f"none of the heads is in layers {sorted(layers or [])}",
            expected="heads in the layers asked for",
            fix="leave out layers=, or heads=",
        )
    return within


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
    first = next(model.parameters(), None)
    return batch if first is None else {name: value.to(first.device) for name, value in batch.items()}


@dataclass(frozen=True)
class _Work:
    """What is measured by a runner, in one of two orders; `shown` says what of, "" shows nothing."""

    runner: Any
    chosen: dict[HeadSite, Units]
    batches: list[dict[str, Any]]
    shown: str

    def by_layer(self) -> Iterator[tuple[Any, ...]]:
        """Each layer's units, with sums (n,), counts (n,), ablated sums (n_units, n) and seconds (n_units,)."""
        steps = [(site, number) for site in self.chosen for number in range(len(self.batches))]
        rows: list[Any] = []
        spent = 0.0
        for site, number in track(steps, self.shown) if self.shown else steps:
            units = self.chosen[site]
            found, seconds = self.runner.layer(self.batches[number], number, site, [one for _, one in units])
            rows.append(found)
            spent += seconds
            if number == len(self.batches) - 1:
                yield self._whole({site: units}, rows, [spent / len(units)] * len(units), number)
                rows, spent = [], 0.0

    def at_once(self, target_se: float | None, min_sequences: int) -> Iterator[tuple[Any, ...]]:
        """All units, after the batch at which every standard error is at most the target."""
        rows: list[Any] = []
        seconds = np.zeros(sum(map(len, self.chosen.values())))
        done = 0
        for number, batch in enumerate(track(self.batches, self.shown) if self.shown else self.batches):
            found, spent = self._all_layers(batch, number)
            rows.append(found)
            seconds += spent
            done += n_sequences(batch)
            whole = self._whole(self.chosen, rows, seconds, number)
            if target_se is not None and done >= max(2, min_sequences):
                errors = paired_delta(whole[3], whole[1], whole[2])[1]
                if errors.max() <= target_se:
                    break
        yield whole

    def _all_layers(self, batch: dict[str, Any], number: int) -> tuple[Any, Any]:
        found, spent = [], []
        for site, units in self.chosen.items():
            rows, seconds = self.runner.layer(batch, number, site, [one for _, one in units])
            found.append(rows)
            spent += [seconds / len(units)] * len(units)
        return np.concatenate(found), np.array(spent)

    def _whole(
        self, chosen: dict[HeadSite, Units], rows: list[Any], seconds: Any, last: int
    ) -> tuple[Any, ...]:
        known = [self.runner.baseline(self.batches[number], number) for number in range(last + 1)]
        baseline, counts = (np.concatenate(parts) for parts in zip(*known, strict=True))
        return chosen, baseline, counts, np.concatenate(rows, axis=1), np.asarray(seconds)


def _table(
    chosen: dict[HeadSite, Units],
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
