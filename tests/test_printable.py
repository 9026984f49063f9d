"""Hidden characters: none is shown, words stay."""

from __future__ import annotations

import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from concentra.printable import escaped, printable

TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
MARKS = "\u061c\u200e\u200f"


def test_no_control_character_and_no_mark_of_direction_is_left() -> None:
    """By the database of Unicode, over all characters."""
    for number in range(sys.maxunicode + 1):
        letter = chr(number)
        hidden = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        if hidden or letter in MARKS or unicodedata.bidirectional(letter) in TURNING:
            assert printable(letter) == " ", hex(number)
        elif letter.isprintable():
            assert printable(letter) == letter, hex(number)


def test_words_stay() -> None:
    for word in ("T cell", "עברית", "می\u200cخواهم", "👩\u200d🔬", "é"):
        assert printable(word) == word


@given(st.text())
def test_json_keeps_its_value(text: str) -> None:
    shown = escaped(json.dumps({"a": text}, ensure_ascii=False, indent=1))
    assert json.loads(shown) == {"a": text}
    assert printable(shown, keep="\n") == shown
