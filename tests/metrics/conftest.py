"""Properties are tested without a limit of time for each example: a busy machine is not a wrong result."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
