"""The checkpoints of a training run: found in a folder of any usual layout or at Hugging Face, loaded one at a time.

In a folder, a checkpoint is

- a sub-folder as `save_pretrained` writes it (`config.json` and weights, also in several files), or one that holds
  such a folder (`step1000/hf/`);
- a sub-folder with an adapter of PEFT (`adapter_config.json`), on the model that it names;
- a file of weights (`step1000.pt`, `.pth`, `.bin`, `.safetensors`), or a sub-folder with one, beside one
  `config.json` in the folder.

Pickled weights are read as tensors only, and code that comes with a model is never run.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concentra.errors import ArgumentError, ConcentraError, DataAbsentError, FileFormatError, nearest
from concentra.files import sha256
from concentra.heads._torch import require, torch
from concentra.heads.guard import check_dtype
from concentra.heads.hub import cached_commit, commit_of, list_revisions, read_config
from concentra.printable import natural_key

CONFIG, ADAPTER = "config.json", "adapter_config.json"
WEIGHTS = (".pt", ".pth", ".bin", ".safetensors")
NESTED = 2
"""Folders below a checkpoint's in which its `config.json` may lie."""
HASHED_BYTES = 8 * 2**30
"""Larger weights are known by the sizes and times of their files."""
STATE_KEYS = ("model", "state_dict", "model_state_dict", "module", "model_state")
PREFIXES = ("module.", "_orig_mod.", "_forward_module.", "model.module.")


@dataclass(frozen=True)
class Checkpoints:
    """Loads the checkpoints of one source: called with a checkpoint's name, it returns the model.

    Parameters
    ----------
    source
        A folder, or a model's name at Hugging Face.
    model_class
        The class of transformers; where `None`, the one that the checkpoint's configuration names.
    dtype
        The type in which weights are loaded; "auto" is that of the file.
    """

    source: str
    model_class: str | None = None
    dtype: str = "auto"

    def __post_init__(self) -> None:
        check_dtype(None if self.dtype == "auto" else self.dtype)

    @property
    def local(self) -> bool:
        """Whether the source is a folder."""
        return Path(self.source).is_dir()

    def names(self) -> list[str]:
        """All checkpoints, in the order of the numbers in their names."""
        return list_checkpoints(self.source) if self.local else list_revisions(self.source)

    def __call__(self, checkpoint: str) -> Any:
        """The model of a checkpoint."""
        transformers = require("transformers")
        if not self.local:
            with _silent(transformers):
                return self._pretrained(transformers, self.source, revision=checkpoint or "main")
        place = self._place(checkpoint)
        with _silent(transformers), _naming(place):
            if (place / ADAPTER).is_file():
                return self._adapted(transformers, place)
            if (place / CONFIG).is_file():
                return self._pretrained(transformers, str(place), local_files_only=True)
            return self._from_state(transformers, Path(self.source), place)

    def identity(self, checkpoint: str) -> dict[str, Any] | None:
        """What the weights of a checkpoint are known by: hashes of its files, or the commit; `None` where unknown."""
        if not self.local:
            commit = commit_of(self.source, checkpoint or "main")
            return {"repository": self.source, "commit": commit} if commit else None
        place = self._place(checkpoint)
        files = [place] if place.is_file() else sorted(path for path in place.iterdir() if path.is_file())
        shared = Path(self.source) / CONFIG
        files += [shared] if not (place / CONFIG).is_file() and shared.is_file() else []
        chosen = [one for one in files if one.suffix in (*WEIGHTS, ".json") and not one.name.startswith(".")]
        huge = sum(one.stat().st_size for one in chosen) > HASHED_BYTES
        return {
            one.name: [one.stat().st_size, one.stat().st_mtime_ns] if huge else sha256(one) for one in chosen
        }

    def cached(self, checkpoint: str) -> bool:
        """Whether the files of a revision are on this machine already; always for a folder."""
        return self.local or cached_commit(self.source, checkpoint or "main") is not None

    def free(self, checkpoint: str) -> None:
        """Remove the files of a revision that Hugging Face's cache holds, and no other revision needs."""
        if self.local:
            return
        commit = cached_commit(self.source, checkpoint or "main")
        if commit:
            require("huggingface_hub").scan_cache_dir().delete_revisions(commit).execute()

    def config_place(self, checkpoint: str) -> str:
        """Where the configuration of a checkpoint lies: a folder, or the source's name."""
        if not self.local:
            return self.source
        place = self._place(checkpoint)
        if (place / ADAPTER).is_file() and not (place / CONFIG).is_file():
            return str(json.loads((place / ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"])
        return str(place if (place / CONFIG).is_file() else Path(self.source))

    def _place(self, checkpoint: str) -> Path:
        places = checkpoint_places(self.source)
        if checkpoint not in places:
            raise DataAbsentError(
                found=f"no config.json in {Path(self.source) / checkpoint}, nor weights",
                expected="a model as save_pretrained writes it, an adapter, or weights beside one config.json",
                fix="name a checkpoint: "
                + (", ".join(list_checkpoints(self.source)) or "there are none here"),
            )
        return places[checkpoint]

    def _pretrained(self, transformers: Any, source: str, **options: Any) -> Any:
        config = read_config(source, **options)
        kind = self.class_of(config)
        dtype = "auto" if getattr(config, "quantization_config", None) is not None else self.dtype
        model, found = kind.from_pretrained(source, dtype=dtype, output_loading_info=True, **options)
        if found["missing_keys"]:
            raise DataAbsentError(
                found=f"no weights for {sorted(found['missing_keys'])[:3]} of {kind.__name__} in {source}",
                expected="weights for every parameter",
                fix="--model-class NAME, the class that was saved",
            )
        return model

    def class_of(self, config: Any) -> Any:
        """The class of transformers that loads a model of this configuration."""
        transformers = require("transformers")
        named = (getattr(config, "architectures", None) or [""])[0]
        wanted = self.model_class or (named if hasattr(transformers, named) else "AutoModelForCausalLM")
        kind = getattr(transformers, wanted, None)
        if kind is None:
            raise ArgumentError(
                found=f"model class {wanted!r}",
                expected="a class of transformers, such as AutoModelForCausalLM",
                fix=nearest(wanted, [name for name in dir(transformers) if "For" in name]),
            )
        return kind

    def _adapted(self, transformers: Any, place: Path) -> Any:
        peft = require("peft")
        base = json.loads((place / ADAPTER).read_text(encoding="utf-8")).get("base_model_name_or_path")
        local = [
            one for one in (place / str(base), Path(str(base)), Path(self.source)) if (one / CONFIG).is_file()
        ]
        model = self._pretrained(
            transformers, str(local[0] if local else base), **({"local_files_only": True} if local else {})
        )
        return peft.PeftModel.from_pretrained(model, str(place), is_trainable=False)

    def _from_state(self, transformers: Any, folder: Path, place: Path) -> Any:
        file = place if place.is_file() else next(_weights(place))
        config = read_config(str(folder), local_files_only=True)
        kind = self.class_of(config)
        model = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
        missing, unknown = model.load_state_dict(read_state(file), strict=False)
        tied = set(
            getattr(model, "all_tied_weights_keys", None) or getattr(model, "_tied_weights_keys", None) or ()
        )
        missing = [name for name in missing if name not in tied]
        unknown = [
            name for name in unknown if not re.search(r"inv_freq|masked_bias|attn\.bias|position_ids", name)
        ]
        if missing or unknown:
            raise FileFormatError(
                found=f"{file}: no weights for {missing[:3]}, and unknown {unknown[:3]}",
                expected=f"the weights of {type(model).__name__}",
                fix="--model-class NAME, the class that was saved",
            )
        model.tie_weights()
        return model if self.dtype == "auto" else model.to(getattr(torch, self.dtype))


def checkpoint_loader(
    source: str | Path, *, model_class: str | None = None, dtype: str | None = "auto"
) -> Checkpoints:
    """A function from a checkpoint to its model, never from the network unless `source` is a model's name.

    Parameters
    ----------
    source
        A folder with one sub-folder or file a checkpoint (see `concentra.heads.checkpoints`), a model's folder itself
        (checkpoint ""), or a name at Hugging Face, whose revisions are the checkpoints.
    model_class
        The class of transformers that loads the model; by default the one that was saved.
    dtype
        The type in which weights are loaded, that of the file by default.

    Examples
    --------
    >>> import tempfile
    >>> from concentra.heads.demo import save, small_model
    >>> folder = Path(tempfile.mkdtemp())
    >>> save(small_model(0), folder / "step0")  # doctest: +SKIP
    >>> checkpoint_loader(folder)("step0").config.hidden_size  # doctest: +SKIP
    64
    """
    return Checkpoints(str(source), model_class, dtype or "auto")


def list_checkpoints(folder: str | Path) -> list[str]:
    """The checkpoints in a folder, in the order of the numbers in their names; `[""]` where it is itself a model.

    `step512` comes before `step1000`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("step1000", "step512"):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "config.json").write_text("{}")
    >>> list_checkpoints(folder)
    ['step512', 'step1000']
    """
    return sorted(checkpoint_places(folder), key=natural_key)


def checkpoint_places(folder: str | Path) -> dict[str, Path]:
    """The folder or file of weights of each checkpoint, by name."""
    path = Path(folder)
    if not path.is_dir():
        return {}
    whole = (path / CONFIG).is_file()
    places: dict[str, Path] = {}
    for child in sorted(path.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_dir():
            place = _within(child, NESTED)
            if place is None and whole and next(_weights(child), None) is not None:
                place = child
            if place is not None:
                places[child.name] = place
    if places:
        return places
    files = list(_weights(path))
    if whole and any(_of_library(one) for one in files):
        return {"": path}
    if whole and files:
        return {one.stem: one for one in files}
    return {"": path} if whole or (path / ADAPTER).is_file() else {}


def _within(folder: Path, depth: int) -> Path | None:
    """The folder of a model or an adapter: this one, or the only one below."""
    if (folder / CONFIG).is_file() or (folder / ADAPTER).is_file():
        return folder
    if depth == 0:
        return None
    below = [
        found for child in sorted(folder.iterdir()) if child.is_dir() and (found := _within(child, depth - 1))
    ]
    return below[0] if len(below) == 1 else None


def _weights(folder: Path) -> Iterator[Path]:
    skipped = ("optimizer", "scheduler", "rng_state", "training_args", "scaler")
    for one in sorted(folder.iterdir()):
        if one.is_file() and one.suffix in WEIGHTS and not one.name.startswith((".", *skipped)):
            yield one


def _of_library(file: Path) -> bool:
    return file.name.startswith(("model.safetensors", "pytorch_model", "model-0", "adapter_model"))


def read_state(file: Path) -> dict[str, Any]:
    """The tensors of a file of weights by name, taken out of what training wrapped them in; nothing is executed."""
    try:
        if file.suffix == ".safetensors":
            state = require("safetensors.torch").load_file(str(file))
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise _no_state(file, str(error).partition("\n")[0][:160]) from None
    except Exception as error:  # pickled objects that are no tensors, and errors of safetensors
        raise _no_state(file, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:160]}") from None
    while isinstance(state, dict) and not _tensors(state):
        inner = next((state[key] for key in STATE_KEYS if isinstance(state.get(key), dict)), None)
        if inner is None:
            raise _no_state(file, f"keys {sorted(map(str, state))[:4]}")
        state = inner
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return dict(state)


def _tensors(state: dict[str, Any]) -> bool:
    return bool(state) and all(torch.is_tensor(value) for value in state.values())


@contextmanager
def _naming(place: Path) -> Iterator[None]:
    """Name the place of a checkpoint that cannot be loaded: each kind of file fails with errors of its own."""
    try:
        yield
    except (ConcentraError, MemoryError):
        raise
    except Exception as error:
        raise FileFormatError(
            found=f"{place} cannot be loaded: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            expected="a model as save_pretrained writes it: a configuration, and all files of weights, whole",
            fix="save or copy it again; keep_going=True goes on without it",
        ) from error


def _no_state(file: Path, why: str) -> FileFormatError:
    return FileFormatError(
        found=f"{file}: {why}",
        expected="tensors by name, as torch.save(model.state_dict(), path) or safetensors writes them",
        fix="save model.state_dict(), or save_pretrained(folder)",
    )


def matching(wanted: Sequence[str], there: Sequence[str], *, all_there: bool = False) -> list[str]:
    """The checkpoints that names or patterns ask for, each once: in the order of the names, patterns in `there`'s.

    Names that are not `there` are kept, unless that is all there is: a commit at Hugging Face is in no list.

    >>> matching(["step*000"], ["main", "step512", "step1000", "step2000"])
    ['step1000', 'step2000']
    """
    chosen: list[str] = []
    for name in wanted:
        pattern = name not in there and any(sign in name for sign in "*?[")
        found = fnmatch.filter(there, name) if pattern else [name] if name in there or not all_there else []
        if not found:
            raise ArgumentError(
                found=f"no checkpoint matches {name!r}",
                expected=f"one of {', '.join(there[:12])}",
                fix=nearest(name, there),
            )
        chosen += [one for one in found if one not in chosen]
    return chosen


@contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    """Without a bar for each model's weights: standard error is the sweep's own."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
