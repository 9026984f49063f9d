"""Products by the kernels of oneDNN against torch's own, and the weights that they hold."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads import exact, head_importance, tiles  # noqa: E402
from concentra.heads.kernels import Kernels  # noqa: E402


@pytest.fixture(autouse=True)
def _no_gradients() -> Any:
    with torch.no_grad():
        yield


def linear(width: int, words: int, *, bias: bool = True) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return torch.nn.Linear(width, words, bias=bias)


def rows_of(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("words", [slice(None), slice(16, 48), slice(90, 120)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 24), (33, 24), (2, 5, 24)])
def test_products_are_those_of_float64_to_rounding(words: slice, bias: bool, shape: tuple[int, ...]) -> None:
    module, rows, kernels = linear(24, 100), rows_of(*shape), Kernels()
    exact = rows.double() @ module.weight[words].double().T + (module.bias[words].double() if bias else 0)
    for _ in range(2):  # the second time from the arranged weights
        found = kernels.product(rows, module, words, bias=bias)
        torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-6)


def test_weights_that_change_are_arranged_again() -> None:
    module, rows, kernels = linear(24, 100), rows_of(8, 24), Kernels()
    kernels.product(rows, module)
    module.weight.mul_(2)
    torch.testing.assert_close(kernels.product(rows, module), module(rows))
    module.weight.data = torch.ones(100, 24)
    torch.testing.assert_close(kernels.product(rows, module), module(rows))
    assert kernels.held_bytes == 4 * 32 * 128  # in blocks of 64 outputs and 16 inputs


def test_what_does_not_fit_is_multiplied_without_being_held() -> None:
    first, second, rows, kernels = linear(24, 100), linear(24, 200), rows_of(8, 24), Kernels(4 * 32 * 200)
    for module in (first, second, first):
        torch.testing.assert_close(kernels.product(rows, module), module(rows))
    assert kernels.held_bytes == 4 * 32 * 128  # in blocks of 64 outputs and 16 inputs
    assert len(kernels.kept) == 1


def test_matrices_of_few_outputs_hold_what_their_blocks_hold() -> None:
    """In memory that is measured, which the counted bytes may not fall short of."""
    psutil = pytest.importorskip("psutil")
    adapters = [linear(4096, 4, bias=False) for _ in range(256)]
    rows, kernels, process = rows_of(16, 4096), Kernels(2**28), psutil.Process()
    kernels.product(rows, adapters[0])
    before = process.memory_info().rss
    for module in adapters:
        kernels.product(rows, module)
    assert process.memory_info().rss - before < 1.1 * kernels.held_bytes
    assert len(kernels.kept) < 1.1 * 2**28 / (4 * 64 * 4096)


def test_similar_numbers_of_rows_share_arranged_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "BYTES_OF_A_TILE", 4 * 64 * 128)
    module, kernels = linear(24, 700, bias=False), Kernels()
    for n_rows in (33, 40, 57, 64):
        tiles.tiled_losses(rows_of(n_rows, 24), module, torch.arange(n_rows), kernels)
    assert len(kernels.kept) == -(-700 // 128)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_are_torchs_own(dtype: Any) -> None:
    module, rows, kernels = linear(24, 100).to(dtype), rows_of(8, 24).to(dtype), Kernels()
    assert torch.equal(kernels.product(rows, module), module(rows))
    assert not kernels.kept


def test_under_autocast_products_stay_in_its_type() -> None:
    module, rows = linear(24, 100), rows_of(8, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Kernels().product(rows, module).dtype == torch.bfloat16


def test_only_plain_modules_are_replaced_and_all_are_given_back() -> None:
    class Scaled(torch.nn.Linear):
        def forward(self, input: Any) -> Any:
            return 3 * super().forward(input)

    model = torch.nn.Sequential(linear(24, 24), Scaled(24, 24), linear(24, 24))
    model[2].forward = lambda input: input + 1
    rows, own = rows_of(8, 24), model[2].forward
    expected = model(rows)
    with Kernels().used(model):
        assert ["forward" in module.__dict__ for module in model] == [True, False, True]
        torch.testing.assert_close(model(rows), expected)
    assert ["forward" in module.__dict__ for module in model] == [False, False, True]
    assert model[2].forward is own


@pytest.mark.parametrize("ablation", ["zero", "mean"])
@pytest.mark.parametrize("architecture", ["gpt_neox", "llama", "gpt2"])
def test_a_sweep_over_tiles_multiplies_by_them(
    monkeypatch: pytest.MonkeyPatch, architecture: str, ablation: str
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", 1)
    model = definitions.tiny(architecture)
    before, ids = copy.deepcopy(model.state_dict()), [definitions.tokens(4, 48, seed=seed) for seed in (0, 1)]
    used: list[Any] = []
    real = Kernels.product
    monkeypatch.setattr(Kernels, "product", lambda *given, **more: used.append(1) or real(*given, **more))
    found = head_importance(model, ids, ablation=ablation, progress=False)
    assert used
    assert found.attrs["tiles"]
    assert found.attrs["prefix_cache"]
    used.clear()
    plain = head_importance(model, ids, ablation=ablation, prefix_cache=False, progress=False)
    assert not used
    np.testing.assert_allclose(found["ablated_loss"], plain["ablated_loss"], rtol=2e-7)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any("forward" in module.__dict__ for module in model.modules())
