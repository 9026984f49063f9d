"""Which heads, groups of heads or layers are measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from concentra.errors import ArgumentError
from concentra.heads.ablate import columns_of
from concentra.heads.sites import HeadSite, in_features

UNITS = ("head", "kv_group", "layer")
Units = list[tuple[int, Any]]


def choose_units(
    model: Any,
    sites: Sequence[HeadSite],
    unit: str,
    heads: Sequence[tuple[int, int]] | None,
    layers: Collection[int] | None,
) -> dict[HeadSite, Units]:
    """The units of each site with the projection inputs that they own, lowest layer first."""
    if unit not in UNITS:
        raise ArgumentError(
            found=f"unit={unit!r}", expected=f"one of {', '.join(map(repr, UNITS))}", fix=f"unit={UNITS[0]!r}"
        )
    unknown = sorted(set(layers or []) - {site.layer for site in sites})
    if unknown or (layers is not None and not layers):
        raise ArgumentError(
            found=f"no layer {unknown[:5]}" if unknown else "no layer",
            expected=f"layers among {[site.layer for site in sites]}",
            fix="layers=[0, 1], or leave it out for all",
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
            fix="heads=[(0, 3), (8, 9)], pairs of layer and number, or leave it out for all",
        )
    within = {site: units for site, units in chosen.items() if layers is None or site.layer in layers}
    if not within:
        raise ArgumentError(
            found=f"none of the heads is in layers {sorted(layers or [])}",
            expected="heads in the layers asked for",
            fix="leave out layers=, or heads=",
        )
    return within
