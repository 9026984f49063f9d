"""Fail where the measured coverage of a package lies below its floor: `coverage_floor.py metrics=95 io=95`."""

from __future__ import annotations

import io
import sys

from coverage import Coverage


def main(arguments: list[str]) -> int:
    """Exit status 1 when a floor is missed; one line a package."""
    measured = Coverage()
    measured.load()
    missed = 0
    for argument in arguments:
        package, floor = argument.split("=")
        found = measured.report(include=[f"*/concentra/{package}/*"], file=io.StringIO())
        print(f"coverage of {package}: {found:.1f}% (floor {floor}%)")
        missed += found < float(floor)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
