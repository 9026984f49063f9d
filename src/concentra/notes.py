"""What a reader of the result has to know beside it: one note, one sentence, one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["guessed", "repaired", "left out", "accepted", "limits"]


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence on the data or the answer.

    Attributes
    ----------
    kind
        "guessed" (a column from its name), "repaired" (a spelling), "left out" (cells or donors), "accepted" (a risk
        that the user took), "limits" (what the data cannot answer).
    text
        The sentence.

    Examples
    --------
    >>> str(Note("left out", "12 of 800 cells left out: donor unknown"))
    '12 of 800 cells left out: donor unknown'
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        return self.text
