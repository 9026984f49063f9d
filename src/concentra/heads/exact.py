"""Exact ablation, batch by batch: one forward pass a unit, with what can be shared between passes shared.

Savings never change a bit of a result, and that is checked rather than assumed: a pass from the prefix without
ablation must give the baseline's losses, and several variants in one pass must give, on the first batch of each
shape, the very losses that they give one at a time. What fails the check is not used.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import HookError
from concentra.heads._torch import torch
from concentra.heads.ablate import Replacement, projection_input, replace_columns
from concentra.heads.loss import Loss, call_model
from concentra.heads.prefix import Blocks, Prefix, advance, gather, repeated, resuming
from concentra.heads.sites import HeadSite, in_features

Sums = NDArray[np.float64]
WORTH_BATCHING = 0.25
"""Seconds of a forward pass above which overhead is small, so that several variants in one save nothing."""
WORTHWHILE = 0.9
"""What two variants in one pass may cost, relative to one at a time, for more to be tried."""
ROWS_OF_A_KERNEL = 16
"""Matrix kernels treat the rows that are left over by this number in another way, with other last bits."""


@dataclass
class Runner:
    """Measures the loss of one model with units switched off.

    Parameters
    ----------
    model, loss, replacement
        What is measured, by which loss, with what in a head's place.
    blocks
        The blocks of the model, or `None` where the prefix is not to be kept.
    prefix_required
        Whether a prefix that does not give the baseline is an error rather than left unused.
    variants
        Variants of the batch in one pass, or "auto".
    max_cache_bytes
        What the logits of one pass and the repeated prefix may hold together; it bounds the variants.
    """

    model: Any
    loss: Loss
    replacement: Replacement
    blocks: Blocks | None
    prefix_required: bool = False
    variants: int | str = "auto"
    max_cache_bytes: int = 2**30
    widths: dict[tuple[int, ...], int] = field(default_factory=dict)
    proven: set[int] = field(default_factory=set)
    peak_bytes: int = 0
    kept_bytes: int = 0

    def run_batch(
        self, batch: dict[str, Any], sites: dict[HeadSite, list[Any]], number: int
    ) -> tuple[Sums, NDArray[np.int64], dict[int, Sums], dict[int, float]]:
        """Baseline sums (n,), token counts (n,), and by layer the sums (n_units, n) and the seconds taken."""
        with torch.no_grad():
            started = time.perf_counter()
            gathered, (baseline, counts, size) = self._baseline(batch, list(sites))
            seconds_of_pass = time.perf_counter() - started
            ablated, seconds, held = {}, {}, None
            for site, units in sites.items():
                started = time.perf_counter()
                held = self._prefix(batch, site, gathered.pop(site.layer, held), baseline)
                width = self._width(batch, site, units, held, number, size, seconds_of_pass)
                ablated[site.layer] = self._layer(batch, site, units, held, number, width)
                seconds[site.layer] = time.perf_counter() - started
        return baseline, counts.astype(np.int64), ablated, seconds

    def _losses(self, batch: dict[str, Any]) -> tuple[Sums, NDArray[Any], int]:
        output = call_model(self.model, batch)
        sums, counts = self.loss(output, batch)
        return sums.double().cpu().numpy(), counts.cpu().numpy(), _bytes(output)

    def _baseline(self, batch: dict[str, Any], sites: list[HeadSite]) -> tuple[dict[int, Prefix], Any]:
        """The prefixes of all sites, where they fit into the memory allowed, and the losses without ablation."""
        widths = [in_features(self.model.get_submodule(site.name)) for site in sites]
        expected = (
            2 * 4 * sum(widths) * batch["input_ids"].numel()
        )  # outputs of blocks and inputs of projections
        if self.blocks is None or 2 * expected > self.max_cache_bytes:
            return {}, self._losses(batch)
        gathered, losses = gather(self.model, self.blocks, sites, lambda: self._losses(batch))
        self.kept_bytes = sum(_bytes(prefix.below) + _bytes(prefix.clean) for prefix in gathered.values())
        return gathered, losses

    def _prefix(
        self, batch: dict[str, Any], site: HeadSite, known: Prefix | None, baseline: Sums
    ) -> Prefix | None:
        """The prefix of the site; the first time, proven to give the baseline bit by bit."""
        if self.blocks is None:
            return None
        prefix = known
        if prefix is None or prefix.site != site:
            prefix = advance(self.model, self.blocks, site, batch, known)
        if site.layer in self.proven:
            return prefix
        with resuming(self.model, self.blocks, site, prefix, 1):
            sums, _, _ = self._losses(batch)
        if np.array_equal(sums, baseline):
            self.proven.add(site.layer)
            return prefix
        if self.prefix_required:
            raise HookError(
                found=f"from the outputs below {site.name!r} the loss is not the baseline's",
                expected="blocks that pass on nothing but their output",
                fix='prefix_cache="auto", which does without where it must',
            )
        self.blocks = None
        return None

    def _width(
        self,
        batch: dict[str, Any],
        site: HeadSite,
        units: list[Any],
        held: Prefix | None,
        number: int,
        size: int,
        seconds: float,
    ) -> int:
        """How many variants go into one pass: given, or the most that change no bit and save time."""
        if self.variants != "auto":
            return int(self.variants)
        shape = tuple(batch["input_ids"].shape)
        if shape not in self.widths:
            most = min(len(units), self._fitting(size, held))
            worth = seconds < WORTH_BATCHING and int(np.prod(shape)) % ROWS_OF_A_KERNEL == 0
            trial = units[:most] if worth else units[:1]
            self.widths[shape] = self._tried(batch, site, trial, held, number)
        return self.widths[shape]

    def _fitting(self, size: int, held: Prefix | None) -> int:
        kept = 0 if held is None else _bytes(held.below) + _bytes(held.clean)
        free = self.max_cache_bytes - self.kept_bytes
        return max(1, free // max(1, 3 * size + kept))  # logits, their logarithms, the losses

    def _tried(
        self, batch: dict[str, Any], site: HeadSite, units: list[Any], held: Prefix | None, number: int
    ) -> int:
        """The largest number of variants, by halves, whose losses are those of one at a time, and faster."""
        if len(units) == 1:
            return 1
        slow, _ = self._timed(batch, site, units[:1], held, number)
        if self._timed(batch, site, units[:2], held, number)[0] > WORTHWHILE * slow:
            return 1
        alone = self._layer(batch, site, units, held, number, 1)
        width = len(units)
        while width > 1:
            fast, together = self._timed(batch, site, units[:width], held, number)
            if np.array_equal(together, alone[:width]) and fast < slow:
                return width
            width //= 2
        return 1

    def _timed(
        self, batch: dict[str, Any], site: HeadSite, units: list[Any], held: Prefix | None, number: int
    ) -> tuple[float, Sums]:
        """Seconds a variant, and the sums, of one pass."""
        started = time.perf_counter()
        sums = self._pass(batch, site, units, held, number)
        return (time.perf_counter() - started) / len(units), sums

    def _layer(
        self,
        batch: dict[str, Any],
        site: HeadSite,
        units: list[Any],
        held: Prefix | None,
        number: int,
        width: int,
    ) -> Sums:
        """The sums (n_units, n) of a layer, `width` variants a pass; the last pass is filled up, not shortened."""
        width = min(width, len(units)) if self.variants == "auto" else width
        passes = []
        for start in range(0, len(units), width):
            chosen = units[start : start + width]
            filled = chosen + [chosen[-1]] * (width - len(chosen))
            passes.append(self._pass(batch, site, filled, held, number)[: len(chosen)])
        return np.concatenate(passes)

    def _pass(
        self, batch: dict[str, Any], site: HeadSite, units: Sequence[Any], held: Prefix | None, number: int
    ) -> Sums:
        copies, n_sequences = len(units), len(batch["input_ids"])

        def change(clean: Any) -> Any:
            first = clean.reshape(copies, -1, clean.shape[-1])[0]
            return replace_columns(clean, units, self.replacement.whole(site, first, n_sequences, number))

        with ExitStack() as stack:
            stack.enter_context(projection_input(self.model, site, change))
            if held is not None and self.blocks is not None:
                stack.enter_context(resuming(self.model, self.blocks, site, held, copies))
            sums, _, size = self._losses(repeated(batch, copies))
        kept = 0 if held is None else (_bytes(held.below) + _bytes(held.clean)) * (copies + 1)
        self.peak_bytes = max(self.peak_bytes, 3 * size + kept + self.kept_bytes)
        return sums.reshape(copies, n_sequences)


def _bytes(value: Any) -> int:
    if torch.is_tensor(value):
        return int(value.numel() * value.element_size())
    if isinstance(value, dict):
        return sum(_bytes(item) for item in value.values())
    return sum(_bytes(item) for item in value) if isinstance(value, (tuple, list)) else 0
