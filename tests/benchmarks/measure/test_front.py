"""Fronts in memory and on disk: shapes, resuming per weight, refusing what is damaged or mixed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import has_point, point_file, read_answers, read_front, write_point
from benchmarks.stats.text import text_statistics
from tests.kit.fronts import WEIGHTS, finish, make_card, make_columns, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "run" / "front", make_card(prompts=4))
    return tmp_path / "run" / "front"


def test_a_front_comes_back_as_it_was_written(folder):
    front, card = read_front(folder), make_card(prompts=4)
    assert (front.method, front.seed, front.steering, front.weights) == ("toy", 3, "merge", WEIGHTS)
    assert front.card == card
    assert front.card.hash == card.hash
    assert (front.cost, front.config) == ({"seconds": 1.5}, {"rounds": 2, "layers": [1, 2]})
    for k in range(3):
        written = make_columns(k)
        for name in ("scores", "evaluator", "kl", "log_prob", "ended", "tokens", "collapsed"):
            np.testing.assert_array_equal(getattr(front, name)[k], written[name], strict=True)
        assert read_answers(folder, k) == list(zip(written["prompts"], written["responses"], strict=True))


def test_points_are_means_over_prompts():
    """Two points on two prompts: the means are (1, 2) and (2, 0) under the rewards, so neither dominates.

    Above the ref (-2, -2) they span 3 x 4 and 4 x 2 with 3 x 2 in common: 14. Under the evaluator the second, (0, 0),
    is dominated by (1, 1): 3 x 3 = 9.
    """
    scores = np.array([[[0.0, 2.0], [2.0, 2.0]], [[2.0, 1.0], [2.0, -1.0]]])
    evaluator = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]])
    front = Front(
        method="toy", seed=0, steering="merge", weights=WEIGHTS[:2], labels=("a", "b"), scores=scores,
        evaluator=evaluator, kl=np.array([[1.0, 2.0], [0.0, 0.0]]), log_prob=np.zeros((2, 2)), ended=np.ones((2, 2)),
        tokens=np.ones((2, 2), int), collapsed=np.array([[True, False], [False, False]]), text_statistics=({}, {}),
        card=make_card(prompts=2), cost={}, config={},
    )  # fmt: skip
    np.testing.assert_allclose(front.points, [[1, 2], [2, 0]])
    assert front.pareto.tolist() == [0, 1]
    assert front.evaluator_pareto.tolist() == [0]
    assert front.hypervolume() == pytest.approx(14)
    assert front.hypervolume(held_out=True) == pytest.approx(9)
    assert front.mean_kl.tolist() == [1.5, 0]
    assert front.collapse_rate.tolist() == [0.5, 0]


@pytest.mark.parametrize(
    "name",
    ["scores", "evaluator", "kl", "log_prob", "ended", "tokens", "collapsed", "text_statistics", "labels", "weights"],
)
def test_a_front_of_wrong_shape_is_refused(folder, name):
    with pytest.raises(ValueError, match=r"must have shape"):
        replace(read_front(folder), **{name: getattr(read_front(folder), name)[:2]})


def test_the_language_of_a_point(tmp_path):
    """Texts: four answers of two words, "answer" in all: 5 of 8 words differ, 4 of 4 pairs, all are short. Three of four
    ended. Perplexity: 2 + 0 + 4 + 6 nats over 1 + 2 + 3 + 6 tokens is one nat a token: e."""
    columns = make_columns(0) | {
        "log_prob": [-2.0, 0.0, -4.0, -6.0],
        "tokens": [1, 2, 3, 6],
        "ended": [True, False, True, True],
    }
    write_point(tmp_path, 0, **columns, card=make_card(prompts=4))
    finish(tmp_path, make_card(prompts=4), WEIGHTS[:1])
    (language,) = read_front(tmp_path).language
    assert language.pop("perplexity") == pytest.approx(np.e)
    assert language.pop("ended") == 0.75
    assert language == text_statistics(columns["responses"])
    assert language["distinct_1"] == 5 / 8
    assert (language["distinct_2"], language["short"], language["repetition"], language["words"]) == (1, 1, 0, 2)


def test_what_is_unknown_stays_unknown(folder):
    """Of one answer: then so is every mean over answers, and the other points are as they were."""
    before, columns = read_front(folder), make_columns(1)
    for name in ("kl", "log_prob", "ended"):
        columns[name][2] = np.nan
    write_point(folder, 1, **columns, card=make_card(prompts=4))
    assert has_point(folder, 1, make_card(prompts=4))
    stored = pq.read_table(point_file(folder, 1), columns=["kl", "log_prob", "ended"])
    assert stored.schema.types == ["double", "double", "bool"]
    assert all(value is None for value in stored.to_pylist()[2].values())
    assert all(value is not None for value in stored.to_pylist()[1].values())
    front = read_front(folder)
    for name in ("kl", "log_prob", "ended"):
        np.testing.assert_array_equal(getattr(front, name)[1], columns[name], strict=True)
    assert np.isnan(front.mean_kl).tolist() == [False, True, False]
    assert (front.language[1]["ended"], front.language[1]["perplexity"]) == (None, None)
    assert front.language[1]["self_bleu"] == before.language[1]["self_bleu"]
    assert (front.language[0], front.language[2]) == (before.language[0], before.language[2])


def test_has_point_knows_what_must_be_measured_again(folder):
    card = make_card(prompts=4)
    assert has_point(folder, 0, card)
    assert not has_point(folder, 3, card)
    assert not has_point(folder, 0, replace(card, prompts_hash="1" * 12)), "other prompts"
    whole = point_file(folder, 0).read_bytes()
    for damaged in (b"", whole[:-7], whole[: len(whole) // 2], bytes(len(whole))):
        point_file(folder, 0).write_bytes(damaged)
        assert not has_point(folder, 0, card)
        with pytest.raises(BadInput, match=r"w-000\.parquet"):
            read_front(folder)


def test_a_flipped_bit_in_a_number_is_noticed(folder):
    """The checksum of every page is verified, so no single flipped byte in the numbers' pages goes unnoticed."""
    path = point_file(folder, 1)
    whole = path.read_bytes()
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(2)
    for position in range(chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 255]) + whole[position + 1 :])
        try:
            front = read_front(folder)
        except BadInput:
            continue
        np.testing.assert_array_equal(front.scores[1], make_columns(1)["scores"])


def test_mixed_scale_cards_are_refused(folder):
    write_point(folder, 1, **make_columns(1), card=replace(make_card(prompts=4), prompts_hash="1" * 12))
    with pytest.raises(BadInput, match="another scale card"):
        read_front(folder)


def test_a_missing_front_says_what_to_type(folder):
    (folder / "front.json").unlink()
    with pytest.raises(BadInput) as caught:
        read_front(folder)
    assert caught.value.fix == f"moa eval {folder.parent} --pareto"
    with pytest.raises(BadInput, match=r"w-009\.parquet"):
        read_answers(folder, 9)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100],
        lambda text: "[]",
        lambda text: text.replace("moa.front/2", "moa.front/1"),
        lambda text: text.replace("moa.front/2", "moa.front/9"),
        lambda text: json.dumps(json.loads(text) | {"language": ["one", "two", "three"]}),
        lambda text: json.dumps(json.loads(text) | {"labels": ["one"]}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "card"}),
    ],
)
def test_a_damaged_description_is_refused(folder, damage):
    path = folder / "front.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadInput, match=r"front\.json"):
        read_front(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("scores", np.nan), ("evaluator", np.inf), ("kl", -np.inf), ("log_prob", np.inf)]
)
def test_numbers_that_are_not_finite_are_not_written(tmp_path, name, value):
    columns = make_columns(0)
    columns[name] = columns[name].copy()
    columns[name][0] = value
    with pytest.raises(BadInput, match="not finite"):
        write_point(tmp_path, 0, **columns, card=make_card(prompts=4))
    assert list(tmp_path.iterdir()) == []


def test_rows_must_be_as_many_as_prompts(tmp_path):
    with pytest.raises(ValueError, match="3 rows"):
        write_point(tmp_path, 0, **(make_columns(0) | {"kl": np.zeros(3)}), card=make_card(prompts=4))


def test_ninety_nine_points_are_read_within_a_second(tmp_path):
    save(tmp_path / "front", make_card(prompts=400), points=99, prompts=400)
    started = time.perf_counter()
    assert read_front(tmp_path / "front").scores.shape == (99, 400, 2)
    assert time.perf_counter() - started < 1


def test_reading_fronts_imports_nothing_heavy():
    code = "import sys; from benchmarks import read_front; print({'torch', 'pandas', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
