"""From summed losses to the rows of a table, layer by layer or batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from concentra.heads.batches import n_sequences
from concentra.heads.noise import paired_delta
from concentra.heads.sites import HeadSite
from concentra.heads.units import Units
from concentra.progress import track


@dataclass(frozen=True)
class Work:
    """What is measured by a runner, in one of two orders; `shown` says what of, "" shows nothing."""

    runner: Any
    chosen: dict[HeadSite, Units]
    batches: list[dict[str, Any]]
    shown: str

    def pieces(self, method: str, target_se: float | None, min_sequences: int) -> Iterator[tuple[Any, ...]]:
        """Layer by layer, or all at once where a target or one backward pass decides over all."""
        if method == "exact" and target_se is None:
            return self.by_layer()
        return self.at_once(target_se, min_sequences)

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


def table_of(
    chosen: dict[HeadSite, Units],
    baseline: Any,
    counts: Any,
    ablated: Any,
    seconds: Any,
) -> pd.DataFrame:
    """One row a unit: layer, head, mean losses of a token, delta and its error, numbers of sequences and tokens."""
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
