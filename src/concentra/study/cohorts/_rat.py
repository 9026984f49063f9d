"""The layout of the rat cohort."""

from __future__ import annotations

from collections.abc import Mapping

from concentra.study.cohorts._matrix import Labels, Level

COLUMNS = {"donor": "library", "stratum": "tissue", "part": "cell_type"}
GROUPS: Mapping[str, Labels] = {
    "young": {"age": ("young",), "diet": ("ad libitum",)},
    "old": {"age": ("old",), "diet": ("ad libitum",)},
    "treated": {"age": ("old",), "diet": ("restricted",)},
}
LEVELS: tuple[Level, ...] = ("types",)
