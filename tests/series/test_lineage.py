"""The lineage of a prepared series leads to the very frames that its own were made of, however often it was prepared."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from framecast.series.derive import Recipe, derive
from framecast.series.lineage import Lineage, first_frames, indices_of, n_known, spans_of, whole
from framecast.series.store import SeriesStore, StoredSeries

N = 40


@pytest.fixture
def root(store: SeriesStore) -> StoredSeries:
    return store.add("root", np.random.default_rng(0).integers(0, 256, (N, 9, 11, 1), np.uint8))


def made(store: SeriesStore, above: StoredSeries, **steps: object) -> StoredSeries:
    return derive(store, above.digest, Recipe(**steps))  # type: ignore[arg-type]


def make_older(store: SeriesStore, *series: StoredSeries) -> None:
    """As they were stored before lineages were kept."""
    for one in series:
        path = store.folder / one.digest / "series.json"
        values = json.loads(path.read_text(encoding="utf-8"))
        del values["made_of"]
        path.write_text(json.dumps(values), encoding="utf-8")


def indices(lineage: Lineage, digest: str) -> list[int]:
    spans = lineage[digest]
    assert spans is not None
    return indices_of(spans)


@pytest.mark.parametrize("kept", [[], [3], [0, 1, 2, 3], [1, 4, 7, 8, 9, 10], [0, 2, 3, 5, 6, 8, 30], list(range(5, 900, 3))])
def test_spans_are_the_indices_they_were_made_of(kept: Sequence[int]) -> None:
    spans = spans_of(kept)
    assert indices_of(spans) == list(kept) and len(spans) <= max(1, len(kept))
    assert len(spans_of(range(5, 900, 3))) == 1


def test_every_series_up_the_line_is_known_frame_by_frame_also_when_those_between_are_gone(
    store: SeriesStore, root: StoredSeries
) -> None:
    first = made(store, root, frames=(3, 38), drop=(7, 20))
    second = made(store, first, every=2, frames=(2, 33))
    third = made(store, second, frames=(2, 12), drop=(5,))
    frames = {one.digest: np.asarray(store.open(one.digest).frames) for one in (root, first, second, third)}
    store.delete(first.digest)
    store.delete(second.digest)
    lineage = store.open(third.digest).made_of
    assert set(lineage) == {root.digest, first.digest, second.digest}
    for digest in lineage:
        np.testing.assert_array_equal(frames[third.digest], frames[digest][indices(lineage, digest)])


def test_a_crop_or_another_value_range_has_all_frames(store: SeriesStore, root: StoredSeries) -> None:
    crop = made(store, root, crop=(0, 0, 5, 5))
    ranged = store.declare_range(crop.digest, 0.0, 300.0)
    assert store.lineage(crop.digest) == {root.digest: whole(N)}
    assert store.lineage(ranged.digest) == {root.digest: whole(N), crop.digest: whole(N)}
    assert store.open(crop.digest).digest() == crop.digest, "it is no part of the content"


def test_of_an_older_series_only_that_is_known_from_which_none_was_left_out(store: SeriesStore, root: StoredSeries) -> None:
    crop, part = made(store, root, crop=(0, 0, 5, 5)), made(store, root, frames=(1, 30))
    below = made(store, part, crop=(0, 0, 5, 5))
    make_older(store, crop, part, below)
    assert store.lineage(crop.digest) == {root.digest: whole(N)}
    assert store.lineage(part.digest) == {root.digest: None}
    assert store.lineage(below.digest) == {part.digest: whole(30), root.digest: None}
    assert made(store, part, every=2).made_of == {part.digest: spans_of(range(0, 30, 2)), root.digest: None}
    again = made(store, root, frames=(1, 30))
    assert again.digest == part.digest, "nothing is stored twice"
    assert store.lineage(part.digest) == {root.digest: whole(30)}
    assert store.lineage(below.digest) == {part.digest: whole(30), root.digest: whole(30)}
    store.delete(root.digest)
    assert store.lineage(crop.digest) == {root.digest: None}, "nobody can tell any more"


def test_series_that_claim_to_be_made_of_each_other_come_to_an_end(store: SeriesStore, root: StoredSeries) -> None:
    part = made(store, root, frames=(1, 30))
    make_older(store, part)
    path = store.folder / root.digest / "series.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "made_from": part.digest}), encoding="utf-8")
    assert store.lineage(part.digest) == {root.digest: None} and store.lineage(root.digest) == {part.digest: None}


def test_a_test_is_known_exactly_where_a_frame_between_its_first_and_last_was_learned() -> None:
    rng = np.random.default_rng(1)
    found = set()
    for _ in range(300):
        mine, theirs = (sorted(rng.choice(N, rng.integers(2, 20), replace=False).tolist()) for _ in range(2))
        n_test, n_learned = int(rng.integers(1, len(mine))), int(rng.integers(0, len(theirs)))
        start = len(mine) - n_test
        learned = first_frames({"root": spans_of(theirs)}, n_learned)
        n_seen = n_known({"root": spans_of(mine), "own": whole(len(mine))}, learned)
        assert n_seen is not None
        between = any(mine[start] <= index <= mine[-1] for index in theirs[:n_learned])
        assert (n_seen > start) == between
        found.add(between)
    assert found == {True, False}


def test_what_is_not_known_counts_only_where_nothing_nearer_is_known() -> None:
    mine: Lineage = {"root": None, "part": whole(20), "own": whole(20)}
    assert n_known(mine, {"other": whole(9)}) == 0
    assert n_known(mine, {"root": whole(9), "other": whole(9)}) is None
    assert n_known(mine, {"root": None, "part": whole(9)}) == 9
