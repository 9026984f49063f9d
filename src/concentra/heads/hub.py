"""Models that are asked for by a name: what Hugging Face's hub, or its cache on this machine, has of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from concentra.errors import DataAbsentError
from concentra.heads._torch import require
from concentra.printable import natural_key


def read_config(place: str, **options: Any) -> Any:
    """The configuration of a model in a folder, or of that name at Hugging Face.

    Raises
    ------
    DataAbsentError
        There is neither.
    """
    try:
        return require("transformers").AutoConfig.from_pretrained(place, **options)
    except OSError as error:
        if Path(place).is_dir():
            raise
        raise DataAbsentError(
            found=f"no folder {place!r}, nor a model of that name: {' '.join(str(error).split())[:160]}",
            expected="a folder on this machine, or a model's name at Hugging Face and a connection",
            fix="check the name, or copy the model to this machine",
        ) from None


def list_revisions(name: str) -> list[str]:
    """The branches and tags of a model at Hugging Face, in the order of the numbers in their names."""
    hub = require("huggingface_hub")
    try:
        found = hub.HfApi().list_repo_refs(name)
    except Exception as error:  # no network, no such model, no permission: each with its own words
        raise DataAbsentError(
            found=f"the revisions of {name!r} cannot be listed: {str(error).partition(chr(10))[0][:160]}",
            expected="a folder on this machine, or a model's name and a connection",
            fix="name the revisions with --checkpoints, or copy the model to this machine",
        ) from None
    return sorted({one.name for one in [*found.branches, *found.tags]}, key=natural_key)


def commit_of(name: str, revision: str) -> str | None:
    """The commit of a revision: from the hub, else from the cache on this machine."""
    hub = require("huggingface_hub")
    with suppress(Exception):  # without a connection the cache is asked
        return str(hub.HfApi().model_info(name, revision=revision).sha)
    return cached_commit(name, revision)


def cached_commit(name: str, revision: str) -> str | None:
    """The commit of a revision in the cache on this machine."""
    hub = require("huggingface_hub")
    with suppress(Exception):  # no cache yet
        for repository in hub.scan_cache_dir().repos:
            for one in repository.revisions:
                if repository.repo_id == name and (revision in one.refs or one.commit_hash == revision):
                    return str(one.commit_hash)
    return None
