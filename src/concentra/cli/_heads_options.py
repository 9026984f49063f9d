"""What the options of `concentra heads sweep` mean: layers, heads, memory, shares."""

from __future__ import annotations

import re

from concentra.errors import ArgumentError

UNITS_OF_MEMORY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
FOR_ALL = ("--cores", "--profile", "--devices", "--shards", "--json", "--resume", "--no-resume", "--device")
"""Options that divide the work, and so are not those of one share."""


def layers_of(text: str | None) -> list[int] | None:
    """Numbers and ranges: `0,3,8-11`."""
    if text is None:
        return None
    numbers: list[int] = []
    for piece in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", piece)
        if found is None:
            raise ArgumentError(
                found=f"--layers {text!r}", expected="numbers and ranges from 0", fix="--layers 0,3,8-11"
            )
        some = range(int(found[1]), int(found[2] or found[1]) + 1)
        if not some:
            raise ArgumentError(
                found=f"--layers {piece.strip()}",
                expected="ranges that go up",
                fix=f"--layers {found[2]}-{found[1]}",
            )
        numbers += some
    return sorted(set(numbers))


def heads_of(text: str | None) -> list[tuple[int, int]] | None:
    """Pairs of layer and head: `0:3,8:9`, or `L8H9`."""
    if text is None:
        return None
    found = [re.fullmatch(r"\s*[Ll]?(\d+)\s*[:Hh]\s*(\d+)\s*", piece) for piece in text.split(",")]
    if not all(found):
        raise ArgumentError(found=f"--heads {text!r}", expected="layer:head, from 0", fix="--heads 0:3,8:9")
    return sorted({(int(one[1]), int(one[2])) for one in found if one})


def bytes_of(text: str) -> int:
    """A size of memory: `512MB`, `2GB`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if found is None:
        raise ArgumentError(
            found=f"--cache-memory {text!r}",
            expected="a number and KB, MB, GB or TB",
            fix="--cache-memory 2GB",
        )
    return int(float(found[1]) * UNITS_OF_MEMORY[found[2].upper()])


def shards_of(text: str | None) -> tuple[tuple[int, int], int]:
    """`I/N`: this share and no jobs; `N`: the whole, and N jobs; nothing: the whole, and none."""
    if text is None:
        return (1, 1), 0
    found = re.fullmatch(r"(?:(\d+)/)?(\d+)", text.strip())
    if found is None or int(found[2]) < 1:
        raise ArgumentError(
            found=f"--shards {text!r}", expected="N, or I/N with I from 1 to N", fix="--shards 1/4"
        )
    return ((int(found[1]), int(found[2])), 0) if found[1] else ((1, 1), int(found[2]))


def own_arguments(words: list[str]) -> list[str]:
    """The words after `sweep` but those that divide the work.

    >>> own_arguments(["concentra", "heads", "sweep", "--model", "m", "--shards", "4", "--json"])
    ['--model', 'm']
    """
    given = words[words.index("sweep") + 1 :] if "sweep" in words else []
    kept: list[str] = []
    skip = False
    for word in given:
        name = word.partition("=")[0]
        if skip:
            skip = False
        elif name in FOR_ALL:
            skip = "=" not in word and name not in ("--json", "--resume", "--no-resume")
        else:
            kept.append(word)
    return kept
