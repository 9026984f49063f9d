"""The layout of the validation cohort."""

from __future__ import annotations

from collections.abc import Mapping

from concentra.study.cohorts._matrix import Labels, Level

COLUMNS = {"donor": "animal", "stratum": "tissue", "part": "cell_type"}
GROUPS: Mapping[str, Labels] = {"young": {"age": ("young",)}, "old": {"age": ("old",)}}
LEVELS: tuple[Level, ...] = ("types", "clusters")
