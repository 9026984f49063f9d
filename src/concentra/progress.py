"""Progress of long work: to standard error, and silent where that is not a terminal.

`track` shows a bar of its own. An analysis has stages, which are told to whoever asked for them (`Stages`); loops
within a stage are `counted`, wherever they are, and silent where nobody asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
EVERY = 0.5
"""Seconds between two words on the same stage."""


def track(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Yield the items, showing how many are done, of how many, and the time left.

    Parameters
    ----------
    items
        What is worked through.
    description
        What is being done, in a few words.
    total
        The number of items where `items` cannot tell it.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield from shown.track(items, total=total, description=description)


class Stages:
    """The stages of an analysis, told one after the other: what begins, and how far it is.

    Parameters
    ----------
    tell
        Called with a few words when a stage begins, and while it lasts with how many of its items are done and about
        how long the others take, at most twice a second.

    Examples
    --------
    >>> stages = Stages(print)
    >>> stages("reading")
    reading
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._name = ""
        self._told = time.monotonic()

    def __call__(self, name: str) -> None:
        """Begin a stage."""
        self._name, self._told = name, time.monotonic()
        self._tell(name)

    def reached(self, done: int, total: int, seconds: float) -> None:
        """Tell how many items were done in so many seconds, unless something was told a moment ago."""
        now = time.monotonic()
        if done and now - self._told >= EVERY:
            self._told = now
            left = duration(seconds / done * (total - done))
            self._tell(f"{self._name}, {done:,} of {total:,}, {left} left")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within it, loops that are `counted` tell how far they are."""
        before = _STAGES.set(self)
        try:
            yield
        finally:
            _STAGES.reset(before)


_STAGES: ContextVar[Stages | None] = ContextVar("stages", default=None)


def counted(items: Sequence[T]) -> Iterator[T]:
    """Yield the items of the present stage, telling how many are done and the time left where somebody asked.

    >>> list(counted("ab"))
    ['a', 'b']
    """
    start = time.monotonic()
    for done, item in enumerate(items):
        stages = _STAGES.get()
        if stages is not None:
            stages.reached(done, len(items), time.monotonic() - start)
        yield item


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.4), duration(59.6), duration(200), duration(7300)
    ('1 s', '60 s', '3 min', '2 h')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 100 * 60 else f"{round(seconds / 3600)} h"
