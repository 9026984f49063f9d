"""Runs a node: asks the server of this run on this machine for it, or becomes the node's process itself.

This file is run by itself and imports nothing of the package, so that it starts at once. It takes the words of
`concentra.study.engine`. Where the environment names no server, or it does not answer, as on another machine, the
engine is run in place of this process.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

SERVER = "CONCENTRA_STUDY_SERVER"


def _asked(path: str, words: list[str]) -> int | None:
    """The exit status of a node that the server ran; None where there is no server."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(path)
        except OSError:
            return None
        request = json.dumps({"words": words, "folder": str(Path.cwd())}).encode() + b"\n"
        socket.send_fds(line, [request], [1, 2])
        answer = line.recv(1)
    return answer[0] if answer else 1  # no answer: the process of the node ended without a word


def main(words: list[str]) -> int:
    """The exit status of the node."""
    path = os.environ.get(SERVER)
    status = _asked(path, words) if path else None
    if status is None:
        os.execv(sys.executable, [sys.executable, "-m", "concentra.study.engine", *words])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
