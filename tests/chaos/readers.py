"""Everything that moa reads, with a file that is right: what is made of it when it is not is what is tried."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save as save_tensors

from benchmarks.common.errors import BadInput
from benchmarks.common.hub import model_content
from benchmarks.data.rows import read_rows
from benchmarks.data.table import Table
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front_files import read_front
from benchmarks.models.memory import size_of
from benchmarks.rewards.known import ScoreCache
from methods.contract.run import Run
from moa_cli.claims.claim import load_claims
from moa_cli.commands.common.facts import run_facts, run_rows
from moa_cli.commands.common.pages import list_page, run_page
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.gate import judge, read_baseline
from moa_cli.comparisons.saved import read_saved
from moa_cli.console import screen
from moa_cli.formats.exports import comparison_csv, comparison_markdown, latex
from moa_cli.formats.junit import xml
from moa_cli.formats.terminal import comparison_table
from moa_cli.jobs.estimate.models import find_model
from moa_cli.jobs.run import _stored_cost
from moa_cli.runs.config import resolve
from moa_cli.runs.contestant import stored_contestant
from moa_cli.runs.export.soup import _base
from moa_cli.runs.responses import read_responses
from tests.kit.fronts import make_card, make_front, save
from tests.kit.runs import record_with
from tests.kit.worlds import TOML, benchmark_in


class Reader(NamedTuple):
    """A file that is right, what it is called, and what reads it."""

    name: str
    data: bytes
    read: Callable[[Path], object]


ROWS = [{"prompt": f"Say {i}.", "answer": f"It is {i}, é.", "n": i} for i in range(8)]
DIALOGUES = [{"text": f"\n\nHuman: {i}?\n\nAssistant: {i}."} for i in range(8)]


def readers(folder: Path) -> list[Reader]:
    """All of them; what they need beside their file lies in `folder`."""
    benchmark_in(folder)
    benchmark = load_benchmark(str(folder / "tiny.toml"), home=folder / "runs")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    dialogues = "".join(json.dumps(row) + "\n" for row in DIALOGUES).encode()
    cells = io.StringIO()
    writer = csv.DictWriter(cells, list(ROWS[0]))
    writer.writeheader()
    writer.writerows(ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "rows.parquet")
    answers = "".join(json.dumps({"prompt": p, "answer": "Yes."}) + "\n" for p in benchmark.prompts("test")).encode()
    save(folder / "front-12345678", make_card(prompts=4))
    ScoreCache.write(folder / "scores.sqlite", {("a", "b"): (0.5, 3)})
    comparison = compare([make_front("sft", 0, steering="none"), make_front("soup", 1.0), make_front("ric", 1.5)])
    run = Run(folder / "logged", 0)
    for step in range(3):
        run.log("sft", step, 3, {"loss": 0.5})
    record = record_with(
        method="ric", config={"rounds": 1}, benchmark=record_with().benchmark.model_copy(update={"name": "tiny"})
    )
    schema = {"prompt": str, "answer": str}

    def rows(path: Path) -> object:
        return list(read_rows(path, schema))

    def table(path: Path) -> object:
        return Table(format="dialogues", path=str(path), test_share=0.4).prompts("train")

    def shown(path: Path) -> None:
        comparison = read_saved(path)
        for write in (comparison_markdown, comparison_csv, latex, xml):
            write(comparison)
        screen(file=io.StringIO(), width=80).print(comparison_table(comparison))

    def baseline(path: Path) -> object:
        return judge(comparison, read_baseline(path), name="b", tolerance=0.05)

    def store(path: Path) -> None:
        screen(file=io.StringIO(), width=80).print(list_page(run_rows(path.parents[3])))
        with contextlib.suppress(BadInput):
            stored_contestant(path.parent)

    def page(path: Path) -> None:
        screen(file=io.StringIO(), width=80).print(run_page(run_facts(path.parent)))

    def setting(path: Path) -> object:
        return resolve([str(path)], [str(folder / "tiny.toml")], ["ric"], data_dir=None, home=folder)

    def typed(path: Path) -> object:
        item = path.read_bytes().decode(errors="replace")
        return resolve([item], [str(folder / "tiny.toml")], ["ric"], data_dir=None, home=folder)

    def front(path: Path) -> object:
        return read_front(path.parent, texts=True)

    def benchmark_file(path: Path) -> object:
        return load_benchmark(str(path), home=folder).identity

    def template(path: Path) -> object:
        options = {"policy": str(path.parent)}
        return load_benchmark(str(folder / "tiny.toml"), options=options, home=folder).form

    def sizes(path: Path) -> object:
        return size_of(str(path.parent)), find_model(str(path.parent))

    def adapter(path: Path) -> object:
        return model_content(str(path.parent)), _base(path.parent)

    shape = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 8, "dtype": "float32"}
    tensors = save_tensors({"a": np.zeros((8, 4), np.float32), "b": np.zeros(4, np.float32)})
    (folder / "model").mkdir()
    (folder / "model" / "model.safetensors").write_bytes(tensors)
    beside = {file.name: file.read_bytes() for file in (folder / "front-12345678").iterdir()}
    (folder / "f").mkdir()
    for name, data in beside.items():
        (folder / "f" / name).write_bytes(data)
    unsummed = {name: entry for name, entry in json.loads(comparison.to_json()).items() if name != "sum"}
    saved = json.dumps(unsummed, indent=2).encode()  # else its checksum tells of any change
    store_place = "store/tiny/sft/12345678-s3"
    (folder / "logged" / "run.json").write_text(record.to_json())
    every = (Path(__file__).parents[2] / "moa_cli" / "claims" / "claims.toml").read_text()
    claims = "[[claims]]".join(every.split("[[claims]]")[:3]).encode()
    return [
        Reader("rows.jsonl", lines, rows),
        Reader("rows.json", json.dumps(ROWS).encode(), rows),
        Reader("rows.jsonl.gz", gzip.compress(lines, mtime=0), rows),
        Reader("rows.csv", cells.getvalue().encode(), rows),
        Reader("rows.tsv", cells.getvalue().replace(",", "\t").encode(), rows),
        Reader("rows.csv.gz", gzip.compress(cells.getvalue().encode(), mtime=0), rows),
        Reader("rows.parquet", (folder / "rows.parquet").read_bytes(), rows),
        Reader("dialogues.jsonl", dialogues, table),
        Reader("answers.jsonl", answers, lambda path: read_responses(path, benchmark)),
        Reader("x.toml", TOML.encode(), benchmark_file),
        Reader("c.toml", b"eval_prompts = 4\n[ric]\nrounds = 1\n", setting),
        Reader("typed", b"ric.rounds=1", typed),
        Reader("claims.toml", claims, load_claims),
        Reader(f"{store_place}/run.json", record.to_json().encode(), store),
        Reader("c.json", record.to_json().encode(), setting),
        Reader("logged/log.jsonl", (folder / "logged" / "log.jsonl").read_bytes(), page),
        Reader("f/front.json", beside["front.json"], front),
        Reader("f/w-001.parquet", beside["w-001.parquet"], front),
        Reader("saved.json", saved, shown),
        Reader("baseline.json", saved, baseline),
        Reader("costs/cost.json", (folder / "logged" / "cost.json").read_bytes(), lambda p: _stored_cost(p.parent)),
        Reader("model/config.json", json.dumps(shape).encode(), sizes),
        Reader("weights/model.safetensors", tensors, lambda path: find_model(str(path.parent))),
        Reader("chat/tokenizer_config.json", b'{"chat_template": "{{ messages }}", "eos_token": "</s>"}', template),
        Reader("adapter/adapter_config.json", b'{"base_model_name_or_path": "a/b", "r": 8}', adapter),
        Reader("s.sqlite", (folder / "scores.sqlite").read_bytes(), lambda path: ScoreCache.read(path, [("a", "b")])),
    ]  # fmt: skip
