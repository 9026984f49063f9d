"""Every error that the package raises on purpose, and what each is for.

::

    ConcentraError                 found, expected, fix
    ├── ColumnError     (KeyError)           a column is missing or misspelt
    ├── AmountError     (ValueError)         an amount is negative, not finite, or a total is zero
    ├── ArgumentError   (ValueError)         an argument of a call or an option is outside its range
    ├── LabelError      (ValueError)         labels contradict each other (a donor in two groups, two sexes)
    ├── DesignError     (ValueError)         the design cannot answer the question
    ├── TableError      (ValueError)         a table does not have the form it should have
    ├── FileFormatError (OSError)            a file is truncated, corrupt, or not what its name says
    ├── DataAbsentError (FileNotFoundError)  raw data that is not on this machine
    ├── HookError       (RuntimeError)       a model whose heads cannot be reached
    └── MissingDependencyError (ImportError) an optional dependency is not installed

Each is also the built-in error it resembles, so that code which catches the built-in keeps working.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from concentra.printable import printable


class ConcentraError(Exception):
    """An error in three parts: what was found (value and place), what was expected, what to do.

    Parameters
    ----------
    found
        The value and the place: file, column, row, donor.
    expected
        What would have been accepted.
    fix
        A command or an edit that helps.
    """

    def __init__(self, *, found: str, expected: str, fix: str) -> None:
        self.found, self.expected, self.fix = found, expected, fix
        super().__init__(f"error: {found}\nexpected: {expected}\nfix: {fix}")

    def __str__(self) -> str:  # KeyError would show the repr of its argument
        return f"error: {self.found}\nexpected: {self.expected}\nfix: {self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.found, self.expected, self.fix))


def _rebuild(kind: type[ConcentraError], found: str, expected: str, fix: str) -> ConcentraError:
    return kind(found=found, expected=expected, fix=fix)


class ColumnError(ConcentraError, KeyError):
    """A column is missing or misspelt."""


class AmountError(ConcentraError, ValueError):
    """An amount is negative or not finite, or a total is zero."""


class ArgumentError(ConcentraError, ValueError):
    """An argument of a call or an option is outside its range."""


class LabelError(ConcentraError, ValueError):
    """Labels contradict each other: a donor in two age groups, a unit with two sexes."""


class DesignError(ConcentraError, ValueError):
    """The design cannot answer the question: one donor, complete confounding."""


class TableError(ConcentraError, ValueError):
    """A table does not have the form it should have."""


class FileFormatError(ConcentraError, OSError):
    """A file is truncated, corrupt, or not what its name says."""


class DataAbsentError(ConcentraError, FileNotFoundError):
    """Raw data that is not on this machine."""


class HookError(ConcentraError, RuntimeError):
    """A model whose heads cannot be reached."""


class MissingDependencyError(ConcentraError, ImportError):
    """An optional dependency is not installed."""


def explained(problem: BaseException) -> str:
    """The three lines for people of any error: one of this package, of the system, or a defect.

    >>> print(explained(OSError(28, "No space left on device", "results/tables")))
    error: results/tables: No space left on device
    expected: files and folders that can be read and written, and space on the disk
    fix: correct that and run the command again; finished work is kept
    """
    if isinstance(problem, ConcentraError):
        return printable(problem, keep="\n")
    if isinstance(problem, OSError):
        lines = (
            f"{problem.filename or 'the system'}: {problem.strerror or problem}",
            "files and folders that can be read and written, and space on the disk",
            "correct that and run the command again; finished work is kept",
        )
    elif isinstance(problem, MemoryError):
        lines = (
            f"memory is exhausted ({problem})" if str(problem) else "memory is exhausted",
            "enough memory for what is read and computed",
            "close other programs, use a machine with more memory, or count with `concentra count` first",
        )
    else:
        lines = (
            f"{type(problem).__name__}: {problem}",
            "no error of this kind: it is a defect of concentra",
            "run the command again with --debug and report what it prints",
        )
    found, expected, fix = (" ".join(printable(line).split()) for line in lines)
    return f"error: {found}\nexpected: {expected}\nfix: {fix}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The existing name nearest to a misspelt one, as a hint, or the names there are.

    >>> nearest("tisue", ["tissue", "age"])
    "did you mean 'tissue'?"
    >>> nearest("donor", ["tissue", "age"]), nearest("donor", [])
    ("there are 'age', 'tissue'", 'there are none')
    """
    known = sorted({str(other) for other in names})
    lowered = {other.lower(): other for other in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    shown = ", ".join(repr(other) for other in known[:12]) or "none"
    return f"there are {shown}" + (f" and {len(known) - 12} more" if len(known) > 12 else "")
