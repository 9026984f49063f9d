"""What passes share is confirmed as a sweep goes on, so that it changes no result whatever the data do.

That a block passes on nothing but its output is proven on the first batch of each shape (see `concentra.heads.exact`).
A module may do so for some data only: where it branches on values of tokens, or keeps something of an earlier pass. So

- the output of every block from which passes start is compared, by a sum over its bits, with that of the baseline of
  the same batch;
- of each batch one ablation in EVERY, drawn at random and at least one, is computed again by a whole pass.

The first costs next to nothing, the second at most one whole pass in EVERY. Where anything differs, all that was
measured of the model is measured again without what was shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from concentra.errors import ConcentraError, HookError
from concentra.heads.guard import hooked
from concentra.heads.prefix import Blocks, Prefix
from concentra.heads.sizes import checksum

EVERY = 64
"""Ablations of a batch among which one is computed again."""
WHOLE = {"prefix_cache": False, "variants_per_pass": 1}
"""The options of whole passes, which share nothing."""
ROUNDING = 1e-6
"""Losses over tiles of the vocabulary may differ by this much, relative to a sequence's loss, from all at once."""
LAST_BITS = 1e-4
"""Variants by a number that was given may differ by this much, relative to the loss, from one at a time."""
EXPECTED = "blocks that pass on nothing but their output"
FIX = 'prefix_cache="auto", which does without where it must'


class SharingError(HookError):
    """What passes share changed a result: all is to be measured again with the options `instead`."""

    def __init__(
        self, *, found: str, expected: str = EXPECTED, fix: str = FIX, instead: Mapping[str, Any] = WHOLE
    ) -> None:
        super().__init__(found=found, expected=expected, fix=fix)
        self.instead = dict(instead)

    def beyond(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options to measure with after those in use, so that a few attempts come to an end.

        Raises
        ------
        SharingError
            Whole passes were in use already.

        Examples
        --------
        >>> error = differs("the loss", {"variants_per_pass": 1})
        >>> error.beyond({"variants_per_pass": "auto"}), error.beyond({"variants_per_pass": 1})
        ({'variants_per_pass': 1}, {'prefix_cache': False, 'variants_per_pass': 1})
        """
        for instead in (self.instead, WHOLE):
            if any(options.get(name) != value for name, value in instead.items()):
                return dict(instead)
        raise self

    def note(self, instead: Mapping[str, Any]) -> str:
        """What is reported where all was measured again with the options `instead`."""
        left_out = "each pass starts at the bottom" if "prefix_cache" in instead else "one variant a pass"
        return f"{left_out}, and all was measured again: {self.found[:160]}"


def differs(what: str, instead: Mapping[str, Any] = WHOLE) -> SharingError:
    """The error that `what` is not that of a whole pass."""
    return SharingError(found=f"{what} differs from that of a whole pass", instead=instead)


@contextmanager
def sharing(shares: bool) -> Iterator[None]:
    """Let a pass that fails because it `shares`, if it does, be computed in the plain way, which may not fail."""
    try:
        yield
    except ConcentraError:
        raise
    except Exception as error:
        if not shares:
            raise
        raise SharingError(
            found=f"a pass that is no whole one fails: {type(error).__name__}: {str(error)[:120]}"
        ) from error


@dataclass
class Outputs:
    """Sums over the bits of what each block returned in the baseline, by batch and block."""

    known: dict[tuple[int, int], int] = field(default_factory=dict)

    @contextmanager
    def noted(self, model: Any, blocks: Blocks | None, number: int) -> Iterator[None]:
        """Note the outputs of a pass; those of the last pass stay."""

        def keep(place: int) -> Any:
            def note(module: Any, arguments: Any, output: Any) -> None:
                self.known[number, place] = checksum(output)

            return note

        names = blocks.names if blocks is not None else ()
        with hooked(
            [model.get_submodule(name).register_forward_hook(keep(place)) for place, name in enumerate(names)]
        ):
            yield

    def forget(self, number: int) -> None:
        """Drop those of a batch, whose last pass was not the one that gives its baseline."""
        for key in [key for key in self.known if key[0] == number]:
            del self.known[key]

    def check(self, number: int, prefix: Prefix) -> None:
        """Refuse a prefix that starts from another output than the baseline's."""
        before = self.known.get((number, prefix.depth - 1))
        if before is not None and before != checksum(prefix.below):
            raise differs(f"the output below {prefix.site.name!r}")


def sampled(units: Mapping[int, int], n_batches: int, seed: int = 0) -> dict[tuple[int, int], list[int]]:
    """Which ablations are computed again: places among the units of a layer, by batch and layer.

    Parameters
    ----------
    units
        The number of units by layer.

    Examples
    --------
    >>> chosen = sampled({0: 8, 1: 8}, n_batches=3)
    >>> sorted(batch for batch, layer in chosen), sum(map(len, chosen.values()))
    ([0, 1, 2], 3)
    """
    pairs = [(layer, place) for layer, n_units in units.items() for place in range(n_units)]
    chosen: dict[tuple[int, int], list[int]] = {}
    for number in range(n_batches):
        rng = np.random.default_rng((seed, number))
        for one in rng.choice(len(pairs), size=-(-len(pairs) // EVERY), replace=False):
            layer, place = pairs[one]
            chosen.setdefault((number, layer), []).append(place)
    return chosen
