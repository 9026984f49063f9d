"""`concentra verify`: the claims and their verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from concentra.cli._options import RESULTS, Json, Out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from concentra.study.claims import Judgement

EXAMPLE = "Example: concentra verify --out results --long"
SIGNS = {"reproduced": ("✓", "green"), "close": ("✓", "green"), "differs": ("✗", "red")}
ABSENT = ("–", "yellow")
HEADINGS = {
    "Published claims: as stated (in brackets: what the inference establishes)": True,
    "Predictions and extensions, which the published analysis does not state": False,
}


def verify(
    out: Out = RESULTS,
    json: Json = False,
    long: Annotated[bool, typer.Option("--long", help="Everything that is known of each claim.")] = False,
) -> None:
    """Compare every published number and direction with the tables.

    A table that is not what its step wrote is not judged, and the command ends with status 1.
    """
    from concentra.study import claims

    judgements = claims.judge(out)
    if json:
        print_json([judgement.as_dict() for judgement in judgements])
    else:
        show(judgements, long=long)
    if any(judgement.verdict == "altered" for judgement in judgements):
        raise typer.Exit(1)


def show(judgements: Sequence[Judgement], *, long: bool = False) -> None:
    """Print a line for each claim, and how many there are of each verdict; all that is known with `long`.

    What the published analysis does not state stands apart and is not counted with it.
    """
    from concentra.cli._terminal import print_text

    for heading, published in HEADINGS.items():
        chosen = [one for one in judgements if one.published is published]
        if chosen:
            print_text(heading)
            _show(chosen, long=long)


def _show(judgements: Sequence[Judgement], *, long: bool) -> None:
    from concentra.cli._terminal import Line, print_block, print_lines, print_text

    for one in judgements if long else ():
        fields = {name: value for name, value in one.as_dict().items() if name != "published"}
        print_block([(name, str(value)) for name, value in fields.items() if value])
    if not long:
        print_lines([Line(*_line(one)) for one in judgements], whole=False)
    verdicts = [judgement.verdict for judgement in judgements]
    counts = {name: verdicts.count(name) for name in dict.fromkeys(verdicts)}
    plural = {"differs": "differ"}
    print_text(", ".join(f"{n} {name if n == 1 else plural.get(name, name)}" for name, n in counts.items()))


def _line(one: Judgement) -> tuple[str, str, str, str]:
    sign, colour = SIGNS.get(one.verdict, ABSENT)
    alike = one.established and ";" not in one.established
    beside = f" ({one.established})" if sign == "✓" and alike else ""
    return sign, one.id, f"{one.verdict}{beside}: {one.statement}", colour


COMMANDS = (verify,)
