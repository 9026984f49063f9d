"""A first-order estimate of every ablation from one backward pass: fast, and only an estimate.

The change of the loss when a projection's input x becomes x' is estimated as (x' - x) . dL/dx. That is 14 to 64
times faster than exact ablation, but in training the rank correlation of the two falls from near 1 to .1 to .4:
tables carry `method="taylor"`, and their concentration is not that of exact importance.

References
----------
Michel, Levy & Neubig (2019), Are sixteen heads really better than one?, NeurIPS 32, equation 3 (they take the
absolute value; here the sign is kept).
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.heads._torch import torch
from concentra.heads.ablate import Replacement, projection_input
from concentra.heads.loss import Loss, call_model
from concentra.heads.sites import HeadSite


@dataclass(frozen=True)
class TaylorRunner:
    """Estimates the loss of one model with units switched off; gradients of parameters are left alone."""

    model: Any
    loss: Loss
    replacement: Replacement
    peak_bytes: int = 0

    def run_batch(
        self, batch: dict[str, Any], sites: dict[HeadSite, list[Any]], number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[int, NDArray[np.float64]], dict[int, float]]:
        """Baseline sums (n,), token counts (n,), and by layer the estimated sums (n_units, n) and seconds."""
        started = time.perf_counter()
        inputs: list[Any] = []

        def keep(clean: Any) -> Any:
            inputs.append(clean if clean.requires_grad else clean.detach().requires_grad_())
            return inputs[-1]

        with torch.enable_grad(), ExitStack() as stack:
            for site in sites:
                stack.enter_context(projection_input(self.model, site, keep))
            sums, counts = self.loss(call_model(self.model, batch), batch)
        gradients = torch.autograd.grad(sums.sum(), inputs)
        baseline = sums.detach().double().cpu().numpy()
        ablated = {}
        for (site, units), clean, gradient in zip(sites.items(), inputs, gradients, strict=True):
            ablated[site.layer] = baseline + self._changes(
                site, units, clean.detach(), gradient, len(baseline), number
            )
        seconds = (time.perf_counter() - started) / len(sites)
        return baseline, counts.cpu().numpy().astype(np.int64), ablated, dict.fromkeys(ablated, seconds)

    def _changes(
        self, site: HeadSite, units: list[Any], clean: Any, gradient: Any, n_sequences: int, number: int
    ) -> NDArray[np.float64]:
        """The estimated change (n_units, n_sequences) of each sequence's summed loss."""
        stand_in = self.replacement.whole(site, clean, n_sequences, number)
        moved = ((stand_in - clean).double() * gradient.double()).reshape(n_sequences, -1, clean.shape[-1])
        by_column = moved.sum(dim=1).cpu().numpy()
        return np.stack([by_column[:, columns].sum(axis=1) for columns in units])
