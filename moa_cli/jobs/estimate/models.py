"""Where a model is and how large it is, found without loading or downloading it."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.common import check_no_pipe, damaged_model, json_of, model_settings
from benchmarks.models import named_parameters
from benchmarks.spec import SIZES

Place = Literal["made here", "in a local folder", "in the hub cache", "on the hub", "a function"]
"""Where a model is; a function is none."""


BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Of a number, by its type in a safetensors file; others, of eight bits, take one."""


WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Files with weights, the first kind first."""


ADDED = 100
"""Tokens that a vocabulary made here has beside those asked for: numbers and tags."""


class Model(NamedTuple):
    """A model's size, as far as it can be known; 0 is unknown."""

    name: str
    place: Place
    parameters: int = 0
    about: bool = False
    """Whether the parameters are those that its name tells."""
    stored: int = 0
    """Bytes of its weights, where they are or would be downloaded to."""
    hidden: int = 0
    inner: int = 0
    """Width of the MLP."""
    layers: int = 0
    heads: int = 0
    cached: int = 0
    """Numbers per token and layer in the cache of keys and values."""
    vocabulary: int = 0

    @property
    def downloaded(self) -> bool:
        """Whether its weights would be downloaded."""
        return self.place == "on the hub"


def scratch_model(size: str, vocabulary: int, *, head: bool = True) -> Model:
    """A model of a scratch size, as it would be made: a Llama with tied embeddings; ValueError for another size."""
    if size not in SIZES:
        raise ValueError(f"there is no scratch size {size}")
    hidden, layers, heads = SIZES[size]
    tokens = vocabulary + ADDED
    block = 4 * hidden**2 + 3 * hidden * (5 * hidden // 2) + 2 * hidden
    parameters = tokens * hidden + layers * block + hidden + (0 if head else hidden)
    return Model(
        f"scratch:{size}", "made here", parameters, stored=4 * parameters, hidden=hidden, inner=5 * hidden // 2,
        layers=layers, heads=heads,
        cached=2 * hidden, vocabulary=tokens,
    )  # fmt: skip


def find_model(source: str, revision: str | None = None, *, classifier: bool = False) -> Model:
    """A model in a local folder, in the hub's cache, or neither: then its name is all there is to go by."""
    if (folder := Path(source)).is_dir():
        return _in_folder(source, folder, "in a local folder", classifier=classifier)
    if config := _cached(source, "config.json", revision):
        return _in_folder(source, config.parent, "in the hub cache", classifier=classifier)
    parameters = named_parameters(source)
    return Model(source, "on the hub", parameters, about=bool(parameters), stored=2 * parameters)


def _in_folder(name: str, folder: Path, place: Place, *, classifier: bool) -> Model:
    config = model_settings(folder / "config.json")
    files = next(filter(None, (sorted(folder.glob(kind)) for kind in WEIGHTS)), [])
    if not files and place == "in the hub cache":
        place = "on the hub"  # as yet, all but its weights
    parameters, stored = _in_headers(files)
    if not parameters and config:
        parameters = _by_config(folder, classifier=classifier)
    about = not parameters and bool(named_parameters(name))
    parameters = parameters or named_parameters(name)
    width = 4 if config.get("dtype", config.get("torch_dtype", "float32")) == "float32" else 2
    told = {**config, **(found if isinstance(found := config.get("text_config"), dict) else {})}
    hidden, layers, heads = (
        _whole(told, *names)
        for names in (
            ("hidden_size", "n_embd", "d_model", "dim"),
            ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
            ("num_attention_heads", "n_head", "num_heads", "n_heads"),
        )
    )
    per_head = _whole(told, "head_dim") or (hidden // heads if heads else 0)
    return Model(
        name, place, parameters, about, stored=stored or width * parameters, hidden=hidden,
        inner=_whole(told, "intermediate_size", "n_inner", "hidden_dim") or 4 * hidden, layers=layers, heads=heads,
        cached=2 * per_head * (_whole(told, "num_key_value_heads") or heads), vocabulary=_whole(told, "vocab_size"),
    )  # fmt: skip


def _in_headers(files: list[Path]) -> tuple[int, int]:
    """Parameters, and bytes, of weights in these files; the former are 0 where no header tells them. BadInput for one
    that is damaged."""
    stored, parameters = sum(file.stat().st_size for file in files), 0
    for file in files:
        if file.suffix != ".safetensors":
            return 0, stored
        check_no_pipe(file)
        try:
            with file.open("rb") as opened:
                length = int.from_bytes(opened.read(8), "little")
                header = json_of(opened.read(length)) if length < file.stat().st_size else {}
            shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
            parameters += sum(math.prod(map(operator.index, shape)) for shape in shapes)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise damaged_model(file, "its header is not that of weights") from error
    return parameters, stored


def _by_config(folder: Path, *, classifier: bool) -> int:
    """The parameters of a model that is described in a folder, built without memory; 0 where that cannot be done."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    kind = AutoModelForSequenceClassification if classifier else AutoModelForCausalLM
    try:
        with torch.device("meta"):
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            return int(kind.from_config(config, trust_remote_code=False).num_parameters())
    except Exception:  # an architecture that this version does not know, or whose code lies elsewhere
        return 0


def _cached(source: str, name: str, revision: str | None) -> Path | None:
    """A file of a hub id in the local cache; the hub is not asked."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, name, revision=revision)
    except HFValidationError:  # no id that the hub could have
        return None
    return Path(found) if isinstance(found, str) else None


def _whole(told: Mapping[str, object], *names: str) -> int:
    """The first of these entries that is a whole number, 0 without any."""
    return next((value for name in names if isinstance(value := told.get(name), int)), 0)
