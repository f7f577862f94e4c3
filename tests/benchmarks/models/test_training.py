"""Training through TRL: the names we rely on, the loss, resuming, what is charged."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trl.trainer.utils as trl_utils
from transformers import Gemma3Config, Gemma3ForConditionalGeneration
from trl import RLOOTrainer

from benchmarks.common.atomic import write_sums
from benchmarks.common.ledger import Cost, charged_to, telling
from benchmarks.models.checkpoints import last_checkpoint
from benchmarks.models.device import setup
from benchmarks.models.policy import Policy, load_policy
from benchmarks.models.training import Training, supervised, trainer_arguments, training_mode
from benchmarks.spec.answers import Answer
from tests.kit.tokenizers import tiny_tokenizer

MakePolicy = Callable[..., Policy]
Sequences = list[tuple[list[int], list[int]]]


def sequences(count: int = 6, same_length: bool = False) -> Sequences:
    """Prompts of 3 to 5 and responses of 1 to 4 tokens (or 4 and 3)."""
    rng = np.random.default_rng(0)
    lengths = [(4, 3) if same_length else (3 + i % 3, 1 + i % 4) for i in range(count)]
    return [(rng.integers(2, 300, a).tolist(), rng.integers(2, 300, b).tolist()) for a, b in lengths]


def state(policy: Policy) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in policy.model.state_dict().items()}


# The names we rely on


def test_trl_still_has_the_names_that_we_set() -> None:
    """`add_fused_lm_head` must read both globals when it runs, or setting them does nothing."""
    assert isinstance(trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE, int)
    readers = [f for f in vars(trl_utils).values() if inspect.isfunction(f) and f.__module__ == trl_utils.__name__]
    source = "".join(inspect.getsource(f) for f in readers)
    assert "= _use_triton(hidden_states.device)" in source
    assert "_CHUNKED_LOGPROB_CHUNK_SIZE," in source


def test_trl_still_samples_where_we_override_it() -> None:
    assert list(inspect.signature(RLOOTrainer._generate_single_turn).parameters) == [
        "self", "prompt_ids", "images", "multimodal_fields",
    ]  # fmt: skip
    caller = inspect.getsource(RLOOTrainer._generate)
    assert "completion_ids = self._generate_single_turn(prompt_ids, images, multimodal_fields)" in caller


def test_the_fused_head_is_tuned_on_a_cpu(random_policy: MakePolicy, tmp_path: Path) -> None:
    policy = random_policy()
    trainer_arguments(Training(steps=1, batch=2, learning_rate=1.0), tmp_path, 0, policy.model)
    assert policy.model.config.vocab_size == trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE
    assert trl_utils._use_triton(torch.device("cpu"))


@pytest.mark.parametrize(
    ("parameters", "batch", "pieces"),
    [
        (999_999, 128, 1), (999_999, 129, 3),
        (1_000_000, 64, 1), (1_000_000, 65, 5), (1_000_000, 67, 67), (24_999_999, 192, 3),
    ],
)  # fmt: skip
def test_a_large_batch_is_split_evenly(
    random_policy: MakePolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: int, batch: int, pieces: int
) -> None:
    """129 = 3 x 43 and 65 = 5 x 13 are the first splits into at most 128 and 64; 67 is prime."""
    model = random_policy().model
    monkeypatch.setattr(model, "num_parameters", lambda: parameters)
    training = Training(steps=200, batch=batch, learning_rate=1.0, warmup=0.03)
    arguments = trainer_arguments(training, tmp_path, 7, model)
    assert arguments["gradient_accumulation_steps"] == pieces
    assert arguments["per_device_train_batch_size"] * pieces == batch
    assert (arguments["warmup_steps"], arguments["save_steps"], arguments["seed"]) == (6, 50, 7)


# The loss


@torch.no_grad()
def cross_entropy(policy: Policy, rows: Sequences, on_prompt: bool) -> float:
    """Mean of -log p over the response tokens of all rows together, one unpadded forward per row."""
    terms: list[float] = []
    for prompt, response in rows:
        ids = torch.tensor([[*prompt, *response]])
        log_p = torch.log_softmax(policy.model(ids).logits[0].double(), -1)
        terms += [-float(log_p[t - 1, ids[0, t]]) for t in range(1 if on_prompt else len(prompt), ids.shape[1])]
    return float(np.mean(terms))


@pytest.mark.parametrize("on_prompt", [False, True])
@pytest.mark.parametrize("count", [6, 130])
def test_the_loss_is_the_cross_entropy_of_the_response(
    random_policy: MakePolicy, tmp_path: Path, on_prompt: bool, count: int
) -> None:
    """130 rows are trained in pieces of unequal numbers of tokens: the mean is over all tokens, not over the pieces."""
    policy, rows, losses = random_policy(1), sequences(count), []

    def log(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        losses.append((stage, step, steps, measured["loss"]))

    expected = cross_entropy(policy, rows, on_prompt)
    training = Training(steps=1, batch=count, learning_rate=1e-3)
    supervised(policy, rows, training, folder=tmp_path, seed=0, stage="here", log=log, on_prompt=on_prompt)
    assert losses == [("here", 1, 1, pytest.approx(expected, rel=1e-4))]


def test_the_end_of_an_answer_is_learned_where_padding_is_the_same_token(
    random_policy: MakePolicy, tmp_path: Path
) -> None:
    """The last token of every response, of different lengths, counts as any other does."""
    policy = random_policy(1)
    words = deepcopy(policy.tokenizer)
    words.pad_token = words.eos_token
    policy, losses = replace(policy, tokenizer=words), []
    rows = [(prompt, [*response, words.eos_token_id]) for prompt, response in sequences(6)]
    expected = cross_entropy(policy, rows, False)
    training = Training(steps=1, batch=6, learning_rate=1e-3)
    supervised(
        policy, rows, training, folder=tmp_path, seed=0, stage="here", log=lambda *said: losses.append(said[-1]["loss"])
    )
    assert losses == [pytest.approx(expected, rel=1e-4)]


def test_every_parameter_moves_and_the_loss_falls(random_policy: MakePolicy, tmp_path: Path) -> None:
    policy, rows = random_policy(2, 0.1), sequences()
    before, loss = state(policy), cross_entropy(policy, rows, False)
    supervised(policy, rows, Training(steps=10, batch=6, learning_rate=1e-2), folder=tmp_path / "c", seed=0)
    assert [name for name, value in policy.model.state_dict().items() if torch.equal(value, before[name])] == []
    assert cross_entropy(policy, rows, False) < loss - 1
    assert not policy.model.training
    assert not (tmp_path / "c").exists()


def test_a_single_step_trains(random_policy: MakePolicy, tmp_path: Path) -> None:
    policy = random_policy(2)
    before = state(policy)
    supervised(policy, sequences(), Training(steps=1, batch=6, learning_rate=1e-2), folder=tmp_path, seed=0)
    assert not all(torch.equal(value, before[name]) for name, value in state(policy).items())


def test_the_text_part_of_a_multimodal_model_trains(tmp_path: Path) -> None:
    """Its vocabulary and width stand in a configuration within its own, as Gemma 3's do."""
    tokenizer = tiny_tokenizer()
    size = len(tokenizer)
    text = {
        "vocab_size": size + 4, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 8,
        "num_key_value_heads": 2, "intermediate_size": 16, "max_position_embeddings": 512, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 28,
        "patch_size": 14,
    }  # fmt: skip
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=size + 1,
        boi_token_index=size + 2, eoi_token_index=size + 3,
    )  # fmt: skip
    Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path / "whole")
    tokenizer.save_pretrained(tmp_path / "whole")
    policy = load_policy(tmp_path / "whole")
    before = state(policy)
    rows = [policy.encode(Answer("Why?", "So."))] * 2
    supervised(policy, rows, Training(steps=1, batch=2, learning_rate=1e-2), folder=tmp_path / "c", seed=0)
    assert not all(torch.equal(value, before[name]) for name, value in state(policy).items())


def test_a_long_sequence_is_trained_on_whole(random_policy: MakePolicy, tmp_path: Path) -> None:
    """What is too long is cut where it is encoded, in prompt and answer, for all who train."""
    policy, losses = random_policy(1), []
    [(prompt, response)] = sequences(1)
    rows = [(prompt * 400, response * 3)]  # 1,200 tokens before it
    expected = cross_entropy(policy, rows, False)
    assert cross_entropy(policy, [(prompt, rows[0][1])], False) != pytest.approx(expected, rel=1e-4)
    supervised(
        policy, rows, Training(steps=1, batch=1, learning_rate=1e-3), folder=tmp_path, seed=0,
        log=lambda stage, step, steps, measured: losses.append(measured["loss"]),
    )  # fmt: skip
    assert losses == [pytest.approx(expected, rel=1e-4)]


def test_training_mode_ends_with_the_block(random_policy: MakePolicy) -> None:
    policy = random_policy()

    def fail_inside() -> None:
        with training_mode(policy):
            assert policy.model.training
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert not policy.model.training


# Resuming


@pytest.mark.parametrize("count", [24, 400])
def test_an_interrupted_training_ends_in_the_same_bits(random_policy: MakePolicy, tmp_path: Path, count: int) -> None:
    """30 steps are saved at step 25. Stopped after 27, the second call starts at 26 and repeats no earlier step.

    25 steps of 8 are within the first pass over 400 rows, and within the ninth over 24.
    """
    setup(1)
    rows, training = sequences(count, same_length=True), Training(steps=30, batch=8, learning_rate=1e-2)
    whole, broken = random_policy(3), random_policy(3)
    supervised(whole, rows, training, folder=tmp_path / "whole", seed=4)
    steps: list[int] = []

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 27:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervised(broken, rows, training, folder=tmp_path / "broken", seed=4, log=stop)
    assert not broken.model.training
    resumed = random_policy(99)  # a checkpoint has the weights: a start from anything else is not seen
    supervised(resumed, rows, training, folder=tmp_path / "broken", seed=4, log=lambda _, step, *__: steps.append(step))
    assert steps == [26, 27, 28, 29, 30]
    assert all(torch.equal(value, state(whole)[name]) for name, value in state(resumed).items())
    assert not all(torch.equal(value, state(whole)[name]) for name, value in state(broken).items())
    assert not (tmp_path / "broken").exists()


def test_an_unfinished_checkpoint_is_passed_over(tmp_path: Path) -> None:
    """Numbers, not texts, are compared: 100 is newer than 25. 125 lacks the file that is written last."""
    for step in (25, 100, 125):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        for name in ("optimizer.pt", "rng_state.pth", *(["trainer_state.json"] if step < 125 else [])):
            (folder / name).write_text("{}")
        write_sums(folder)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"
    (tmp_path / "checkpoint-100" / "optimizer.pt").unlink()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-25"
    assert last_checkpoint(tmp_path / "nowhere") is None


def test_steps_before_the_interruption_are_charged_once(random_policy: MakePolicy, tmp_path: Path) -> None:
    """Resumed after step 25 of 30, a call is charged 5 steps x 8 sequences x 7 tokens: skipped batches cost nothing."""
    rows, training = sequences(24, same_length=True), Training(steps=30, batch=8, learning_rate=1e-2)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 26:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervised(random_policy(3), rows, training, folder=tmp_path, seed=4, log=stop)
    cost = Cost()
    with charged_to(cost):
        supervised(random_policy(3), rows, training, folder=tmp_path, seed=4)
    assert cost.trained_tokens == 5 * 8 * 7


def test_a_damaged_ledger_of_an_interrupted_training_is_told(random_policy: MakePolicy, tmp_path: Path) -> None:
    """It was kept at the beginning, and no checkpoint yet."""
    rows, training = sequences(24, same_length=True), Training(steps=3, batch=8, learning_rate=1e-2)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), charged_to(Cost()):
        supervised(random_policy(3), rows, training, folder=tmp_path, seed=4, log=stop)
    ledger = tmp_path / "cost-0.json"
    ledger.write_bytes(ledger.read_bytes()[:-9])
    lines: list[str] = []
    with charged_to(Cost()) as cost, telling(lines.append):
        supervised(random_policy(3), rows, training, folder=tmp_path, seed=4)
    assert cost.trained_tokens == 3 * 8 * 7
    assert [line.partition(":")[0] for line in lines] == [f"{ledger} is damaged"]


# Cost


def test_tokens_and_operations_are_charged(random_policy: MakePolicy, tmp_path: Path) -> None:
    """4 steps x 6 sequences x 7 tokens; 6 operations per parameter and token."""
    policy, cost = random_policy(), Cost()
    training = Training(steps=4, batch=6, learning_rate=1e-3)
    with charged_to(cost):
        supervised(policy, sequences(12, same_length=True), training, folder=tmp_path, seed=0)
    assert cost.trained_tokens == 4 * 6 * 7
    assert cost.flops == 6.0 * policy.parameters * cost.trained_tokens
    assert (cost.generated_tokens, cost.reward_calls) == (0, 0)


@pytest.mark.parametrize("schedule", ["cosine", "constant_with_warmup"])
def test_another_seed_sees_the_rows_in_another_order(random_policy: MakePolicy, tmp_path: Path, schedule: str) -> None:
    finals = []
    for seed in (0, 0, 1):
        policy = random_policy(1)
        training = Training(steps=3, batch=4, learning_rate=1e-2, schedule=schedule)
        supervised(policy, sequences(24), training, folder=tmp_path, seed=seed)
        finals.append(policy.model.lm_head.weight.clone())
    assert torch.equal(finals[0], finals[1])
    assert not torch.equal(finals[0], finals[2])
