"""Tabula Muris Senis with its matrix: what both platforms share."""

from __future__ import annotations

from collections.abc import Mapping

from concentra.study.cohorts._matrix import Labels, Level

COLUMNS = {"donor": "mouse.id", "stratum": "tissue", "part": "cell_ontology_class"}
FACS: Mapping[str, Labels] = {"young": {"age": ("3m",)}, "old": {"age": ("24m",)}}
DROPLET: Mapping[str, Labels] = {"young": {"age": ("1m", "3m")}, "old": {"age": ("24m", "30m")}}
LEVELS: tuple[Level, ...] = ("types", "clusters", "states")
CLUSTERED = ("Kidney", "Spleen")
