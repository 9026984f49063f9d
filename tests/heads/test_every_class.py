"""Every language model class of the installed transformers: exact, refused clearly, or not buildable small."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

import definitions_every_class as every  # noqa: E402

WITHOUT_KERNEL = {"MraForMaskedLM"}
"""Computes no attention where its kernel is absent: its heads have no effect, here and in the naive loop alike."""


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_no_class_crashes_or_differs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [every.tried(name, masked=kind == "masked") for name in every.class_names(kind)]
    counts = Counter(outcome.what for outcome in outcomes)
    with capsys.disabled():
        print(f"\n{kind}: {len(outcomes)} classes: {dict(counts)}")
    wrong = [one for one in outcomes if one.what in ("different", "crash") and one.name not in WITHOUT_KERNEL]
    assert not wrong, "\n".join(f"{one.name}: {one.what}: {one.words}" for one in wrong)
    assert counts["exact"] >= 0.7 * len(outcomes)
    assert all(one.words.startswith("error: ") for one in outcomes if one.what == "refused")
