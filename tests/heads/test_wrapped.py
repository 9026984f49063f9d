"""Models in the wrappers of training, and adapters on them, give the numbers of the model inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore")]

from concentra.errors import ArgumentError, HookError  # noqa: E402
from concentra.heads import HeadSite, find_head_sites, head_importance, masked_batches  # noqa: E402


def padded() -> dict[str, Any]:
    """Left-padded sequences: without the mask the loss is another."""
    ids = definitions.tokens()
    mask = torch.ones_like(ids)
    mask[:2, :6] = 0
    return {"input_ids": ids, "attention_mask": mask}


class Outer(torch.nn.Module):
    """A wrapper of one's own that takes anything."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return self.inner(*arguments, **keywords)


class DistributedDataParallel(Outer):
    """Stands for the wrapper of that name, which needs a process group."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.module = inner


def compiled_in_place(model: Any) -> Any:
    model.compile(backend="eager")
    with torch.no_grad():
        model(**padded(), use_cache=False)
    return model


def compiled_forward(model: Any) -> Any:
    model.eval().forward = torch.compile(model.forward, backend="eager")
    with torch.no_grad():
        model(**padded(), use_cache=False)
    return model


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "distributed": DistributedDataParallel,
    "data parallel": torch.nn.DataParallel,
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "compiled in place": compiled_in_place,
    "compiled forward": compiled_forward,
    "one's own": Outer,
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_model_is_the_model_inside(name: str) -> None:
    expected = head_importance(definitions.tiny("llama"), padded(), progress=False)
    found = head_importance(WRAPPERS[name](definitions.tiny("llama")), padded(), progress=False)
    np.testing.assert_array_equal(found["ablated_loss"], expected["ablated_loss"])


@pytest.mark.parametrize("name", ["distributed", "data parallel", "compiled"])
def test_a_wrapped_masked_model_keeps_its_loss(name: str) -> None:
    batches = masked_batches([definitions.tokens()], mask_token=2, share=0.3)
    expected = head_importance(definitions.tiny_bert(), batches, progress=False)
    found = head_importance(WRAPPERS[name](definitions.tiny_bert()), batches, progress=False)
    np.testing.assert_array_equal(found["ablated_loss"], expected["ablated_loss"])


def test_names_may_be_those_of_the_wrapper() -> None:
    wrapped = DistributedDataParallel(definitions.tiny("llama"))
    sites = [HeadSite(s.layer, f"module.{s.name}", s.n_heads, s.n_groups) for s in find_head_sites(wrapped)]
    assert len(head_importance(wrapped, padded(), sites=sites, progress=False)) == 12


def test_sharded_parameters_are_refused() -> None:
    class FSDPModule(Outer):
        pass

    with pytest.raises(HookError, match="divided among processes"):
        head_importance(FSDPModule(definitions.tiny("llama")), padded())


@pytest.mark.parametrize("options", [{}, {"layers_to_transform": [0, 1]}])
@pytest.mark.parametrize("target", ["o_proj", "v_proj"])
def test_an_adapter_is_part_of_the_model(target: str, options: dict[str, Any]) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=[target], init_lora_weights=False, **options)
    adapted = peft.get_peft_model(definitions.tiny("llama"), config).eval()
    found = head_importance(adapted, padded(), progress=False)
    merged = head_importance(adapted.merge_and_unload(), padded(), progress=False)
    assert len(found) == 12
    np.testing.assert_allclose(found["ablated_loss"], merged["ablated_loss"], rtol=1e-5)
    assert np.ptp(found["ablated_loss"]) > 1e-3


def test_weights_that_are_loaded_when_they_are_needed() -> None:
    accelerate = pytest.importorskip("accelerate")
    expected = head_importance(definitions.tiny("llama"), padded(), progress=False)
    model = accelerate.cpu_offload(definitions.tiny("llama"), execution_device="cpu")
    found = head_importance(model, padded(), progress=False)
    np.testing.assert_array_equal(found["ablated_loss"], expected["ablated_loss"])
    assert all(parameter.device.type == "meta" for parameter in model.parameters())


def test_virtual_tokens_are_refused() -> None:
    peft = pytest.importorskip("peft")
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    with pytest.raises(HookError, match="virtual tokens"):
        head_importance(peft.get_peft_model(definitions.tiny("llama"), config), padded())


def test_a_key_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(ArgumentError, match="attention_mask"):
        head_importance(definitions.plain_transformer(), padded(), progress=False)
