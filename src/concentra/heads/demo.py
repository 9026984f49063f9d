"""A whole study of heads within two minutes: train a small model, sweep its checkpoints, watch the concentration.

The model is a GPT-NeoX of 4 layers with 4 heads each, width 64, 233 thousand parameters, on bytes. Its text is the
reference manual inside the running Python interpreter (`pydoc_data.topics`), so that nothing is downloaded; the
last tenth is never trained on and is what the heads are measured with. What the table says, it says about this
model, trained and measured here, with this Python and this PyTorch: other versions give other texts and last bits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError
from concentra.files import replacing
from concentra.heads._torch import require, torch
from concentra.heads.batches import token_batches
from concentra.heads.sweep import sweep_checkpoints
from concentra.heads.table import noise_by_checkpoint, write_table
from concentra.metrics.gini import gini
from concentra.metrics.hill import hill_number
from concentra.progress import track

MODEL = "tiny_neox"
TABLE, TRAJECTORY = "tiny_neox_ablations.csv", "tiny_neox_trajectory.csv"
CHECKPOINTS = (0, 25, 100, 200, 400, 800)
LENGTH, SEQUENCES_A_STEP = 128, 8
LEARNING_RATE, WARM_UP = 2e-3, 50
PATIENT = {"KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait asleep: waiting awake, they slow a small model down several times on busy machines."""


def run_demo(
    out: str | Path,
    *,
    steps: int = 800,
    checkpoints: Sequence[int] | None = None,
    seed: int = 0,
    n_sequences: int = 128,
    timings: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Train the small model, measure its heads at the checkpoints, write `tiny_neox_ablations.csv` into `out`.

    Beside it: `tiny_neox_trajectory.csv`, the Gini coefficient and effective number of ``|delta|`` at each checkpoint
    with what noise alone would show, and `checkpoints/`, the models as `save_pretrained` writes them, for
    `concentra heads sweep`.

    Parameters
    ----------
    out
        A folder, made where missing. Checkpoints that it holds from an earlier run are trained again.
    steps
        Steps of training.
    checkpoints
        After which steps the heads are measured; by default 0, 25, 100, 200, 400, ... as far as `steps` goes.
    seed
        Of the first weights and of the order of the text.
    n_sequences
        Sequences of 128 bytes that the heads are measured with.
    timings
        Whether the column `seconds` is filled; without, equal runs give equal bytes.

    Returns
    -------
    DataFrame
        The table, with the columns of `head_importance`; `attrs["trajectory"]` holds the trajectory's frame.

    Examples
    --------
    >>> import tempfile
    >>> table = run_demo(tempfile.mkdtemp(), steps=2, n_sequences=2, progress=False)  # doctest: +SKIP
    >>> table.attrs["trajectory"][["checkpoint", "n_heads"]].values.tolist()  # doctest: +SKIP
    [['step0', 16], ['step2', 16]]
    """
    if checkpoints is None:
        checkpoints = [step for step in CHECKPOINTS if step < steps] + [steps]
    wanted = sorted(set(checkpoints))
    if not wanted or wanted[0] < 0 or wanted[-1] > steps:
        raise ArgumentError(
            found=f"checkpoints {list(checkpoints)} with steps={steps}",
            expected=f"steps from 0 to {steps}",
            fix=f"steps={max([*wanted, 1])}",
        )
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)
    folder = Path(out)
    trained, held_out = split_text(interpreter_text())
    train(trained, folder / "checkpoints", steps=steps, checkpoints=wanted, seed=seed, progress=progress)
    table = sweep_checkpoints(
        folder / "checkpoints",
        [f"step{step}" for step in wanted],
        token_batches(held_out, n_sequences=n_sequences, length=LENGTH, batch_size=min(16, n_sequences)),
        folder / TABLE,
        resume=False,
        name=MODEL,
        timings=timings,
        progress=progress,
    )
    trajectory = concentration_by_checkpoint(table)
    write_table(trajectory, folder / TRAJECTORY)
    table.attrs["trajectory"] = trajectory
    return table


def interpreter_text() -> bytes:
    """The reference manual of the running Python, topic by topic in alphabetical order, as UTF-8."""
    topics = require("pydoc_data.topics").topics
    return "\n".join(topics[name] for name in sorted(topics)).encode("utf-8")


def split_text(text: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bytes to train on, the first nine tenths, and those to measure with."""
    tokens = np.frombuffer(text, dtype=np.uint8).astype(np.int64)
    cut = len(tokens) * 9 // 10
    return tokens[:cut], tokens[cut:]


def small_model(seed: int) -> Any:
    """The untrained model: GPT-NeoX, 4 layers of 4 heads, width 64, one token a byte, 232,832 parameters."""
    transformers = require("transformers")
    torch.manual_seed(seed)
    settings = transformers.GPTNeoXConfig(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=256,
        bos_token_id=0,
        eos_token_id=0,
    )
    return transformers.GPTNeoXForCausalLM(settings)


def train(
    tokens: NDArray[np.int64],
    folder: Path,
    *,
    steps: int,
    checkpoints: Sequence[int],
    seed: int,
    progress: bool = True,
) -> None:
    """Train the small model with AdamW and save it as `folder/step<n>` at the checkpoints."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        model = small_model(seed)
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
        counted = range(steps + 1)
        for step in track(counted, "training", total=steps + 1) if progress else counted:
            if step in checkpoints:
                save(model, folder / f"step{step}")
            if step < steps:
                _train_once(model, optimizer, _draw(tokens, rng), _rate(step, steps))


def _draw(tokens: NDArray[np.int64], rng: np.random.Generator) -> Any:
    starts = rng.integers(0, len(tokens) - LENGTH, SEQUENCES_A_STEP)
    return torch.as_tensor(tokens[starts[:, None] + np.arange(LENGTH)])


def _rate(step: int, steps: int) -> float:
    """The learning rate: a linear rise over the first steps, then a linear fall to a tenth."""
    return LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * (1 - 0.9 * step / steps)


def _train_once(model: Any, optimizer: Any, batch: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    logits = model(input_ids=batch, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def save(model: Any, folder: Path) -> None:
    """Save a model so that its folder holds `config.json` only once the weights are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    with replacing(folder / "model.safetensors") as temporary:
        state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        require("safetensors.torch").save_file(state, temporary, metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)


def concentration_by_checkpoint(table: pd.DataFrame) -> pd.DataFrame:
    """The concentration of ``|delta|`` over the heads of each checkpoint, beside what noise alone would show."""
    amounts = table["delta"].abs().groupby([table["model"], table["checkpoint"]], sort=False)
    concentration = pd.DataFrame(
        {
            "gini_present": amounts.agg(lambda x: gini(x.to_numpy())),
            "hill_q1": amounts.agg(lambda x: hill_number(x.to_numpy(), 1.0)),
        }
    ).reset_index()
    losses = table.groupby(["model", "checkpoint"], sort=False)["baseline_loss"].first().reset_index()
    return losses.merge(concentration).merge(noise_by_checkpoint(table))
