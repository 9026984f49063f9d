"""What a sweep takes before it is done: heads, passes, operations, memory, time.

A forward pass of T tokens takes 2 T operations a weight of its blocks, 4 T L w for the scores and sums of a layer of
attention (L the length, w the width of its heads together), and 2 T d V for the logits (d the width, V the
vocabulary). An ablation in block k of K leaves out the k blocks below and the attention of block k.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.checkpoints import Checkpoints
from concentra.heads.hub import read_config
from concentra.heads.kernels import Kernels
from concentra.heads.prefix import find_blocks
from concentra.heads.sites import HeadSite, find_head_sites, in_features
from concentra.heads.tiles import BYTES_AT_A_TIME
from concentra.heads.units import choose_units
from concentra.heads.wrapped import unwrap

EFFICIENCY = 0.6
"""Of the speed of one large matrix product, what a pass reaches."""
SIDE = 1024
"""Rows and columns of the matrices whose product is timed."""


@dataclass(frozen=True)
class Cost:
    """The cost of a sweep.

    Attributes
    ----------
    n_checkpoints, n_layers, n_units
        What is measured: units (heads, groups or layers) of one checkpoint.
    n_passes
        Forward passes in all, the baselines included; a pass is one batch.
    forwards_a_unit
        Operations of an ablation relative to a whole forward pass: below 1 by what is shared.
    operations
        In all, floating-point additions and multiplications.
    memory_bytes
        Weights, prefixes and logits held at the same time, at most.
    operations_a_second
        What the machine reaches, measured; seconds is `operations` by it.
    seconds
        Of computing, without loading.
    """

    n_checkpoints: int
    n_layers: int
    n_units: int
    n_passes: int
    forwards_a_unit: float
    operations: float
    memory_bytes: int
    operations_a_second: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """All numbers by name."""
        return asdict(self)


def sweep_cost(
    model: Any,
    *,
    n_sequences: int,
    length: int,
    batch_size: int = 8,
    n_checkpoints: int = 1,
    unit: str = "head",
    sites: Sequence[HeadSite] | None = None,
    layers: Sequence[int] | None = None,
    heads: Sequence[tuple[int, int]] | None = None,
    device: str = "cpu",
    operations_a_second: float | None = None,
) -> Cost:
    """What an exact sweep takes, from the sizes of the model alone: nothing is measured but the machine's speed.

    Parameters
    ----------
    model
        A model; it may lie on the device "meta", without weights.
    n_sequences, length, batch_size
        The evaluation tokens.
    n_checkpoints, unit, sites, layers, heads
        What is measured, as in `sweep_checkpoints`.
    device
        Where the speed is measured.
    operations_a_second
        The speed, where it is known.

    Examples
    --------
    >>> from concentra.heads.demo import small_model
    >>> cost = sweep_cost(small_model(0), n_sequences=32, length=128, operations_a_second=1e9)  # doctest: +SKIP
    >>> cost.n_units, cost.n_passes, cost.forwards_a_unit < 1  # 16 heads and a baseline, 4 batches  # doctest: +SKIP
    (16, 68, True)
    """
    model, _ = unwrap(model)
    all_sites = tuple(sites or find_head_sites(model))
    by_site = choose_units(model, all_sites, unit, heads, layers)
    chosen, units = list(by_site), list(map(len, by_site.values()))
    tokens = n_sequences * length
    whole, blocks, logits = _operations(model, all_sites, tokens, length)
    order = sorted(all_sites, key=lambda site: site.layer)
    total = whole
    for site, n_units in zip(chosen, units, strict=True):
        place = order.index(site)
        above = sum(blocks[place + 1 :]) + _behind_attention(model, site, blocks[place], tokens, length)
        total += n_units * (above + logits)
    n_batches = -(-n_sequences // batch_size)
    speed = operations_a_second or EFFICIENCY * measured_speed(device)
    operations = total * n_checkpoints
    return Cost(
        n_checkpoints=n_checkpoints,
        n_layers=len(chosen),
        n_units=sum(units),
        n_passes=n_batches * (sum(units) + 1) * n_checkpoints,
        forwards_a_unit=(total - whole) / max(1, sum(units)) / whole,
        operations=float(operations),
        memory_bytes=_memory(model, chosen, tokens, batch_size * length),
        operations_a_second=speed,
        seconds=operations / speed,
    )


def model_without_weights(source: Checkpoints, checkpoint: str) -> Any:
    """The model of a checkpoint on the device "meta": its sizes, and no weights."""
    place = source.config_place(checkpoint)
    options = {"local_files_only": True} if source.local else {"revision": checkpoint or "main"}
    config = read_config(str(place), **options)
    kind = source.class_of(config)
    with torch.device("meta"):
        return kind.from_config(config) if hasattr(kind, "from_config") else kind(config)


def measured_speed(device: str = "cpu") -> float:
    """Operations a second of a product of two square matrices of 1,024 rows in float32, the fastest of several."""
    one = torch.ones(SIDE, SIDE, device=device)
    best = float("inf")
    for _ in range(8):
        started = time.perf_counter()
        (one @ one)[0, 0].item()
        best = min(best, time.perf_counter() - started)
    return float(2 * SIDE**3 / best)


def _operations(
    model: Any, sites: Sequence[HeadSite], tokens: int, length: int
) -> tuple[float, list[float], float]:
    """Operations of a whole pass, of each block with a site (lowest first), and of the logits."""
    found = find_blocks(model, sites)
    order = sorted(sites, key=lambda site: site.layer)
    try:
        output = model.get_output_embeddings()
    except (AttributeError, NotImplementedError):
        output = None
    logits = 2.0 * tokens * output.weight.numel() if output is not None and hasattr(output, "weight") else 0.0
    blocks = []
    for site in order:
        scores = 4.0 * tokens * length * in_features(model.get_submodule(site.name))
        name = found.names[found.number[site.layer]] if found is not None else site.name
        weights = sum(one.numel() for one in model.get_submodule(name).parameters() if one.dim() > 1)
        blocks.append(2.0 * tokens * weights + scores)
    return sum(blocks) + logits, blocks, logits


def _behind_attention(model: Any, site: HeadSite, block: float, tokens: int, length: int) -> float:
    """What of a block is computed after the input of the projection: the projection and the feed-forward part."""
    projection = model.get_submodule(site.name)
    width = in_features(projection)
    attention = model.get_submodule(site.name.rpartition(".")[0])
    before = sum(one.numel() for one in attention.parameters() if one.dim() > 1)
    before -= sum(one.numel() for one in projection.parameters() if one.dim() > 1)
    return block - 2.0 * tokens * before - 4.0 * tokens * length * width


def _memory(model: Any, sites: Sequence[HeadSite], tokens: int, tokens_a_batch: int) -> int:
    weights = sum(one.numel() for one in model.parameters()) * 4
    width = max((in_features(model.get_submodule(site.name)) for site in sites), default=0)
    arranged = min(weights, Kernels.max_bytes)
    return int(weights + arranged + 8 * width * tokens + 6 * 4 * width * tokens_a_batch + 3 * BYTES_AT_A_TIME)
