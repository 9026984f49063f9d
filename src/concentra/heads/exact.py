"""Exact ablation, batch by batch: one forward pass a unit, with what can be shared between passes shared.

What is shared never changes a bit of a result. That is checked on a sample of ablations (see `concentra.heads.confirm`)
and on the first batch of each shape in which a token counts: a pass from the prefix without ablation must give the
baseline, and several variants in one pass the very losses that they give one at a time. Losses over tiles of a large
vocabulary must agree with those of all logits to ROUNDING; baseline and ablations then come alike from tiles, whose
kernels multiply in the blocks too, and in the last block, where hidden states allow it, from products of low rank. What
fails the check, or fails altogether, is not used, and a note reports it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import ConcentraError, HookError
from concentra.heads._torch import torch
from concentra.heads.ablate import Replacement, projection_input, replace_columns
from concentra.heads.batches import n_sequences
from concentra.heads.confirm import LAST_BITS, ROUNDING, Outputs, SharingError, differs, sharing
from concentra.heads.loss import Loss, call_model, logits_of
from concentra.heads.lowrank import low_rank_losses
from concentra.heads.prefix import Blocks, Prefix, advance, repeated, resuming
from concentra.heads.sites import HeadSite
from concentra.heads.sizes import n_bytes, prefix_bytes, shape_of
from concentra.heads.tiles import BYTES_AT_A_TIME, ROWS_OF_A_KERNEL
from concentra.heads.unembedding import Unembedding
from concentra.heads.variants import has_experts, most_variants

Sums = NDArray[np.float64]
Counts = NDArray[np.int64]
Shape = tuple[int, ...]
WORTH_BATCHING = 0.25
"""Seconds of a forward pass above which overhead is small, so that several variants in one save nothing."""


@dataclass
class Runner:
    """Measures the loss of one model with units switched off.

    Parameters
    ----------
    model, loss, replacement
        What is measured, by which loss, with what in a head's place.
    blocks
        The blocks of the model, or `None` where the prefix is not to be kept.
    unembedding
        The module that makes the logits, or `None` where all logits are to be computed at once.
    prefix_required
        Whether a prefix that does not give the baseline is an error rather than left unused.
    variants
        Variants of the batch in one pass, or "auto".
    max_cache_bytes
        What the logits of one pass and the repeated prefix may hold together; it bounds the variants.
    again
        Which units, by batch and layer, are computed again by a whole pass.
    """

    model: Any
    loss: Loss
    replacement: Replacement
    blocks: Blocks | None
    unembedding: Unembedding | None = None
    prefix_required: bool = False
    variants: int | str = "auto"
    max_cache_bytes: int = 2**30
    notes: list[str] = field(default_factory=list)
    widths: dict[Shape, int] = field(default_factory=dict)
    tiled: dict[Shape, bool] = field(default_factory=dict)
    full_rank: set[int] = field(default_factory=set)
    proven: set[tuple[int, Shape, tuple[str, ...]]] = field(default_factory=set)
    compared: set[tuple[int, Shape]] = field(default_factory=set)
    held: dict[int, Prefix] = field(default_factory=dict)
    known: dict[int, tuple[Sums, Counts, int, float]] = field(default_factory=dict)
    clean: dict[int, Any] = field(default_factory=dict)
    again: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    peak_bytes: int = 0

    def __post_init__(self) -> None:
        if self.variants == "auto" and has_experts(self.model):
            self.variants = 1
            self.notes.append(
                "mixture of experts: one variant a pass, because the last bits depend on the tokens that share experts"
            )

    def baseline(self, batch: dict[str, Any], number: int) -> tuple[Sums, Counts]:
        """The summed losses and token counts, both (n,), without ablation."""
        if number not in self.known:
            with torch.no_grad(), self.outputs.noted(self.model, self.blocks, number):
                if self.tiled.get(shape_of(batch), False):
                    started = time.perf_counter()
                    with self._kernels(batch):
                        self.known[number] = (*self._plain(batch), time.perf_counter() - started)
                else:
                    self.known[number] = self._first(batch, number)
        return self.known[number][:2]

    def _first(self, batch: dict[str, Any], number: int) -> tuple[Sums, Counts, int, float]:
        """The baseline from all logits at once, or over tiles of the vocabulary where that is faster and agrees."""
        heard: list[Any] = []
        listening = nullcontext() if self.unembedding is None else self.unembedding.heard(self.model, heard)
        started = time.perf_counter()
        with listening:
            sums, counts, size = self._plain(batch)
        seconds = time.perf_counter() - started
        tiles = None
        if not counts.any():  # nothing to compare
            return sums, counts, size, seconds
        tried = shape_of(batch) not in self.tiled and size > BYTES_AT_A_TIME and len(heard) == 1
        if tried:
            tiles = self._tiles(batch, sums)
        self.tiled[shape_of(batch)] = tiles is not None
        if tiles is None:
            if tried:
                self.outputs.forget(number)
            return sums, counts, size, seconds
        found, hidden = tiles
        self.clean = self.clean or {number: hidden}
        return found, counts, BYTES_AT_A_TIME, seconds

    def _tiles(self, batch: dict[str, Any], plain: Sums) -> tuple[Sums, Any] | None:
        """The losses over tiles of the vocabulary and their hidden states; nothing where all logits give others."""
        assert self.unembedding is not None
        try:
            with self.unembedding.kernels.used(self.model):
                hidden = self.unembedding.hidden(self.model, batch)
            sums = self.unembedding.losses(self.model, batch, hidden)[0].cpu().numpy()
        except Exception as error:  # whatever it is, the plain way remains
            self._note(f"logits are computed all at once ({type(error).__name__}: {str(error)[:120]})")
            return None
        if np.allclose(sums, plain, rtol=ROUNDING, atol=0):
            return sums, hidden
        self._note(
            "logits are computed all at once (they are changed after their module, or rounded otherwise)"
        )
        return None

    def states(self, batch: dict[str, Any]) -> Any:
        """The logits of a pass, or the last hidden states where losses are computed from them."""
        if self.unembedding is not None and any(self.tiled.values()):
            return self.unembedding.hidden(self.model, batch)
        return logits_of(call_model(self.model, batch))

    def layer(
        self, batch: dict[str, Any], number: int, site: HeadSite, units: list[Any]
    ) -> tuple[Sums, float]:
        """The sums (n_units, n) with each unit of a layer switched off, and the seconds taken."""
        sums, counts = self.baseline(batch, number)
        started = time.perf_counter()
        if not counts.any() and not sums.any():  # such a batch would prove anything
            return np.zeros((len(units), len(sums))), time.perf_counter() - started
        with torch.no_grad():
            prefix = self._prefix(batch, number, site)
            with self._kernels(batch), sharing(self._shares(shape_of(batch), prefix)):
                rows = self._low_rank(batch, number, site, units, prefix)
                if rows is None:
                    width = self._width(batch, site, units, prefix, number)
                    rows = self._rows(batch, site, units, prefix, number, width)
            for place in self.again.get((number, site.layer), []):
                self._confirm(batch, number, site, units[place], prefix, rows[place])
        return rows, time.perf_counter() - started

    def _confirm(
        self, batch: dict[str, Any], number: int, site: HeadSite, unit: Any, prefix: Prefix | None, row: Sums
    ) -> None:
        """Compare the sums (n,) without one unit with those of a whole pass that shares nothing with others."""
        shape = shape_of(batch)
        if not self._shares(shape, prefix):
            return
        with self._switched_off(batch, site, [unit], None, number) as once:
            whole = self.loss(call_model(self.model, once), once)[0].double().cpu().numpy()
        tiled = self.tiled.get(shape, False)
        tolerance = LAST_BITS if self.variants != "auto" else ROUNDING if tiled else 0
        if np.allclose(row, whole, rtol=tolerance, atol=0, equal_nan=True):
            return
        several = not tiled and self.widths.get(shape, self.variants) != 1
        if several and np.array_equal(self._pass(batch, site, [unit], prefix, number)[0], whole):
            raise differs("the loss of several variants in one pass", {"variants_per_pass": 1})
        raise differs(f"the loss without one unit of layer {site.layer}")

    def _shares(self, shape: Shape, prefix: Prefix | None) -> bool:
        """Whether passes are not whole ones of one variant each."""
        width = self.widths.get(shape, self.variants)
        return prefix is not None or width != 1 or self.tiled.get(shape, False)

    def _plain(self, batch: dict[str, Any]) -> tuple[Sums, Counts, int]:
        try:
            return self._losses(batch, shape_of(batch))
        except ConcentraError:
            raise
        except Exception as error:
            raise HookError(
                found=f"the model fails on a batch without any ablation: {type(error).__name__}: {str(error)[:300]}",
                expected="a model that computes on these batches, in this type, on this device",
                fix="see dtype= and device=, and loss= for a model without next tokens; in Python, try model(**batch)",
            ) from error

    def _losses(self, batch: dict[str, Any], shape: Shape) -> tuple[Sums, Counts, int]:
        """The sums, the counts and the bytes of logits of one pass, of batches of `shape` or copies of one."""
        if self.unembedding is not None and self.tiled.get(shape, False):
            sums, counts = self.unembedding.losses(self.model, batch)
            size = BYTES_AT_A_TIME
        else:
            output = call_model(self.model, batch)
            sums, counts = self.loss(output, batch)
            size = n_bytes(output)
        return sums.double().cpu().numpy(), counts.cpu().numpy().astype(np.int64), size

    def _kernels(self, batch: dict[str, Any]) -> AbstractContextManager[None]:
        """The kernels of the tiles for all of the model, where losses come from tiles."""
        if self.unembedding is None or not self.tiled[shape_of(batch)]:
            return nullcontext()
        return self.unembedding.kernels.used(self.model)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _prefix(self, batch: dict[str, Any], number: int, site: HeadSite) -> Prefix | None:
        """The prefix of the site; for the first batch of a shape, proven to give the baseline bit by bit."""
        if self.blocks is None:
            return None
        try:
            with self._kernels(batch):
                prefix = advance(self.model, self.blocks, site, batch, self.held.pop(number, None))
                self.outputs.check(number, prefix)
                if (site.layer, shape_of(batch), tuple(sorted(batch))) not in self.proven:
                    self._prove(batch, number, site, prefix)
        except Exception as error:  # whatever it is, the plain way remains
            if self.prefix_required or (self.proven and isinstance(error, SharingError)):
                raise
            self.blocks = None
            self.held.clear()
            if not self.proven:  # losses over tiles were to be confirmed by this comparison
                for found in (self.known, self.tiled, self.clean):
                    found.clear()
                self.baseline(batch, number)
            text = str(error).partition("\n")[0].removeprefix("error: ")
            self._note(f"each pass starts at the bottom: {text[:160] or type(error).__name__}")
            return None
        if 2 * (self._held_bytes() + prefix_bytes(prefix)) <= self.max_cache_bytes:
            self.held[number] = prefix
        return prefix

    def _prove(self, batch: dict[str, Any], number: int, site: HeadSite, prefix: Prefix) -> None:
        assert self.blocks is not None
        with resuming(self.model, self.blocks, site, prefix, 1):
            same = self._as_baseline(batch, number)
        if not same:
            raise differs(f"from the outputs below {site.name!r} the loss")
        self.proven.add((site.layer, shape_of(batch), tuple(sorted(batch))))

    def _as_baseline(self, batch: dict[str, Any], number: int) -> bool:
        """Whether a pass gives the baseline, to the last bit of its hidden states or of its losses."""
        if number in self.clean and self.unembedding is not None:
            return bool(torch.equal(self.unembedding.hidden(self.model, batch), self.clean[number]))
        return bool(np.array_equal(self._losses(batch, shape_of(batch))[0], self.known[number][0]))

    def _low_rank(
        self, batch: dict[str, Any], number: int, site: HeadSite, units: list[Any], prefix: Prefix | None
    ) -> Sums | None:
        """The sums of a layer whose units move the last hidden states in few directions; nothing where they do not."""
        blocks, unembedding = self.blocks, self.unembedding
        usable = self.tiled[shape_of(batch)] and site.layer not in self.full_rank
        if prefix is None or blocks is None or unembedding is None or not usable:
            return None

        def hidden(unit: Any) -> Any:
            with self._switched_off(batch, site, [unit], prefix, number) as repeats:
                return unembedding.hidden(self.model, repeats)

        try:
            sums = low_rank_losses(self.model, blocks, unembedding, batch, prefix, units, hidden)
        except Exception as error:  # whatever it is, the plain way remains
            self._note(f"no products of low rank ({type(error).__name__}: {str(error)[:120]})")
            sums = None
        if sums is None:
            self.full_rank.add(site.layer)
            return None
        return sums.cpu().numpy()

    def _held_bytes(self) -> int:
        arranged = 0 if self.unembedding is None else self.unembedding.kernels.held_bytes
        return sum(map(prefix_bytes, self.held.values())) + n_bytes(self.clean) + arranged

    def _width(
        self, batch: dict[str, Any], site: HeadSite, units: list[Any], prefix: Prefix | None, number: int
    ) -> int:
        """How many variants go into one pass: given, or the most that change no bit and save time."""
        shape = shape_of(batch)
        if shape not in self.widths:
            if self.variants != "auto":
                self.widths[shape] = int(self.variants)
            else:
                most = min(len(units), self._fitting(number, prefix))
                seconds = self.known[number][3]
                worth = seconds < WORTH_BATCHING and int(np.prod(shape)) % ROWS_OF_A_KERNEL == 0
                self.widths[shape] = self._tried(batch, site, units[: most if worth else 1], prefix, number)
        if self.widths[shape] > 1 and (site.layer, shape) not in self.compared:
            self.compared.add((site.layer, shape))
            self.widths[shape] = self._compared(batch, site, units, prefix, number, self.widths[shape])
        return self.widths[shape]

    def _compared(
        self,
        batch: dict[str, Any],
        site: HeadSite,
        units: list[Any],
        prefix: Prefix | None,
        number: int,
        width: int,
    ) -> int:
        """The width, or 1 where its first pass gives other losses for its first and last unit than one at a time."""
        some = units[:width]
        alone = self._rows(batch, site, [some[0], some[-1]], prefix, number, 1)
        try:
            together = self._rows(batch, site, some, prefix, number, width)[[0, -1]]
        except Exception as error:  # whatever it is, the plain way remains
            return self._one_at_a_time(f"{type(error).__name__}: {str(error)[:120]}")
        tolerance = 0 if self.variants == "auto" else LAST_BITS
        if not np.allclose(together, alone, rtol=tolerance, atol=0, equal_nan=True):
            return self._one_at_a_time("together they give other losses")
        return width

    def _fitting(self, number: int, prefix: Prefix | None) -> int:
        size = self.known[number][2]
        free = self.max_cache_bytes - self._held_bytes()
        most = 0 if prefix is None else max(prefix_bytes(prefix), 2 * n_bytes(prefix.clean))
        return max(1, free // max(1, 3 * size + most) - (prefix is not None))  # logits, logarithms, losses

    def _one_at_a_time(self, why: str) -> int:
        self._note(f"variants are computed one at a time: {why}")
        return 1

    def _tried(
        self, batch: dict[str, Any], site: HeadSite, units: list[Any], prefix: Prefix | None, number: int
    ) -> int:
        def timed(some: list[Any]) -> tuple[float, Sums]:
            started = time.perf_counter()
            sums = self._pass(batch, site, some, prefix, number)
            return (time.perf_counter() - started) / len(some), sums

        try:
            return most_variants(units, timed, lambda: self._rows(batch, site, units, prefix, number, 1))
        except Exception as error:  # whatever it is, the plain way remains
            return self._one_at_a_time(f"{type(error).__name__}: {str(error)[:120]}")

    def _rows(
        self,
        batch: dict[str, Any],
        site: HeadSite,
        units: list[Any],
        prefix: Prefix | None,
        number: int,
        width: int,
    ) -> Sums:
        """The sums (n_units, n) of a layer, `width` variants a pass; the last pass is filled up, not shortened."""
        width = min(width, len(units)) if self.variants == "auto" else width
        passes: list[Sums] = []
        for start in range(0, len(units), width):
            chosen = units[start : start + width]
            filled = chosen + [chosen[-1]] * (width - len(chosen))
            passes.append(self._pass(batch, site, filled, prefix, number)[: len(chosen)])
        return np.concatenate(passes)

    def _pass(
        self, batch: dict[str, Any], site: HeadSite, units: Sequence[Any], prefix: Prefix | None, number: int
    ) -> Sums:
        with self._switched_off(batch, site, units, prefix, number) as repeats:
            sums, _, size = self._losses(repeats, shape_of(batch))
        kept = prefix_bytes(prefix) * (len(units) + 1)
        self.peak_bytes = max(self.peak_bytes, 3 * size + kept + self._held_bytes())
        return sums.reshape(len(units), n_sequences(batch))

    @contextmanager
    def _switched_off(
        self, batch: dict[str, Any], site: HeadSite, units: Sequence[Any], prefix: Prefix | None, number: int
    ) -> Iterator[dict[str, Any]]:
        """The batch once a unit, for a pass in which each copy is without its unit."""
        copies, rows = len(units), n_sequences(batch)

        def change(clean: Any) -> Any:
            stand_in = torch.zeros((), dtype=clean.dtype, device=clean.device)
            if self.replacement.ablation != "zero":
                first = clean if copies == 1 else clean.reshape(copies, -1, clean.shape[-1])[0]
                stand_in = self.replacement.whole(site, first, rows, number)
            return replace_columns(clean, units, stand_in)

        with ExitStack() as stack:
            stack.enter_context(projection_input(self.model, site, change))
            if prefix is not None and self.blocks is not None:
                stack.enter_context(resuming(self.model, self.blocks, site, prefix, copies))
            yield repeated(batch, copies, rows)
