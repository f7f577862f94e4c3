"""Opening a classifier: what its folder or hub entry does not say, or says wrongly, is found here."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from benchmarks.common import BadInput, adapter_base, error_words, folder_content, no_memory, some_of
from benchmarks.models import SMALL, attention, check_embedded, check_shapes, check_unread, pad_right, setup
from benchmarks.rewards.inputs import Row


@dataclass(frozen=True, eq=False)
class Opened:
    """A sequence classifier with its tokenizer, on this process's device."""

    source: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    limit: int
    """Tokens that it can read."""

    @property
    def labels(self) -> dict[int, str]:
        """What its logits are called, by their places: some number their labels otherwise."""
        return dict(enumerate(name for _, name in sorted(self.model.config.id2label.items())))

    @cached_property
    def _taken(self) -> frozenset[str]:
        """What the model can be given."""
        return frozenset(inspect.signature(self.model.forward).parameters)

    @torch.inference_mode()
    def logits(self, rows: list[Row], width: int = 1) -> torch.Tensor:
        """Logits (N, L) in double precision, those of each row as the model's own call gives them for it alone.

        The rows are padded on the right, to a multiple of `width`. Models that read their last token look for it from
        the right, past their padding token. One that has none takes the last there is: it is padded with an id that no
        row has.
        """
        config, device = self.model.config.get_text_config(), self.model.device
        ids, known = [row["input_ids"] for row in rows], self.model.get_input_embeddings().weight.shape[0]
        own, taken = config.pad_token_id, {i for row in ids for i in row}
        if max(taken, default=0) >= known:
            raise BadInput(
                f"the tokenizer of the reward model {self.source} says {max(taken)}, of {known:,} tokens that it knows",
                "the tokenizer has more tokens than the model has embeddings: it is another model's, or was added to",
                "give the model a tokenizer of its own",
            )
        pad = own if own is not None and 0 <= own < known else next(i for i in range(known) if i not in taken)
        tensor, mask = pad_right(ids, pad, device, multiple=width)
        more = {
            name: pad_right([row[name] for row in rows], 0, device, multiple=width)[0]
            for name in rows[0]
            if name != "input_ids" and name in self._taken
        }
        config.pad_token_id = pad
        try:
            return self.model(input_ids=tensor, attention_mask=mask, **more).logits.double().cpu()
        finally:
            config.pad_token_id = own


_OPEN: WeakValueDictionary[tuple[str, str | None, str], Opened] = WeakValueDictionary()
"""What is open in this process, by source, revision and content: rewards that read the same model share it."""


def open_classifier(source: str | Path, revision: str | None = None) -> Opened:
    """The classifier of a local folder or a hub id. BadInput where it cannot give what its model card says."""
    folder = Path(source)
    key = (str(source), revision, folder_content(folder) if folder.is_dir() else "")
    found = _OPEN.get(key)
    if found is None:
        found = _OPEN[key] = _open(str(source), revision)
    return found


def load(source: str, revision: str | None = None, **how: Any) -> tuple[PreTrainedModel, Any, PreTrainedTokenizerBase]:
    """Model, what was amiss in its weights, and tokenizer. BadInput where there is no such classifier.

    A weight that the base of an adapter lacks, and that the adapter does not bring, is missing.
    """
    # on a CPU, eager attention may be the faster one, which every class has; else a class takes the best it has
    chosen = {"attn_implementation": "eager"} if attention(setup()) == "eager" else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        base = adapter_base(source, revision)
        model, found = AutoModelForSequenceClassification.from_pretrained(
            base or source,
            revision=None if base else revision,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            **chosen,
            **how,
        )
        if base:
            added = model.load_adapter(
                source, adapter_kwargs={"revision": revision}, dtype=torch.float32, ignore_mismatched_sizes=True
            ).to_dict()
            found["missing_keys"] = {name for name in found["missing_keys"] if not _replaced(name, model)}
            found = {kind: [*found[kind], *added[kind]] for kind in found}
    except Exception as error:
        if no_memory(error):
            raise
        raise BadInput(
            f"the reward model {source} cannot be opened: {error_words(error).splitlines()[0][:200]}",
            "a reward's model is a sequence classifier of the transformers library, with its tokenizer",
            "check model and revision; a local model is a folder with config.json, weights and tokenizer",
        ) from error
    if not tokenizer.is_fast:
        raise BadInput(
            f"the tokenizer of the reward model {source} does not tell which part of a text a token is",
            "prompts that are too long are cut, answers are not",
            "name a model with a fast tokenizer (tokenizer.json)",
        )
    if hasattr(model.base_model, "set_attention_type"):  # BigBird's changes for good at its first short text
        model.base_model.set_attention_type("original_full")
    return model, found, tokenizer


def _replaced(name: str, model: PreTrainedModel) -> bool:
    """Whether an adapter has a weight of its own in place of this one."""
    return ".modules_to_save.default.".join(name.rsplit(".", 1)) in model.state_dict()


LANGUAGE_HEAD = re.compile(r"lm_head|embed_out|cls\.|vocab_|generator_|discriminator_|(lm_|mask_)?predictions")
"""Names of the heads of language models, which classifiers that were made from them may keep."""


def _open(source: str, revision: str | None) -> Opened:
    model, found, tokenizer = load(source, revision)
    if missing := sorted(found["missing_keys"]):
        kept = ", ".join(model.config.architectures or ()) or "something else"
        raise BadInput(
            f"the reward model {source} lacks weights of a classifier: {some_of(missing, 4)}",
            f"they would be drawn at random; what is stored says to be a {kept}",
            "model = a sequence classifier that was trained as a reward, or train one here: { base = ... }",
        )
    check_shapes(f"the reward model {source}", found["mismatched_keys"])
    check_unread(
        f"the reward model {source}", [name for name in found["unexpected_keys"] if not LANGUAGE_HEAD.match(name)]
    )
    check_embedded(f"the reward model {source}", model, tokenizer)
    if model.num_parameters() >= SMALL:
        keep_halves(model)
    opened = Opened(source, model.to(setup()).eval(), tokenizer, readable(model, tokenizer))
    check_padding(opened)
    return opened


def check_padding(opened: Opened) -> None:
    """BadInput for a classifier that says something else of a short text with padding behind it: its scores would
    depend on which texts are scored beside."""
    row = {name: ids for name, ids in opened.tokenizer("Hi").items() if name != "attention_mask"}
    if not row["input_ids"] or 2 * len(row["input_ids"]) > opened.limit:
        return
    alone, padded = (opened.logits([row], width)[0] for width in (1, 2 * len(row["input_ids"])))
    if not torch.allclose(alone, padded, rtol=0.01, atol=0.01, equal_nan=True):
        raise BadInput(
            f"the reward model {opened.source} scores a text otherwise where padding follows it",
            f"{type(opened.model).__name__} reads the last position, be there a token or not",
            "name a classifier that reads its first token, or looks for its last one, such as BERT, GPT-2 or Llama",
        )


def keep_halves(model: PreTrainedModel) -> None:
    """Holds the weights of a classifier's linear layers in the 16 bits that they came in, if they did.

    They are computed with in float32 all the same, a layer at a time, so that no score moves: in bfloat16 scores of
    random classifiers move by 1 to 4 % of their spread.
    """
    layers: list[Any] = [module for module in model.modules() if type(module) in (nn.Linear, Conv1D)]
    for half in (torch.bfloat16, torch.float16):
        if all(torch.equal(layer.weight.to(half).float(), layer.weight) for layer in layers):
            for layer in layers:
                layer.weight.data = layer.weight.data.to(half)
                layer.register_forward_pre_hook(_widen)
                layer.register_forward_hook(_narrow, always_call=True)
            return


def _widen(layer: Any, given: object) -> None:
    layer.narrow_weight = layer.weight.data
    layer.weight.data = layer.narrow_weight.float()


def _narrow(layer: Any, given: object, found: object) -> None:
    layer.weight.data = layer.narrow_weight


def readable(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """How many tokens a classifier can read, as its positions and its tokenizer have it."""
    config = model.config.get_text_config()
    ends = [f"max_{end}position_embeddings" for end in ("", "encoder_", "decoder_")]
    told = [int(getattr(config, name, None) or 0) for name in ends]
    # without positions to look up, as many as there are (Bloom, T5, Mamba; XLNet says -1)
    positions = min((number for number in told if number > 0), default=sys.maxsize)
    for name, module in model.named_modules():
        # where padding has a position of its own, texts begin behind it (RoBERTa)
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            positions = min(positions, module.num_embeddings - module.padding_idx - 1)
    return int(min(tokenizer.model_max_length, positions))
