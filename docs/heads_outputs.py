"""What the blocks of the tutorial on attention heads print, for the site, which is built without torch.

Run by `make docs-heads`. Every block is run in its order, in an empty folder. What one prints is written to
`tutorials/heads_outputs/N.txt`, N the place of the block, and the versions that it was run with to `versions.json`.
`tests/heads/test_tutorial.py` runs the page again and compares.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "tutorials" / "heads.md"
OUTPUTS = PAGE.parent / "heads_outputs"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page() -> tuple[dict[int, str], dict[str, Any]]:
    """What each block prints, by its place, and the names that the page leaves; run in the working folder."""
    names: dict[str, Any] = {}
    printed: dict[int, str] = {}
    for place, (language, code) in enumerate(BLOCK.findall(PAGE.read_text(encoding="utf-8")), start=1):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            if language == "python":
                exec(compile(code, str(PAGE), "exec"), names)
            else:
                for line in code.replace("\\\n", " ").strip().splitlines():
                    said.write(_command(shlex.split(line)))
        if said.getvalue().strip():
            printed[place] = said.getvalue()
    return printed, names


def _command(words: list[str]) -> str:
    from typer.testing import CliRunner

    from concentra.cli._application import application

    assert words[0] == "concentra", words
    ended = CliRunner().invoke(application, words[1:], catch_exceptions=False, env={"COLUMNS": "80"})
    assert ended.exit_code == 0, ended.output
    return f"{ended.stdout}"


def versions() -> dict[str, str]:
    """Those that decide the numbers: the text that the model reads is Python's own manual."""
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__.partition("+")[0]}


def main() -> None:
    """Write what every block prints."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        printed, _ = run_page()
        os.chdir(OUTPUTS.parent)
    for old in OUTPUTS.glob("*.txt"):
        old.unlink()
    OUTPUTS.mkdir(exist_ok=True)
    for place, text in printed.items():
        (OUTPUTS / f"{place}.txt").write_text(text, encoding="utf-8")
    (OUTPUTS / "versions.json").write_text(json.dumps(versions()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
