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
from benchmarks.measure.front_files import has_point, point_file, read_answers, read_front
from benchmarks.measure.point import Point
from benchmarks.stats.text import text_statistics
from tests.kit.documents import rewritten
from tests.kit.fronts import WEIGHTS, finish, make_card, make_front, make_point, other_card, save


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
        written = make_point(k)
        for name in ("rewards", "scores", "kl", "log_prob", "ended", "tokens", "collapsed"):
            np.testing.assert_array_equal(getattr(front, name)[k], getattr(written, name), strict=True)
        assert read_answers(folder, k) == list(zip(written.prompts, written.responses, strict=True))


def test_points_are_means_over_prompts():
    """Two points on two prompts: the means are (1, 2) and (2, 0) under the rewards, so neither dominates.

    Above the ref (-2, -2) they span 3 x 4 and 4 x 2 with 3 x 2 in common: 14. Under the scores the second, (0, 0),
    is dominated by (1, 1): 3 x 3 = 9.
    """
    rewards = np.array([[[0.0, 2.0], [2.0, 2.0]], [[2.0, 1.0], [2.0, -1.0]]])
    scores = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]])
    kl, collapsed = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[True, False], [False, False]])
    points = tuple(
        Point(
            weights=WEIGHTS[k], label="ab"[k], rewards=rewards[k], scores=scores[k], kl=kl[k], log_prob=np.zeros(2),
            ended=np.ones(2), tokens=np.ones(2, int), collapsed=collapsed[k], text_statistics={},
        )
        for k in range(2)
    )  # fmt: skip
    front = Front(method="toy", seed=0, steering="merge", points=points, card=make_card(prompts=2), cost={}, config={})
    assert (front.weights, front.labels) == (WEIGHTS[:2], ("a", "b"))
    np.testing.assert_allclose(front.means("rewards"), [[1, 2], [2, 0]])
    assert front.pareto("rewards").tolist() == [0, 1]
    assert front.pareto("scores").tolist() == [0]
    assert front.hypervolume("rewards") == pytest.approx(14)
    assert front.hypervolume("scores") == pytest.approx(9)
    assert front.mean_kl.tolist() == [1.5, 0]
    assert front.collapse_rate.tolist() == [0.5, 0]


@pytest.mark.parametrize("name", ["rewards", "scores", "kl", "log_prob", "ended", "tokens", "collapsed", "weights"])
def test_a_point_of_wrong_shape_is_refused(name):
    with pytest.raises(ValueError, match=r"must have shape"):
        replace(make_point(0), **{name: getattr(make_point(0), name)[:1]})


def test_a_front_of_other_points_than_its_card_says_is_refused(folder):
    front = read_front(folder)
    for card in (make_card(prompts=5), make_card(objectives=3, prompts=4)):
        with pytest.raises(ValueError, match=r"must have shape"):
            replace(front, card=card)
    with pytest.raises(ValueError, match="at least one point"):
        replace(front, points=())


def test_a_point_comes_back_as_it_was_written(tmp_path):
    """To the bit, with and without its texts, and with what is unknown of it; weights need not be short decimals."""
    card, weights = make_card(prompts=4), (1 / 3, 2 / 3)
    point = make_point(2, weights=weights)
    point.kl[1] = point.log_prob[0] = point.ended[3] = np.nan
    point.write(tmp_path / "deep" / "w-000.parquet", card)
    for texts in (True, False):
        again = Point.read(tmp_path / "deep" / "w-000.parquet", card, texts=texts)
        assert (again.weights, again.label, again.text_statistics) == (weights, str(weights), point.text_statistics)
        assert again.prompts == (point.prompts if texts else ())
        assert again.responses == (point.responses if texts else ())
        for name in ("rewards", "scores", "kl", "log_prob", "ended", "tokens", "collapsed"):
            np.testing.assert_array_equal(getattr(again, name), getattr(point, name), strict=True)
    stored = pq.read_table(tmp_path / "deep" / "w-000.parquet")
    assert sorted(stored.column_names) == sorted(
        [
            "prompt",
            "response",
            "reward:helpful",
            "reward:harmless",
            "score:helpful",
            "score:harmless",
            "kl",
            "log_prob",
            "ended",
            "tokens",
            "collapsed",
        ]
    )
    np.testing.assert_array_equal(stored["score:harmless"].to_numpy(), point.scores[:, 1])
    np.testing.assert_array_equal(stored["reward:helpful"].to_numpy(), point.rewards[:, 0])


def test_what_the_texts_of_a_point_tell():
    """ "ah ah ah ..." loops and "" is short, the others are sentences."""
    responses = ["ah " * 40, "", "The weather is fine and dry today.", "I would rather ask a doctor about that."]
    numbers = {
        name: getattr(make_point(0), name) for name in ("rewards", "scores", "kl", "log_prob", "ended", "tokens")
    }
    point = Point.of_answers(["?"] * 4, responses, weights=(0.5, 0.5), label="half", **numbers)
    assert point.collapsed.tolist() == [True, True, False, False]
    assert point.text_statistics == text_statistics(responses)


def test_the_language_of_a_point(tmp_path):
    """Texts: four answers of two words, "answer" in all: 5 of 8 words differ, 4 of 4 pairs, all are short. Three of
    four
    ended. Perplexity: 2 + 0 + 4 + 6 nats over 1 + 2 + 3 + 6 tokens is one nat a token: e."""
    point = replace(
        make_point(0), log_prob=np.array([-2.0, 0.0, -4.0, -6.0]), tokens=np.array([1, 2, 3, 6]),
        ended=np.array([True, False, True, True]),
    )  # fmt: skip
    point.write(point_file(tmp_path, 0), make_card(prompts=4))
    finish(tmp_path, make_card(prompts=4), WEIGHTS[:1])
    (language,) = read_front(tmp_path).language
    assert language.pop("perplexity") == pytest.approx(np.e)
    assert language.pop("ended") == 0.75
    assert language == text_statistics(point.responses)
    assert language["distinct_1"] == 5 / 8
    assert (language["distinct_2"], language["short"], language["repetition"], language["words"]) == (1, 1, 0, 2)


def test_what_is_unknown_stays_unknown(folder):
    """Of one answer: then so is every mean over answers, and the other points are as they were."""
    before, point = read_front(folder), make_point(1)
    for name in ("kl", "log_prob", "ended"):
        getattr(point, name)[2] = np.nan
    point.write(point_file(folder, 1), make_card(prompts=4))
    assert has_point(folder, 1, make_card(prompts=4), WEIGHTS[1], str(WEIGHTS[1]))
    stored = pq.read_table(point_file(folder, 1), columns=["kl", "log_prob", "ended"])
    assert stored.schema.types == ["double", "double", "bool"]
    assert all(value is None for value in stored.to_pylist()[2].values())
    assert all(value is not None for value in stored.to_pylist()[1].values())
    front = read_front(folder)
    for name in ("kl", "log_prob", "ended"):
        np.testing.assert_array_equal(getattr(front, name)[1], getattr(point, name), strict=True)
    assert np.isnan(front.mean_kl).tolist() == [False, True, False]
    assert (front.language[1]["ended"], front.language[1]["perplexity"]) == (None, None)
    assert front.language[1]["self_bleu"] == before.language[1]["self_bleu"]
    assert (front.language[0], front.language[2]) == (before.language[0], before.language[2])


def test_has_point_knows_what_must_be_measured_again(folder):
    card, own = make_card(prompts=4), (WEIGHTS[0], str(WEIGHTS[0]))
    assert has_point(folder, 0, card, *own)
    assert not has_point(folder, 3, card, *own)
    assert not has_point(folder, 1, card, *own), "another point"
    assert not has_point(folder, 0, card, (0.9, 0.1), str(WEIGHTS[0])), "other weights"
    assert not has_point(folder, 0, card, WEIGHTS[0], "after two rounds"), "more than weights"
    assert not has_point(folder, 0, other_card(card, prompts_hash="1" * 12), *own), "other prompts"
    whole = point_file(folder, 0).read_bytes()
    for damaged in (b"", whole[:-7], whole[: len(whole) // 2], bytes(len(whole))):
        point_file(folder, 0).write_bytes(damaged)
        assert not has_point(folder, 0, card, *own)
        with pytest.raises(BadInput, match=r"w-000\.parquet"):
            read_front(folder)


def test_a_flipped_bit_in_a_number_is_noticed(folder):
    """The checksum of every page is verified, so no single flipped byte in the numbers' pages goes unnoticed."""
    path = point_file(folder, 1)
    whole = path.read_bytes()
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(2)
    noticed = 0
    for position in range(chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 255]) + whole[position + 1 :])
        try:
            front = read_front(folder)
        except BadInput:
            noticed += 1
            continue
        np.testing.assert_array_equal(front.rewards[1], make_point(1).rewards)
    assert noticed > chunk.total_compressed_size / 2


def test_mixed_scale_cards_are_refused(folder):
    make_point(1).write(point_file(folder, 1), other_card(make_card(prompts=4), prompts_hash="1" * 12))
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
        lambda text: text.replace("moa.front/4", "moa.front/9"),
        lambda text: json.dumps(json.loads(text) | {"weights": []}),
        lambda text: json.dumps(json.loads(text) | {"weights": "all"}),
        lambda text: json.dumps(json.loads(text) | {"seed": "one"}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "card"}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "sum"} | {"used": {"tags": {}}}),
    ],
)
def test_a_damaged_description_is_refused(folder, damage):
    path = folder / "front.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadInput, match=r"front\.json"):
        read_front(folder)


def test_a_changed_number_of_a_description_is_refused_and_one_without_a_sum_is_read(folder):
    """As those that were measured before there were checksums have none."""
    path = folder / "front.json"
    assert '"seconds": 1.5' in path.read_text()
    path.write_text(path.read_text().replace('"seconds": 1.5', '"seconds": 1.4'))
    with pytest.raises(BadInput) as caught:
        read_front(folder)
    assert caught.value.why.startswith("it is damaged: its content is not what was written")
    rewritten(path, lambda front: front.pop("sum", None))
    assert read_front(folder).cost == {"seconds": 1.4}


def test_a_front_of_an_earlier_version_is_refused_by_its_name(folder):
    path = folder / "front.json"
    path.write_text(path.read_text().replace("moa.front/4", "moa.front/3"))
    with pytest.raises(BadInput) as caught:
        read_front(folder)
    assert str(caught.value).splitlines() == [
        f"cannot use {path}",
        "an earlier version of moa wrote it (moa.front/3, now moa.front/4)",
        f"measure it again: moa eval {folder.parent} --pareto",
    ]


def test_a_point_of_an_earlier_version_is_refused(folder):
    """One that says nothing of itself: then it was a column that told its scale card."""
    path = point_file(folder, 1)
    pq.write_table(pq.read_table(path).replace_schema_metadata({"card": make_card(prompts=4).hash}), path)
    with pytest.raises(BadInput, match=r"w-001\.parquet") as caught:
        read_front(folder)
    assert caught.value.why == "it does not say moa.point/1"


def test_points_in_another_order_are_refused(folder):
    rewritten(folder / "front.json", lambda front: front.update(weights=WEIGHTS[::-1]))
    with pytest.raises(BadInput, match=r"w-000\.parquet") as caught:
        read_front(folder)
    assert "(1.0, 0.0), not that of (0.0, 1.0)" in caught.value.why


@pytest.mark.parametrize(
    ("name", "value"), [("rewards", np.nan), ("scores", np.inf), ("kl", -np.inf), ("log_prob", np.inf)]
)
def test_numbers_that_are_not_finite_are_not_written(tmp_path, name, value):
    point = make_point(0)
    getattr(point, name)[0] = value
    with pytest.raises(BadInput, match="not finite"):
        point.write(point_file(tmp_path, 0), make_card(prompts=4))
    assert list(tmp_path.iterdir()) == []


def test_rows_must_be_as_many_as_prompts(tmp_path):
    for point in (make_point(0, prompts=3), replace(make_point(0), prompts=("a", "b", "c"))):
        with pytest.raises(ValueError, match="3 rows"):
            point.write(point_file(tmp_path, 0), make_card(prompts=4))


def test_ninety_nine_points_are_read_within_a_second(tmp_path):
    save(tmp_path / "front", make_card(prompts=400), points=99, prompts=400)
    started = time.process_time()
    assert read_front(tmp_path / "front").scores.shape == (99, 400, 2)
    assert time.process_time() - started < 1


def test_reading_fronts_imports_nothing_heavy():
    code = (
        "import sys; from benchmarks.measure import read_front; print({'torch', 'pandas', 'scipy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_a_front_is_shown_in_a_line() -> None:
    assert repr(make_front("ric", 1.0, seed=2)) == "<Front of ric, seed 2: 11 points, 60 prompts>"
