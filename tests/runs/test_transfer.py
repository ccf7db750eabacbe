"""A run leaves as one ZIP and is the same run elsewhere; whatever else is brought in is refused and changes nothing."""

import errno
import io
import json
import pickle
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.drawing.renditions import renditions
from framecast.errors import BusyError, InputError, StorageError, UnknownNameError
from framecast.evaluation.health import health_report
from framecast.files import set_aside
from framecast.runs import archive
from framecast.runs.experiment import carry_out, plan, repeat_forecast
from framecast.runs.notes import RunNotes, write_notes
from framecast.runs.store import Run, RunStore
from framecast.runs.taking_over import done_folder
from framecast.runs.transfer import export_run, import_run
from framecast.series.frames import Preparation
from framecast.series.store import SeriesStore, StoredSeries

SMALL = {
    "climatology": {},
    "seasonal": {},
    "unet": {"epochs": 1, "context": 2, "width": 4, "levels": 1, "refit": False},
    "ensemble": {"epochs": 1, "members": 2, "minutes": 0.0, "unroll": 2},
    "auto": {"minutes": 0.0, "networks": "none"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one series."""
    workspace = tmp_path_factory.mktemp("home")
    y, x = np.mgrid[:14, :17]
    frames = [np.stack([(60 + 5 * t) * np.exp(-((x - 3 - 0.4 * t) ** 2 + (y - 7) ** 2) / 9)] * 2, -1) for t in range(24)]
    SeriesStore(workspace).add("a blob, and more", np.rint(frames).astype(np.uint8))
    return workspace


def stored_in(home: Path) -> StoredSeries:
    return SeriesStore(home).list()[0]


def made(home: Path, forecaster: str, digest: str = "") -> Run:
    series = SeriesStore(home).open(digest or stored_in(home).digest)
    small = Preparation(8) if forecaster == "unet" else None
    changes = SMALL[forecaster]
    record = plan(series, forecaster=forecaster, changes=changes, device="cpu", n_threads=1, preparation=small)
    run = RunStore(home).create(record)
    list(carry_out(record, series, run))
    return run


@pytest.fixture(scope="module")
def unet(home: Path) -> Run:
    return made(home, "unet")


@pytest.fixture(scope="module")
def exported(unet: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ZIP of a run of a network, its series in it."""
    path = tmp_path_factory.mktemp("exported") / "run.zip"
    export_run(unet, path, with_series=True)
    return path


@pytest.mark.parametrize("forecaster", SMALL)
def test_a_run_is_the_same_on_another_machine(home: Path, unet: Run, tmp_path: Path, forecaster: str) -> None:
    """Its files, its title, and its forecast, which is repeated bit for bit."""
    run = unet if forecaster == "unet" else made(home, forecaster)
    write_notes(run.folder, RunNotes.of(title="An *other* name", tags=["a", "b"], note="why"))
    run = run.store.open(run.id)
    export_run(run, tmp_path / "run.zip", with_series=True)
    away = tmp_path / "away"
    found = import_run(tmp_path / "run.zip", away)
    assert (found.was_here, found.series_added, found.missing) == (False, (run.record.series,), "")
    assert found.run.record == run.record and found.run.record.title == "An *other* name"
    assert files(found.run.folder) == files(run.folder)
    stored = SeriesStore(away).info(run.record.series)
    assert (stored.name, stored.n_frames) == ("a blob, and more", 24)
    repeated = repeat_forecast(found.run, SeriesStore(away).open(run.record.series))
    np.testing.assert_array_equal(repeated, run.forecast())
    (run.folder / "notes.json").unlink()


def test_all_that_a_series_is_comes_along_and_what_pages_made_of_it_stays(tmp_path: Path) -> None:
    """Names of files, times of frames, how it was prepared; not the health report and the renditions, which are made again."""
    store, away = SeriesStore(tmp_path / "home"), SeriesStore(tmp_path / "away")
    frames, names = np.arange(20 * 6 * 7, dtype=np.uint16).reshape(20, 6, 7, 1), [f"plate {t}.tif" for t in range(20)]
    first = store.add("raw", frames + 1)
    known = {"names": names, "times": [0.5 * t * t for t in range(20)]}
    known |= {"made_from": first.digest, "steps": ["Cropped."], "made_of": {first.digest: ((0, 1, 20),)}}
    stored = store.add("cut", frames, **known, warnings=["Assumed."])
    run = made(tmp_path / "home", "climatology", stored.digest)
    for name in archive.MADE_AGAIN:
        store.beside(stored.digest, name).write_bytes(b"{}")
    export_run(run, tmp_path / "run.zip", with_series=True)
    older = members_in(tmp_path / "run.zip") | members_of(store.folder / stored.digest, f"series/{stored.digest}")

    assert import_run(tmp_path / "run.zip", tmp_path / "away").series_added == (stored.digest,)
    assert away.names(stored.digest) == tuple(names) and away.times(stored.digest) == tuple(known["times"])
    found = away.info(stored.digest)
    assert (found.made_from, found.steps, found.warnings) == (stored.made_from, stored.steps, stored.warnings)
    assert found.made_of == stored.made_of == {first.digest: ((0, 1, 20),)}
    assert not any(away.beside(stored.digest, name).exists() for name in archive.MADE_AGAIN)

    assert import_run(zipped(tmp_path, older), tmp_path / "later").series_added == (stored.digest,)
    assert not any(SeriesStore(tmp_path / "later").beside(stored.digest, name).exists() for name in archive.MADE_AGAIN)


def test_every_file_that_is_kept_with_a_series_is_known(tmp_path: Path) -> None:
    """One that a series came to have must be added to those that travel, one that pages make of it to those that stay."""
    store = SeriesStore(tmp_path)
    frames = np.random.default_rng(0).integers(0, 255, (20, 12, 13, 1), np.uint8)
    names = [f"{t}.png" for t in range(20)]
    stored = store.add("a", frames, names=names, times=range(20), valid=np.ones((12, 13), np.bool_))
    health_report(store, stored.digest)
    renditions(store, stored, range(20))
    there = {path.name for path in (store.folder / stored.digest).iterdir() if not path.name.startswith(".")}
    assert there == {*archive.SERIES_FILES, *archive.MADE_AGAIN}


def test_without_its_series_the_run_says_which_is_missing(unet: Run, tmp_path: Path) -> None:
    export_run(unet, tmp_path / "run.zip")
    found = import_run(tmp_path / "run.zip", tmp_path / "away")
    assert found.series_added == () and "'a blob, and more'" in found.missing and unet.record.series in found.missing
    assert found.run.state == "finished" and found.run.scores()
    SeriesStore(tmp_path / "away").add("found again", SeriesStore(unet.store.folder.parent).open(unet.record.series).frames)
    assert import_run(tmp_path / "run.zip", tmp_path / "away").missing == ""


def test_a_series_that_is_gone_cannot_come_along(home: Path, unet: Run, tmp_path: Path) -> None:
    lonely = import_run(zipped(tmp_path, members_of(unet.folder, unet.id)), tmp_path / "away").run
    with pytest.raises(UnknownNameError, match=r"'a blob, and more' .* Export the run without it"):
        export_run(lonely, tmp_path / "out.zip", with_series=True)
    assert not (tmp_path / "out.zip").exists()


def test_a_run_that_ended_early_travels_too(home: Path, tmp_path: Path) -> None:
    series = SeriesStore(home).open(stored_in(home).digest)
    store = RunStore(tmp_path / "here")
    interrupted = store.create(plan(series, forecaster="climatology", device="cpu"))
    failed = store.create(plan(series, forecaster="climatology", device="cpu"))
    failed.write_error("It failed. Try again.", "trace")
    for run, state in ((interrupted, "interrupted"), (failed, "failed")):
        export_run(run, tmp_path / "run.zip")
        assert import_run(tmp_path / "run.zip", tmp_path / "away").run.state == state


def test_what_a_person_put_into_the_folder_of_a_run_stays_there_and_is_named(unet: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / unet.id, unet.record)
    shutil.copytree(unet.folder, run.folder)
    (run.folder / "my notes.txt").write_text("hello")
    (run.folder / "checkpoint" / "best" / "Old.bin").write_text("hello")
    done_folder(run.folder).mkdir()
    (done_folder(run.folder) / "scores.csv").write_text("on its way")
    assert set(export_run(run, tmp_path / "run.zip")) == {"my notes.txt", "checkpoint/best/Old.bin"}
    assert import_run(tmp_path / "run.zip", tmp_path / "elsewhere").run.record == run.record


def test_a_run_that_a_crash_left_between_two_renames_leaves_whole(unet: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / unet.id, unet.record)
    shutil.copytree(unet.folder, run.folder)
    best = run.folder / "checkpoint" / "best"
    best.rename(set_aside(best))
    assert run.saved().is_dir()
    export_run(run, tmp_path / "run.zip")
    assert files(import_run(tmp_path / "run.zip", tmp_path / "away").run.folder) == files(unet.folder)


def test_the_zip_says_what_is_in_it_and_what_was_left_out(unet: Run, exported: Path, tmp_path: Path) -> None:
    whole, digest = readme_in(exported), unet.record.series
    assert unet.record.title in whole and f"- series/{digest}/: the series 'a blob, and more'" in whole
    assert whole.endswith("Nothing was left out of it.\n")
    export_run(unet, tmp_path / "run.zip")
    without = readme_in(tmp_path / "run.zip")
    assert f"- series/{digest}/" not in without
    assert f"Not in this ZIP:\n- The series 'a blob, and more' ({digest}), which the run forecasts: it was not" in without


def test_the_zip_says_what_the_run_could_not_make_and_what_is_gone(unet: Run, tmp_path: Path) -> None:
    series = SeriesStore(unet.store.folder.parent).open(unet.record.series)
    SeriesStore(tmp_path).add("a blob", series.frames)
    record = plan(series, forecaster="climatology", device="cpu")
    record = replace(record, learned_from=("0123456789abcdef",), start_from="one")
    run = RunStore(tmp_path).create(record)
    run.write_summary({"left_out": {"seasonal": "No period was found."}})
    (run.folder / "my notes.txt").write_text("hello")
    export_run(run, tmp_path / "run.zip", with_series=True)
    assert readme_in(tmp_path / "run.zip").partition("Not in this ZIP:\n")[2].splitlines() == [
        "- The series 0123456789abcdef, which the run learned from first: it was deleted before.",
        "- A result: the run is interrupted.",
        "- Seasonal, which could not be made or scored: No period was found.",
        "- The run one, which it started from: export that one, too, to repeat the training.",
        "- my notes.txt: it is no file of a run.",
    ]
    assert import_run(tmp_path / "run.zip", tmp_path / "away").run.record == record


@pytest.mark.parametrize("n_times", [1, 2])
def test_a_file_that_vanishes_while_a_run_is_exported_is_looked_for_once_more(
    unet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_times: int
) -> None:
    write, n_vanished = zipfile.ZipFile.write, 0

    def vanishing(archive: zipfile.ZipFile, path: Path, name: object) -> None:
        nonlocal n_vanished
        if path.name == "summary.json" and n_vanished < n_times:
            n_vanished += 1
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        write(archive, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", vanishing)
    if n_times == 1:
        export_run(unet, tmp_path / "run.zip")
        assert import_run(tmp_path / "run.zip", tmp_path / "elsewhere").run.record == unet.record
        return
    with pytest.raises(BusyError, match=f"Run '{unet.id}' is just being written"):
        export_run(unet, tmp_path / "run.zip")
    assert not list(tmp_path.iterdir())
    with pytest.raises(StorageError, match="cannot be written"):
        export_run(unet, tmp_path / "nowhere" / "run.zip")


def test_the_same_run_twice_is_one_run_and_another_of_its_id_is_refused(unet: Run, exported: Path, tmp_path: Path) -> None:
    first = import_run(exported, tmp_path)
    write_notes(first.run.folder, RunNotes(note="mine"))
    before = files(tmp_path)
    assert import_run(exported, tmp_path).was_here
    assert files(tmp_path) == before, "what was noted here stays"
    (first.run.folder / "error.txt").write_text("something else")
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"other content .* never written over\. Delete the one that is here first\.$"):
        import_run(exported, tmp_path)
    assert files(tmp_path) == before


Members = dict[str, bytes]
Spoil = Callable[[Members, str, str], None]


def npy(array: np.ndarray, **head: object) -> bytes:
    file = io.BytesIO()
    if head:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, **head})
        return file.getvalue() + array.tobytes()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def put(path: str, content: bytes) -> Spoil:
    return lambda members, run_id, digest: members.update({path.format(id=run_id, digest=digest): content})


def drop(path: str) -> Spoil:
    def spoil(members: Members, run_id: str, digest: str) -> None:
        del members[path.format(id=run_id, digest=digest)]

    return spoil


def edit(path: str, **changes: object) -> Spoil:
    def spoil(members: Members, run_id: str, digest: str) -> None:
        name = path.format(id=run_id, digest=digest)
        members[name] = json.dumps({**json.loads(members[name]), **changes}).encode()

    return spoil


def replaced(path: str, old: bytes, new: bytes) -> Spoil:
    def spoil(members: Members, run_id: str, digest: str) -> None:
        name = path.format(id=run_id, digest=digest)
        assert old in members[name]
        members[name] = members[name].replace(old, new)

    return spoil


BEST = "{id}/checkpoint/best"
HOSTILE: dict[str, Spoil] = {
    "a path that leads up": put("../evil.json", b"{}"),
    "a path that leads up inside": put("{id}/checkpoint/best/../../../../evil.json", b"{}"),
    "an absolute path": put("/etc/cron.d/evil", b""),
    "a Windows path": put("{id}\\..\\..\\evil.json", b"{}"),
    "a drive": put("C:/evil.json", b"{}"),
    "a program": put("{id}/run.py", b"import os"),
    "a pickle among the weights": put(f"{BEST}/weights.pt", pickle.dumps({})),
    "a hidden file": put("{id}/.bashrc", b""),
    "a file of another series": put("series/0123456789abcdef/frames.npy", b""),
    "two runs": put("20240101-000000-unet-0000/record.json", b"{}"),
    "a name with a null": put("{id}/record.json\0.exe", b"{}"),
    "no record": drop("{id}/record.json"),
    "no forecast": drop("{id}/forecast.npy"),
    "no weights": drop(f"{BEST}/weights.safetensors"),
    "no summary": drop("{id}/summary.json"),
    "a record that is garbage": put("{id}/record.json", b"\xff\xfe{"),
    "a record that has seen frames that are none": edit("{id}/record.json", seen_above={"0" * 16: [[0, 1, 10**12]]}),
    "a record that is a list": put("{id}/record.json", b"[]"),
    "a record nested without end": put("{id}/record.json", b"[" * 100_000),
    "a record of another id": edit("{id}/record.json", id="20240101-000000-unet-0000"),
    "a record with a field more": edit("{id}/record.json", more=1),
    "a record of an unknown forecaster": edit("{id}/record.json", forecaster="oracle"),
    "a record whose forecaster is a number": edit("{id}/record.json", forecaster=3),
    "a record whose title is a list": edit("{id}/record.json", title=["a"]),
    "a record whose series is a path": edit("{id}/record.json", series="../../../etc"),
    "a record that starts from a path": edit("{id}/record.json", start_from="../series"),
    "a record with a seed below zero": edit("{id}/record.json", seed=-1),
    "a record with a device of its own": edit("{id}/record.json", device="meta"),
    "a record of an empty test": edit("{id}/record.json", split={"train": [0, 20], "valid": [20, 24], "test": [24, 24]}),
    "a record of another horizon": edit("{id}/record.json", split={"train": [0, 12], "valid": [12, 16], "test": [16, 24]}),
    "a record of a day that is none": edit("{id}/record.json", created="yesterday"),
    "a record with a huge setting": edit("{id}/record.json", settings={"width": 10**9}),
    "a title without end": edit("{id}/record.json", title="x" * 10_000),
    "a pickled forecast": put("{id}/forecast.npy", npy(np.array([{}, None], dtype=object))),
    "a forecast of another shape": put("{id}/forecast.npy", npy(np.zeros((5, 14, 17), np.uint8))),
    "a forecast that claims more than it has": put("{id}/forecast.npy", npy(np.zeros(9, np.uint8), shape=(5, 9**6, 9**6, 1))),
    "a forecast with negative sides": put("{id}/forecast.npy", npy(np.zeros(20, np.uint8), shape=(5, -2, -2, 1))),
    "a forecast of text": put("{id}/forecast.npy", npy(np.full((5, 14, 17, 2), "a"))),
    "a forecast that is garbage": put("{id}/forecast.npy", b"\x93NUMPY\x09"),
    "scores that are garbage": put("{id}/scores.csv", b"\0\1\2"),
    "scores of an unknown forecaster": put("{id}/scores.csv", b"forecaster,metric,origin,lead,value\noracle,mse,18,1,0.1\n"),
    "scores of nothing": put("{id}/scores.csv", b"forecaster,metric,origin,lead,value\n"),
    "progress of another kind": put("{id}/progress.jsonl", b'{"stage": 3}\n'),
    "a summary of another kind": put("{id}/summary.json", b'{"fit_seconds": "long"}'),
    "notes of another kind": put("{id}/notes.json", b'{"tags": [3]}'),
    "weights that are garbage": put(f"{BEST}/weights.safetensors", b"\0" * 100_000),
    "weights with a head without end": put(f"{BEST}/weights.safetensors", struct.pack("<Q", 2**62) + b"{}" * 50_000),
    "weights of another network": edit(f"{BEST}/forecaster.json", network="convlstm"),
    "a network larger than its weights": replaced(f"{BEST}/forecaster.json", b'"width": 4', b'"width": 200'),
    "a network of huge frames": edit(f"{BEST}/forecaster.json", shape=[10**6, 10**6]),
    "a network of text": edit(f"{BEST}/forecaster.json", shape="ab"),
    "a forecaster that is a list": put(f"{BEST}/forecaster.json", b"[1]"),
    "an array without weights": put(f"{BEST}/climatology.npy", npy(np.array([print], dtype=object))),
    "a series that is not what it is called": replaced("series/{digest}/frames.npy", b"\x3c", b"\x3d"),
    "a series that is pickled": put("series/{digest}/frames.npy", npy(np.array([{}], dtype=object))),
    "a series cut short": put("series/{digest}/frames.npy", npy(np.zeros((3, 14, 17, 2), np.uint8))),
    "a series without its description": drop("series/{digest}/series.json"),
    "a series of another shape": edit("series/{digest}/series.json", height=10**6, width=10**6),
    "a series whose name is a number": edit("series/{digest}/series.json", name=3),
    "a series with names for some frames": put("series/{digest}/names.json", b'{"names": ["1.png"]}'),
    "a series with names that are none": put("series/{digest}/names.json", b'{"names": 24}'),
    "a series with times for some frames": put("series/{digest}/times.json", b'{"seconds": [1.0]}'),
    "a series with times that are none": put("series/{digest}/times.json", b'{"seconds": 24}'),
    "a series with times that are text": put("series/{digest}/times.json", json.dumps({"seconds": ["1"] * 24}).encode()),
    "a series with a time without end": put("series/{digest}/times.json", b'{"seconds": [' + b"0," * 23 + b"Infinity]}"),
    "a series with a time beyond numbers": put(
        "series/{digest}/times.json", b'{"seconds": [' + b"0," * 23 + b"9" * 400 + b"]}"
    ),
    "a series made from a path": edit("series/{digest}/series.json", made_from="../../x"),
    "a series made of more frames than it has": edit("series/{digest}/series.json", made_of={"0" * 16: [[0, 1, 10**12]]}),
    "a series made of frames that are none": edit("series/{digest}/series.json", made_of={"0" * 16: [[-3, 1, 24]]}),
    "a series made of a path": edit("series/{digest}/series.json", made_of={"../../x": None}),
    "a series with steps that are no text": edit("series/{digest}/series.json", steps=[1]),
    "a series with a program": put("series/{digest}/setup.py", b""),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_run_is_refused_whole_with_one_sentence(exported: Path, tmp_path: Path, spoil: Spoil) -> None:
    members = members_in(exported)
    spoil(members, run_id(exported), digest_in(exported))
    assert_refused(zipped(tmp_path, members), tmp_path)


def test_a_link_is_refused(exported: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path, members_in(exported))
    link = zipfile.ZipInfo(f"{run_id(exported)}/error.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    assert "link" in assert_refused(path, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["summary.json", "Summary.json"])
def test_a_name_that_is_there_twice_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path, members_in(exported))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{run_id(exported)}/{name}", "{}")
    assert_refused(path, tmp_path)


def test_a_bomb_is_refused_before_it_is_unpacked(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros pack a thousandfold; with the limits as they are it would take gigabytes to show."""
    monkeypatch.setattr(archive, "FREE_BYTES", 2**20)
    members = members_in(exported) | {f"{run_id(exported)}/spread.npy": npy(np.zeros((5, 2000, 2000, 2), np.float16))}
    path = zipped(tmp_path, members)
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(archive.Contents, "unpack", lambda *arguments: pytest.fail("it was unpacked"))
    assert "so densely" in assert_refused(path, tmp_path)


def test_text_files_have_a_bound_of_their_own(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", {".json": 1000})
    assert "at most 1000 bytes" in assert_refused(exported, tmp_path)


def test_more_than_the_disk_has_room_for_is_refused(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SPARE_BYTES", 2**60)
    assert "Free some space" in assert_refused(exported, tmp_path)


@pytest.mark.parametrize("n_bytes", [0, 10, 1000, 5000])
def test_a_torn_file_is_refused(exported: Path, tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "torn.zip"
    path.write_bytes(exported.read_bytes()[:n_bytes])
    assert "no ZIP file" in assert_refused(path, tmp_path)


def test_a_flipped_byte_is_refused(exported: Path, tmp_path: Path) -> None:
    """In the packed forecast and in the packed series, where only their check sums tell."""
    with zipfile.ZipFile(exported) as file:
        infos = [info for info in file.infolist() if info.filename.endswith(("forecast.npy", "frames.npy"))]
    for info in infos:
        content = bytearray(exported.read_bytes())
        at = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
        content[at] ^= 0x55
        (tmp_path / "flipped.zip").write_bytes(content)
        assert_refused(tmp_path / "flipped.zip", tmp_path)


def test_every_file_that_a_run_writes_is_let_in(home: Path, unet: Run) -> None:
    """A file that a run came to have must be added to the list, or runs could not travel any more; a hidden one stays."""
    for run in RunStore(home).runs():
        for path in (found for found in run.folder.rglob("*") if not found.name.startswith(".")):
            inside = f"{run.id}/{path.relative_to(run.folder).as_posix()}"
            assert archive.RUN_PATH.fullmatch(inside) or archive.RUN_FOLDER.fullmatch(inside + "/"), inside


def assert_refused(path: Path, tmp_path: Path) -> str:
    """One clear sentence, without a path of this machine, and a workspace that is as it was."""
    away = tmp_path / "away"
    SeriesStore(away).add("another", np.arange(5 * 6 * 7, dtype=np.uint8).reshape(5, 6, 7, 1))
    before = files(away)
    with pytest.raises(InputError) as refused:
        import_run(path, away)
    sentence = str(refused.value)
    assert sentence.endswith((".", "first.")) and "\n" not in sentence and len(sentence) < 500
    assert str(tmp_path) not in sentence and f"'{path.name}'" in sentence
    assert files(away) == before and {one.name for one in away.iterdir()} <= {"series", ".series.lock", "runs"}
    assert RunStore(away).runs() == [] and not (tmp_path / "evil.json").exists()
    return sentence


def files(folder: Path) -> Members:
    """Those that travel: what is hidden stays, or is made again."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def members_of(folder: Path, top: str) -> Members:
    return {f"{top}/{name}": content for name, content in files(folder).items()}


def members_in(path: Path) -> Members:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def run_id(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        return file.namelist()[0].partition("/")[0]


def digest_in(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        return next(name.split("/")[1] for name in file.namelist() if name.startswith("series/"))


def zipped(folder: Path, members: Members) -> Path:
    path = folder / "spoilt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it stands, nulls and backslashes too
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return path


def readme_in(path: Path) -> str:
    with zipfile.ZipFile(path) as opened:
        return opened.read("README.txt").decode()
