"""Not computing again what an ablation leaves as it was.

Ablating a head of block k changes nothing below the output projection of block k. Three exact savings:

- the blocks below k are skipped: each returns at once what block k - 1 returned without ablation;
- the attention of block k is skipped up to its projection: its input without ablation is kept;
- a part of block k that meets the same input as in the pass before, such as a feed-forward part beside the attention
  rather than behind it, returns the same output.

One output of a block and one input of a projection are held for each batch, where the memory allowed holds them, and
moved up layer by layer. The first two savings assume that a block passes on nothing but its output; the caller checks
the assumption by comparing a pass without ablation, bit by bit, with the baseline. The third compares the inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from concentra.errors import HookError
from concentra.heads._torch import torch
from concentra.heads.batches import n_sequences
from concentra.heads.guard import hooked, replaced_forward
from concentra.heads.loss import call_model
from concentra.heads.sites import HeadSite


class _Enough(Exception):
    """All that is wanted of a pass has been computed."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of a model, lowest first, and the number of the block that each layer's site is in.

    `behind` holds the children of blocks, by their last names, whose input was seen to change with the attention.
    """

    names: tuple[str, ...]
    number: dict[int, int]
    behind: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Prefix:
    """What stays as it was when heads of one site are ablated, for one batch.

    `below` is the output of the block under the site's; `attention` the module that ends with the site's
    projection (`None`: none does, and attention is computed again), `clean` the projection's input, `rest` what
    `attention` returns beside the projection's output; `rows` the number of sequences; `beside` the last input and
    output of parts of the block beside its attention, by name and number of copies.
    """

    site: HeadSite
    rows: int
    depth: int
    below: Any
    attention: str | None
    clean: Any
    rest: tuple[Any, ...] | None
    beside: dict[tuple[str, int], tuple[Any, Any, int]] = field(default_factory=dict)


def find_blocks(model: Any, sites: Sequence[HeadSite]) -> Blocks | None:
    """The list of blocks that the sites are in, one block a site, or `None` where there is none."""
    split = [site.name.split(".") for site in sites]
    shared = 0
    while all(len(path) > shared for path in split) and len({path[shared] for path in split}) == 1:
        shared += 1
    for depth in [shared] if len(sites) > 1 else range(len(split[0]) - 1):
        if any(len(path) <= depth for path in split):
            continue
        container = model.get_submodule(".".join(split[0][:depth]))
        keys = [path[depth] for path in split]
        if not isinstance(container, (torch.nn.ModuleList, torch.nn.Sequential)) or len(set(keys)) < len(
            keys
        ):
            continue
        names = list(dict(container.named_children()))
        start = ".".join(split[0][:depth])
        return Blocks(
            tuple(f"{start}.{name}" if start else name for name in names),
            {site.layer: names.index(key) for site, key in zip(sites, keys, strict=True)},
        )
    return None


def advance(model: Any, blocks: Blocks, site: HeadSite, batch: dict[str, Any], held: Prefix | None) -> Prefix:
    """The prefix of `site`, computed from that of a lower site, by a pass that stops behind its attention."""
    seen: dict[str, Any] = {}
    with (
        skipping(model, blocks, held),
        hooked(_listen(model, blocks, site, seen)),
        suppress(_Enough),
    ):
        call_model(model, batch)
    return _prefix(blocks, site, seen, held, n_sequences(batch))


def _prefix(blocks: Blocks, site: HeadSite, seen: dict[str, Any], held: Prefix | None, rows: int) -> Prefix:
    if site.name not in seen:
        raise HookError(
            found=f"{site.name!r} was called 0 times in one pass",
            expected="once: never means that its weight is used without calling it",
            fix="give sites=[HeadSite(...), ...] that are called once, or write the attention with a Linear",
        )
    below = seen.get("below", held.below if held is not None else None)
    return Prefix(site, rows, blocks.number[site.layer], below, *_shortcut(site, _inner(blocks, site), seen))


def _inner(blocks: Blocks, site: HeadSite) -> list[str]:
    """The modules that hold the site's projection inside its block, the innermost first."""
    path = site.name.split(".")
    above = [".".join(path[:depth]) for depth in range(len(path) - 1, 0, -1)]
    return [name for name in above if name.startswith(blocks.names[blocks.number[site.layer]] + ".")]


def _listen(model: Any, blocks: Blocks, site: HeadSite, seen: dict[str, Any]) -> list[Any]:
    """Hooks that note the output of the block below, the projection's input, and outputs up to its attention."""

    def before(module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        seen["clean"] = (arguments or tuple(keywords.values()))[0]

    def after(name: str, last: bool) -> Callable[..., None]:
        """A hook that keeps the output of `name`, and ends the pass where nothing more is needed."""

        def note(module: Any, arguments: Any, output: Any) -> None:
            seen[name] = (output, _version(output))
            if last:
                raise _Enough

        return note

    def keep(module: Any, arguments: Any, output: Any) -> None:
        seen["below"] = output

    chain, k = [site.name, *_inner(blocks, site)], blocks.number[site.layer]
    handles = [model.get_submodule(site.name).register_forward_pre_hook(before, with_kwargs=True)]
    for name in chain:
        handles.append(model.get_submodule(name).register_forward_hook(after(name, name == chain[-1])))
    if k > 0:
        handles.append(model.get_submodule(blocks.names[k - 1]).register_forward_hook(keep))
    return handles


def _shortcut(site: HeadSite, inner: list[str], seen: dict[str, Any]) -> tuple[str | None, Any, Any]:
    """The outermost module whose first output *is* the projection's output, untouched."""
    projected, version = seen[site.name]
    for name in reversed(inner):
        output, _ = seen.get(name, (None, 0))
        first = output[0] if isinstance(output, tuple) and output else output
        if _same(first, projected) and _version(projected) == version:
            return name, seen["clean"], output[1:] if isinstance(output, tuple) else None
    return None, None, None


def _same(one: Any, other: Any) -> bool:
    if not torch.is_tensor(one):
        return False
    return bool(
        one.data_ptr() == other.data_ptr() and one.shape == other.shape and one.stride() == other.stride()
    )


def _version(output: Any) -> int:
    return int(output._version) if torch.is_tensor(output) else 0


@contextmanager
def skipping(model: Any, blocks: Blocks, prefix: Prefix | None, copies: int = 1) -> Iterator[None]:
    """Let the blocks below the prefix return its output, repeated for `copies` of the batch."""
    with ExitStack() as stack:
        if prefix is not None and prefix.depth > 0:
            below = repeated(prefix.below, copies, prefix.rows)
            for name in blocks.names[: prefix.depth]:
                stack.enter_context(replaced_forward(model.get_submodule(name), lambda *_, **__: below))
        yield


@contextmanager
def resuming(model: Any, blocks: Blocks, site: HeadSite, prefix: Prefix, copies: int) -> Iterator[None]:
    """Start a pass from the prefix: the blocks below skipped, and the attention up to its projection."""
    with ExitStack() as stack:
        stack.enter_context(skipping(model, blocks, prefix, copies))
        if prefix.attention is not None:
            projection = model.get_submodule(site.name)
            clean, rest = (repeated(value, copies, prefix.rows) for value in (prefix.clean, prefix.rest))

            def forward(*_: Any, **__: Any) -> Any:
                projected = projection(clean)
                return projected if rest is None else (projected, *rest)

            stack.enter_context(replaced_forward(model.get_submodule(prefix.attention), forward))
        for name in _beside(model, blocks, site):
            module = model.get_submodule(name)
            memory = _remembering(module.forward, prefix.beside, (name, copies), blocks.behind)
            stack.enter_context(replaced_forward(module, memory))
        yield


def _beside(model: Any, blocks: Blocks, site: HeadSite) -> list[str]:
    """The children of the site's block with a matrix of weights that its projection is not in."""
    block = blocks.names[blocks.number[site.layer]]
    return [
        f"{block}.{child}"
        for child, module in model.get_submodule(block).named_children()
        if child not in blocks.behind
        and not site.name.startswith(f"{block}.{child}.")
        and any(parameter.dim() > 1 for parameter in module.parameters())
    ]


def _remembering(
    forward: Callable[..., Any],
    memory: dict[tuple[str, int], tuple[Any, Any, int]],
    key: tuple[str, int],
    behind: set[str],
) -> Callable[..., Any]:
    """A `forward` that returns the output of the pass before for the same single input."""

    def remembered(*arguments: Any, **keywords: Any) -> Any:
        child = key[0].rpartition(".")[2]
        if child in behind or keywords or len(arguments) != 1 or not torch.is_tensor(arguments[0]):
            return forward(*arguments, **keywords)
        if key in memory:
            before, output, version = memory[key]
            if torch.equal(before, arguments[0]) and _version(output) == version:
                return output
            behind.add(child)
            del memory[key]
            return forward(*arguments)
        output = forward(*arguments)
        if torch.is_tensor(output):
            memory[key] = (arguments[0].clone(), output, _version(output))
        return output

    return remembered


def repeated(value: Any, copies: int, rows: int) -> Any:
    """Tensors whose first axis holds the batch's `rows`, with one copy of it after the other; all else as it is.

    What has one row for all sequences is broadcast, and stays one.
    """
    if copies == 1 or value is None:
        return value
    if torch.is_tensor(value):
        if value.dim() == 0 or value.shape[0] % rows or (value.dim() > 1 and value.shape[0] == 1 < rows):
            return value
        return value.repeat(copies, *[1] * (value.dim() - 1))
    if isinstance(value, tuple):
        return tuple(repeated(item, copies, rows) for item in value)
    if isinstance(value, list):
        return [repeated(item, copies, rows) for item in value]
    if isinstance(value, dict):
        return {name: repeated(item, copies, rows) for name, item in value.items()}
    return value
