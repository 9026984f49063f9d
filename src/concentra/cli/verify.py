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


def verify(
    out: Out = RESULTS,
    json: Json = False,
    long: Annotated[bool, typer.Option("--long", help="Everything that is known of each claim.")] = False,
) -> None:
    """Compare every published number and direction with the tables: expected, observed, verdict.

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
    """Print a line for each claim, and how many there are of each verdict; all that is known with `long`."""
    from concentra.cli._terminal import Line, print_block, print_lines, print_text

    print_text("Published claims")
    for one in judgements:
        if long:
            print_block([(name, str(value)) for name, value in one.as_dict().items() if value])
    if not long:
        lines = [Line(*_line(one)) for one in judgements]
        print_lines(lines, whole=False)
    verdicts = [judgement.verdict for judgement in judgements]
    print_text(", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts)))


def _line(one: Judgement) -> tuple[str, str, str, str]:
    sign, colour = SIGNS.get(one.verdict, ABSENT)
    return sign, str(one.as_dict()["id"]), f"{one.verdict}: {one.statement}", colour


COMMANDS = (verify,)
