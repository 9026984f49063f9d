"""The verdict of every tissue at every granularity."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.report.charts._shared import NAMES, Row, Spec, chart, tip, verdict


def matrix(rows: Sequence[Row], *, levels: Sequence[str], title: str) -> Spec:
    """A sign for every tissue (rows of the picture) and granularity (columns, in this order).

    `rows` have `name`, `level`, `n_parts`, `verdict`, `effect`, `low`, `high`.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    tooltip = [tip("name", title), tip("level", "granularity"), tip("n_parts", "types", ","),
               tip("verdict", "verdict"), tip("effect", "ratio of effective numbers", ".3~f"),
               tip("low", "from", ".3~f"), tip("high", "to", ".3~f")]  # fmt: skip
    return chart(
        rows,
        {
            "height": 24 * len(names),
            "mark": {"type": "point", "size": 110, "strokeWidth": 2, "opacity": 1},
            "encoding": {
                "x": {"field": "level", "type": "nominal", "title": None, "scale": {"domain": list(levels)},
                      "axis": {"labelAngle": 0, "orient": "top", "ticks": False, "domain": False, "labelLimit": 90}},
                "y": {"field": "name", "type": "nominal", "title": None, "scale": {"domain": names},
                      "axis": NAMES | {"grid": True}},
                "tooltip": tooltip,
            }
            | verdict(rows),
        },
    )  # fmt: skip
