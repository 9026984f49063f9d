"""`concentra verify`: the claims and their verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from concentra.cli._options import RESULTS, Json, Out, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from concentra.study.claims import Judgement

EXAMPLE = "Example: concentra verify --out results --json"


def verify(out: Out = RESULTS, json: Json = False) -> None:
    """Compare every published number and direction with the tables: expected, observed, verdict.

    A table that is not what its step wrote is not judged, and the command ends with status 1.
    """
    from concentra.study import claims

    judgements = claims.judge(out)
    if json:
        print_json([judgement.as_dict() for judgement in judgements])
    else:
        show(judgements)
    if any(judgement.verdict == "altered" for judgement in judgements):
        raise typer.Exit(1)


def show(judgements: Sequence[Judgement]) -> None:
    """Print the verdicts as a table, and how many there are of each."""
    print_table([judgement.as_dict() for judgement in judgements], title="Published claims")
    verdicts = [judgement.verdict for judgement in judgements]
    print(", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts)))


COMMANDS = (verify,)
