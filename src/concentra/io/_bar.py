"""Progress of a download in bytes: to standard error, and silent where that is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar:
    """What `pooch.HTTPDownloader` asks of a bar, drawn by rich; `start` is what an earlier download has brought."""

    def __init__(self, progress: Progress, description: str) -> None:
        self.progress = progress
        self.task = progress.add_task(description, total=None)
        self.start = 0

    @property
    def total(self) -> float | None:
        """Bytes of the whole file."""
        return self.progress.tasks[self.task].total

    @total.setter
    def total(self, coming: int) -> None:
        if coming:  # else the length is not told, and rich draws a bar without an end
            self.progress.update(self.task, total=self.start + coming)
        self.reset()

    def update(self, brought: int) -> None:
        """Count bytes that have come."""
        self.progress.advance(self.task, brought)

    def reset(self) -> None:
        """Count again from the start of this answer."""
        self.progress.update(self.task, completed=self.start)

    def close(self) -> None:
        """Draw the last state."""
        self.progress.refresh()


@contextmanager
def bar_of(description: str) -> Iterator[Bar | None]:
    """A bar on standard error; none where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress("{task.description}", *columns, console=console, transient=True) as progress:
        yield Bar(progress, description)
