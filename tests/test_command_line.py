"""The command line does the work of the pages, says mistakes in one sentence, and then leaves the workspace as it was."""

import functools
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import framecast
from framecast.cli import arguments, planning, results, sizing
from framecast.cli.main import main
from framecast.forecasters.baselines.persistence import Persistence
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.runs.sizing import choose_size
from framecast.runs.store import RunStore
from framecast.runs.trial import Trial
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

N_FRAMES = 20
RULES = {name for name, kind in FORECASTERS.items() if kind.family == "rule"}


@dataclass(frozen=True)
class Printed:
    code: int
    out: str
    err: str


Command = Callable[..., Printed]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in a workspace of its own."""

    def run(*words: object) -> Printed:
        capsys.readouterr()
        code = main([*map(str, words), "--workspace", str(tmp_path / "workspace")])
        return Printed(code, *capsys.readouterr())

    return run


@pytest.fixture
def frames() -> np.ndarray:
    """(20, 13, 15, 3) uint8: a blob on its way."""
    y, x = np.mgrid[:13, :15]
    blobs = [np.exp(-((x - 2 - 0.5 * t) ** 2 + (y - 6) ** 2) / 8) for t in range(N_FRAMES)]
    return np.rint(np.stack([blobs] * 3, axis=-1) * [250, 180, 90]).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, frames: np.ndarray) -> Path:
    folder = tmp_path / "blob"
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame{index}.png")
    return folder


def png(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "png")
    return buffer.getvalue()


def test_run_scores_every_forecaster_in_one_table(command: Command, folder: Path, tmp_path: Path, frames: np.ndarray) -> None:
    answer, forecast = tmp_path / "scores.json", tmp_path / "forecast.npy"
    small = ("--epochs", 1, "--set", "width=8", "--set", "context=2", "--test", 5)
    done = command("run", folder, "--forecaster", "climatology", "unet", *small, "--json", answer, "--out", forecast)
    assert done.code == 0, done.err
    for name in ("unet", *RULES):
        assert done.out.count(f"\n{name} ") == 1
    assert "frames 16 to 20 of 20, forecast from frame 15" in done.out
    assert "mean SSIM" in done.out.splitlines()[-1]

    found = json.loads(answer.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found["series"]["name"] == "blob" and found["series"]["n_frames"] == N_FRAMES
    assert found["split"]["test"] == [15, 20] and found["horizon"] == 5 and found["data_range"] == 255
    assert set(found["forecasters"]) == {"unet", *RULES}
    for entry in found["forecasters"].values():
        assert all(len(entry[metric]) == 5 for metric in ("ssim", "psnr", "mse", "mae"))
        assert math.isclose(entry["mean"]["mse"], sum(entry["mse"]) / 5)
    persistence = found["forecasters"]["persistence"]
    assert persistence["skill"] == 0 and persistence["run"] is None and persistence["title"] == "Persistence"

    native = np.load(forecast)
    assert native.shape == (5, 13, 15, 3) and native.dtype == np.uint8
    best = max(("unet", "climatology"), key=lambda name: found["forecasters"][name]["mean"]["ssim"])
    run = RunStore(tmp_path / "workspace").open(found["forecasters"][best]["run"])
    np.testing.assert_array_equal(native, run.forecast())
    assert f"forecast of {best} is in" in done.err


def test_steps_are_a_budget(command: Command, folder: Path, tmp_path: Path) -> None:
    small = ("--set", "width=8", "--set", "context=2", "--set", "refit=false", "--test", 5)
    assert command("run", folder, "--forecaster", "unet", "climatology", "--steps", 7, *small).code == 0
    run = next(run for run in RunStore(tmp_path / "workspace").runs() if run.record.forecaster == "unet")
    assert run.progress()[-1]["step"] == 7
    assert not run.summary()["ended_by_time"]


def test_a_run_with_members_says_how_sure_it_is(command: Command, folder: Path, tmp_path: Path) -> None:
    answer = tmp_path / "scores.json"
    small = ("--epochs", 1, "--set", "members=2", "--set", "minutes=0", "--set", "unroll=2", "--test", 4)
    done = command("run", folder, "--forecaster", "ensemble", *small, "--json", answer)
    assert done.code == 0, done.err
    assert "The 80% interval held the truth in" in done.out.splitlines()[-1]
    found = json.loads(answer.read_text())["forecasters"]
    sure = found["ensemble"]["ensemble"]
    assert sure["mean"]["n_members"] == 2 and 0 <= sure["mean"]["coverage"] <= 1
    assert all(len(sure[measure]) == 4 for measure in ("crps", "spread", "error", "coverage"))
    assert set(sure["members"]) == {"member 1", "member 2"} and len(sure["members"]["member 1"]["ssim"]) == 4
    assert "ensemble" not in found["persistence"]


def test_an_exact_forecast_is_valid_json(command: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "still.npy", np.full((12, 12, 12), 7, np.uint8))
    done = command("run", tmp_path / "still.npy", "--forecaster", "persistence", "--json", tmp_path / "a.json", "--quiet")
    assert done.code == 0 and done.err == ""
    persistence = json.loads((tmp_path / "a.json").read_text())["forecasters"]["persistence"]
    assert persistence["psnr"] == ["Infinity"] * 3 and persistence["mean"]["mse"] == 0


def test_letters_that_the_terminal_does_not_have_end_no_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "still.npy", np.full((12, 12, 12), 7, np.uint8))
    assert command("series", "add", tmp_path / "still.npy", "--name", "дождь").code == 0
    screen = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", screen)
    words = ["run", "дождь", "--forecaster", "persistence", "--workspace", str(tmp_path / "workspace")]
    assert main(words) == 0
    assert b"'?????'" in screen.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_title_is_no_longer_than_a_name_that_is_given_later(command: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "still.npy", np.full((12, 12, 12), 7, np.uint8))
    done = command("run", tmp_path / "still.npy", "--forecaster", "persistence", "--title", "a" * 81)
    assert done.code == 2 and "has 81 letters; at most 80 are kept" in done.err
    assert not SeriesStore(tmp_path / "workspace").list()


def test_files_are_written_whatever_becomes_of_the_table(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "still.npy", np.full((12, 12, 12), 7, np.uint8))
    monkeypatch.setattr(results.Results, "text", lambda self: str(1 / 0))
    files = tmp_path / "a.json", tmp_path / "a.npy"
    with pytest.raises(ZeroDivisionError):
        command("run", tmp_path / "still.npy", "--forecaster", "persistence", "--json", files[0], "--out", files[1])
    assert all(file.exists() for file in files)


def test_a_run_is_shown_exported_and_forecasts_on(command: Command, folder: Path, tmp_path: Path, frames: np.ndarray) -> None:
    assert command("series", "add", folder, "--name", "moving blob").code == 0
    assert "moving blob" in command("series", "list").out
    assert "20\n" in command("series", "show", "moving blob").out
    assert command("run", "moving blob", "--forecaster", "persistence").code == 0
    (run,) = RunStore(tmp_path / "workspace").runs()
    assert run.id in command("runs", "list").out and "finished" in command("runs", "list").out
    assert "climatology" in command("runs", "show", run.id).out
    assert "OpenSTL" not in command("runs", "show", run.id).out
    shown = command("runs", "show", run.id, "--openstl").out
    sums = np.mean([np.square((frames[15] - frame.astype(float)) / 255).sum() for frame in frames[16:]])
    assert re.search(rf"\npersistence +1 to 4 +{sums:.4g} ", shown), shown

    for suffix in ("npy", "npz", "mat"):
        assert command("forecast", run.id, "--steps", 3, "--out", tmp_path / f"next.{suffix}").code == 0
    expected = np.repeat(frames[-1:], 3, axis=0)
    np.testing.assert_array_equal(np.load(tmp_path / "next.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "next.npz")["frames"], expected)
    from scipy.io import loadmat

    np.testing.assert_array_equal(loadmat(tmp_path / "next.mat")["frames"], expected.transpose(1, 2, 3, 0))

    assert command("runs", "export", run.id, "--out", tmp_path / "run.zip").code == 0
    assert f"{run.id}/record.json" in zipfile.ZipFile(tmp_path / "run.zip").namelist()
    assert command("runs", "delete", run.id).code == 0 and command("series", "delete", "moving blob").code == 0
    assert RunStore(tmp_path / "workspace").runs() == [] == SeriesStore(tmp_path / "workspace").list()


def test_the_images_of_a_series_may_be_named_one_by_one(
    command: Command, folder: Path, tmp_path: Path, frames: np.ndarray
) -> None:
    assert command("series", "add", *sorted(folder.iterdir())).code == 0
    store = SeriesStore(tmp_path / "workspace")
    np.testing.assert_array_equal(store.open(store.list()[0].digest).frames, frames)


def test_what_a_file_calls_its_arrays_commands_no_terminal_and_is_chosen_as_it_is_shown(
    command: Command, tmp_path: Path, frames: np.ndarray
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as content:
        content["a\x1b[2J\nb"], content["b"] = frames, frames[::-1]
    asked = command("series", "add", tmp_path / "a.h5")
    told = (asked.out + asked.err).replace("\n", "")
    assert asked.code == 2 and told.isprintable() and "a?[2J?b" in told
    assert command("series", "add", tmp_path / "a.h5", "--variable", "a?[2J?b", "--name", "mine").code == 0
    again = command("series", "add", tmp_path / "a.h5", "--variable", "a?[2J?b", "--name", "yours")
    assert again.code == 0 and "These frames are stored already, as 'mine'." in again.err


def test_every_forecaster_is_listed_with_its_settings(command: Command) -> None:
    listed = command("forecasters").out
    for name, kind in FORECASTERS.items():
        assert f"\n{name} " in listed
        shown = command("forecasters", name).out
        assert all(field.name in shown for field in kind.settings.fields()) and kind.use_when in shown


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "empty.zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "text.png": lambda path: path.write_text("not a picture at all"),
    "sizes.zip": lambda path: _zip(path, [(8, 8), (8, 8), (8, 9)]),
    "single.png": lambda path: path.write_bytes(png(np.zeros((8, 8), np.uint8))),
    "nan.npy": lambda path: np.save(path, np.full((12, 8, 8), np.nan, np.float32)),
    "absent.tif": lambda path: None,
}


def _zip(path: Path, shapes: list[tuple[int, int]]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for index, shape in enumerate(shapes):
            archive.writestr(f"frame{index}.png", png(np.zeros(shape, np.uint8)))


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("words", [("run",), ("series", "add")])
def test_bad_files_are_one_sentence(command: Command, folder: Path, tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    BAD_FILES[name](tmp_path / name)
    assert_refused(command, folder, tmp_path, *words, tmp_path / name, "--quiet")


@pytest.mark.parametrize("words", [("run", ""), ("series", "add", ""), ("series", "look", "")], ids=str)
def test_an_empty_path_is_not_the_folder_that_one_is_in(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(folder)
    assert assert_refused(command, folder, tmp_path, *words).startswith("The path is empty")


def test_a_folder_among_other_paths_is_called_one(command: Command, folder: Path, tmp_path: Path) -> None:
    sentence = assert_refused(command, folder, tmp_path, "series", "add", folder, folder / "frame0.png")
    assert "is a folder and 2 paths are given" in sentence


@pytest.mark.parametrize("words", [("series", "list"), ("run", "nothing"), ("runs", "list")], ids=str)
def test_a_workspace_that_is_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (tmp_path / "taken").write_text("")
    for workspace in (tmp_path / "taken", tmp_path / "taken" / "below"):
        assert main([*words, "--workspace", str(workspace)]) == 2
        assert f"The workspace would be '{workspace}', and '{tmp_path / 'taken'}' is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--test", 50), r"20 frames and 50 are to be held back.*Choose a test of 1 to 18 frames"),
        (("--valid", 50), r"Choose 0 to \d+ validation frames"),
        (("--forecaster", "unet", "--set", "context=15"), r"context of 15 needs 16\. Choose a context of at most 11"),
        (("--forecaster", "oracle"), r"no forecaster named 'oracle'\. Choose one of: .*unet"),
        (("--preset", "best", "--forecaster", "unet"), r"no preset 'best'\. Choose one of: recommended"),
        (("--set", "batch_size"), r"must be KEY=VALUE"),
        (("--forecaster", "unet", "--set", "colour=red"), r"There is no setting 'colour' here\. The settings are: .*epochs"),
        (("--forecaster", "unet", "--epochs", 0), r"epochs is 0; it must be at least 1"),
        (("--forecaster", "unet", "--steps", -1), r"steps is -1; it must be at least 0"),
        (("--forecaster", "flatten_lstm", "--set", "crop=16"), r"cannot learn from crops.*Set crop to 0"),
        (("--forecaster", "unet", "--set", "crop=16", "--set", "subtract_mean=true"), r"Choose either subtract_mean, or crop"),
        (("--budget", "3 parsecs"), r"it must be a time with its unit\. Write 90s, 3m or 1h"),
        (("--size", 0), r"working size is 0.*at least 1"),
        (("--device", "tpu"), r"no device 'tpu'.*Choose one of: auto, cpu"),
        (("--out", "nowhere/forecast.npy"), r"'nowhere', which does not exist.*Make the folder"),
        (("--out", "forecast.gif"), r"ends in '.gif'.*Name one ending in .npy"),
        (("--out", "ä" * 126 + ".npy"), r"has 256 bytes; at most 255"),
        (("--frames", 21), r"has 20 frames, and --frames 21 .* Choose 3 to 20"),
        (("--frames", -1), r"has 20 frames, and --frames -1 .* Choose 3 to 20"),
    ],
    ids=str,
)
def test_bad_options_are_one_sentence(
    command: Command, folder: Path, tmp_path: Path, frames: np.ndarray, options: tuple[object, ...], says: str
) -> None:
    """A new file, so that the series it holds would be stored for the first time."""
    np.save(tmp_path / "new.npy", frames[:, ::-1])
    sentence = assert_refused(command, folder, tmp_path, "run", tmp_path / "new.npy", *options, "--quiet")
    assert re.search(says, sentence), sentence


@pytest.mark.parametrize(
    "words",
    [
        ("series", "show", "cells"),
        ("series", "delete", "cells"),
        ("runs", "show", "20240101-unet"),
        ("runs", "delete", "../series"),
        ("forecast", "20240101-unet", "--steps", 3, "--out", "next.npy"),
        ("forecasters", "oracle"),
    ],
    ids=str,
)
def test_unknown_names_are_one_sentence(command: Command, folder: Path, tmp_path: Path, words: tuple[object, ...]) -> None:
    assert_refused(command, folder, tmp_path, *words)


@pytest.mark.parametrize(
    ("option", "says"), [("--start-from", "There is no run 'nosuch'"), ("--learn-from", "There is no series 'nosuch'")]
)
def test_an_unknown_beginning_is_named_and_not_the_series(
    command: Command, folder: Path, tmp_path: Path, option: str, says: str
) -> None:
    words = ("run", "blob", "--forecaster", "unet", option, "nosuch", "--quiet")
    assert says in assert_refused(command, folder, tmp_path, *words)


def assert_refused(command: Command, folder: Path, tmp_path: Path, *words: object) -> str:
    """Exit code 2, one line on stderr, nothing on stdout, and the workspace, which holds a series, as it was."""
    assert command("series", "add", folder).code == 0
    before = listing(tmp_path / "workspace")
    done = command(*words)
    assert done.code == 2 and done.out == "", done
    assert done.err.count("\n") == 1 and done.err.endswith(".\n") and "Traceback" not in done.err, done.err
    assert listing(tmp_path / "workspace") == before
    return done.err


def listing(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_preparation_that_makes_what_is_stored_already_says_so(command: Command, folder: Path) -> None:
    command("series", "add", folder)
    assert "stored already" not in command("series", "prepare", "blob", "--grey", "--name", "grey").err
    for words, name in ((("--frames", "1:20"), "blob"), (("--grey",), "grey")):
        done = command("series", "prepare", "blob", *words, "--name", "another")
        assert done.code == 0 and done.err.endswith(f"These frames are stored already, as '{name}'.\n")
    assert "another" not in command("series", "list").out


def test_what_an_export_cannot_take_is_refused(command: Command, folder: Path, tmp_path: Path) -> None:
    assert command("run", folder, "--forecaster", "persistence", "--quiet").code == 0
    (run,) = RunStore(tmp_path / "workspace").runs()
    for suffix, option, value, fit in (
        (".csv", "--leads", "1,2", ".png, .svg, .pdf"),
        (".gif", "--leads", "1,2", ".png, .svg, .pdf"),
        (".csv", "--rate", 3, ".mp4, .gif, .webp"),
        (".svg", "--rate", 3, ".mp4, .gif, .webp"),
    ):
        done = command("export", run.id, tmp_path / f"out{suffix}", option, value)
        assert done.code == 2 and f"{option} changes nothing" in done.err and f"ending in {fit}. Leave" in done.err
        assert not (tmp_path / f"out{suffix}").exists()
    assert command("export", run.id, tmp_path / "out.svg", "--leads", "1,2").code == 0
    assert command("export", run.id, tmp_path / "out.gif", "--rate", 3).code == 0


def test_frames_that_files_do_not_have_are_told(command: Command, folder: Path) -> None:
    for start, end, every, told in ((1, 25, 1, True), (1, 20, 1, False), (2, 21, 2, False), (3, 21, 2, True)):
        done = command("series", "add", folder, "--start", start, "--end", end, "--every", every)
        assert done.code == 0 and (f"The files end before frame {end}: " in done.err) == told


def test_a_number_below_zero_is_no_option_however_it_is_written(command: Command, folder: Path) -> None:
    command("series", "add", folder)
    for words in ("-1e1", "-1E+01", "-10.", "-10"):
        assert "range -10 to 300" in command("series", "range", "blob", words, "3e2").out
        command("series", "delete", "blob (2)")


def test_an_unknown_option_ends_with_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "blob", "--colour", "red"])
    assert ended.value.code == 2


@dataclass(frozen=True)
class PatientSettings(Settings):
    presses: int = setting(1, label="Presses", help="Ctrl-C so often in epoch 3.", minimum=0)
    diverges: bool = setting(False, label="Diverges", help="Fails in epoch 2.")


class Patient(Persistence):
    """Persistence that takes its time, and presses Ctrl-C itself."""

    def __init__(self, settings: PatientSettings) -> None:
        self.settings = settings

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        for epoch in range(1, 1000):
            if epoch == 2 and self.settings.diverges:
                raise framecast.RunError("The loss stopped being a number. Train again with a smaller learning rate.")
            for _ in range(self.settings.presses if epoch == 3 else 0):
                signal.raise_signal(signal.SIGINT)
            yield FitProgress("Waiting", epoch, epoch_done=True)
        raise AssertionError("nobody stopped it")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> str:
    def make(settings: PatientSettings, workbench: Workbench) -> Patient:
        return Patient(settings)

    kind = ForecasterKind("Patient", "Waits.", "In tests.", "network", PatientSettings, make, Persistence.load)
    assert "patient" not in FORECASTERS
    monkeypatch.setitem(FORECASTERS._entries, "patient", kind)
    return "patient"


def test_ctrl_c_keeps_where_the_run_stands_and_it_is_finished_or_gone_on_with_later(
    command: Command, folder: Path, tmp_path: Path, patient: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    done = command("run", folder, "--forecaster", patient, "persistence")
    assert signal.getsignal(signal.SIGINT) is before
    assert done.code == 130
    (run,) = RunStore(tmp_path / "workspace").runs()
    assert run.state == "interrupted" and len(run.progress()) == 3
    assert f"Go on with: runs resume {run.id}" in done.err
    done = command("runs", "finish", run.id)
    assert done.code == 0 and "\npatient " in done.out
    assert "was stopped early; the best until then made the forecast" in done.err
    assert run.state == "finished"


def test_ctrl_c_after_the_scores_says_that_the_run_is_finished(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framecast.runs.looking_back.film_run", lambda run, series: [signal.raise_signal(signal.SIGINT)])
    files = tmp_path / "scores.json", tmp_path / "forecast.npy"
    done = command("run", folder, "--forecaster", "persistence", "--json", files[0], "--out", files[1])
    (run,) = RunStore(tmp_path / "workspace").runs()
    assert done.code == 130 and run.state == "finished"
    assert json.loads(files[0].read_text())["forecasters"]["persistence"]["run"] == run.id
    assert np.array_equal(np.load(files[1]), run.forecast())
    assert f"is finished; only the look back at earlier frames was left. See: runs show {run.id}" in done.err


def test_a_second_ctrl_c_leaves_at_once(command: Command, folder: Path, tmp_path: Path, patient: str) -> None:
    done = command("run", folder, "--forecaster", patient, "--set", "presses=2", "--quiet")
    assert done.code == 130 and done.err == "Interrupted. What was finished before is kept.\n"
    (run,) = RunStore(tmp_path / "workspace").runs()
    assert run.state == "interrupted" and run.holder() is None


@pytest.mark.parametrize("action", [("resume",), ("extend", "--epochs", "2")])
def test_a_finished_run_neither_goes_on_nor_is_a_rule_trained_further(
    command: Command, folder: Path, tmp_path: Path, action: tuple[str, ...]
) -> None:
    command("run", folder, "--forecaster", "persistence")
    (run,) = RunStore(tmp_path / "workspace").runs()
    done = command("runs", action[0], run.id, *action[1:], "--quiet")
    assert done.code == 2 and ("only one that was left can go on" in done.err or "cannot be trained further" in done.err)


def test_a_failed_run_is_told_and_the_others_are_still_scored(command: Command, folder: Path, patient: str) -> None:
    done = command("run", folder, "--forecaster", patient, "persistence", "--set", "diverges=true", "--quiet")
    assert done.code == 1
    assert done.err == "Patient on blob failed. The loss stopped being a number. Train again with a smaller learning rate.\n"
    assert "\npersistence " in done.out and "\npatient " not in done.out


def test_the_workspace_is_named_by_the_environment(tmp_path: Path) -> None:
    """As a person runs it: a process of its own, plain lines on stderr where that is no terminal."""
    np.save(tmp_path / "blob.npy", np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8))
    done = subprocess.run(
        [sys.executable, "-m", "framecast", "series", "add", tmp_path / "blob.npy"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "FRAMECAST_WORKSPACE": str(tmp_path / "chosen")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [series.name for series in SeriesStore(tmp_path / "chosen").list()] == ["blob"]


def test_the_public_classes_and_functions_say_what_they_are() -> None:
    said = {name: getattr(framecast, name).__doc__ or "" for name in framecast.__all__}
    assert not [name for name, words in said.items() if not words or words.startswith(f"{name}(")]  # which dataclass makes


def test_the_public_names_are_sorted_and_there() -> None:
    upper = [name for name in framecast.__all__ if name.isupper()]
    classes = [name for name in framecast.__all__ if not name.isupper() and name[0].isupper()]
    functions = [name for name in framecast.__all__ if name[0].islower()]
    assert framecast.__all__ == sorted(upper) + sorted(classes) + sorted(functions)
    assert all(getattr(framecast, name) is not None for name in framecast.__all__)
    with pytest.raises(AttributeError, match="no attribute 'oracle'"):
        framecast.oracle  # noqa: B018


def test_a_size_that_nobody_chose_is_said_and_native_is_a_choice() -> None:
    parse = arguments.parser().parse_args
    large = FrameSeries("large", np.zeros((9, 300, 400, 1), np.uint8), (0.0, 255.0))
    assert planning._preparation(parse(["run", "x"]), large, "cpu") == Preparation(128)
    assert planning._preparation(parse(["run", "x"]), large, "cuda") == Preparation(256)
    assert planning._preparation(parse(["run", "x", "--size", "native"]), large, "cpu") == Preparation(None)
    assert planning._preparation(parse(["run", "x", "--size", "64"]), large, "cpu") == Preparation(64)


def test_a_size_by_trial_says_what_it_measured_and_is_kept(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds a step are too slow for a second: half the feature maps are tried, too, and one that was asked for stays."""
    monkeypatch.setattr(sizing, "choose_size", functools.partial(choose_size, timer=lambda asked: Trial(10.0, 10.0, 0)))
    words = ("run", folder, "--size", "trial", "--test", 4, "--set", "levels=1", "--set", "context=2", "--budget", "1s")
    done = command(*words, "--forecaster", "unet", "persistence")
    assert done.code == 0, done.err
    said = done.err.index("Timing training steps of U-Net at several sizes ...")
    assert said < done.err.index("13 px with 16 feature maps: a training step of U-Net takes 1")
    assert "persistence at several sizes" not in done.err
    runs = {run.record.forecaster: run.record for run in RunStore(tmp_path / "workspace").runs()}
    assert runs["unet"].preparation == Preparation(None) and runs["unet"].settings["width"] == 16
    done = command(*words, "--forecaster", "unet", "--set", "width=4")
    assert "13 px: a training step of U-Net takes" in done.err
    refused = command("queue", folder, "--size", "trial", "--test", 4, "--out", tmp_path / "jobs")
    assert refused.code == 2 and "A trial times this machine" in refused.err and "pixels" in refused.err


@pytest.mark.parametrize("words", [("--test", "abc"), ("--seed", "-1"), ("--size", "big"), ("--sise", "3")])
def test_a_mistyped_option_is_one_sentence(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["run", "frames.zip", *words])
    assert left.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_auto_serves_a_short_series_and_shows_its_members(command: Command, folder: Path, tmp_path: Path) -> None:
    done = command("run", folder, "--set", "networks=none")
    assert done.code == 0 and re.search(r"carries this series|is shared between", done.err)
    store = RunStore(tmp_path / "workspace")
    run, *members = store.runs()
    shown = command("runs", "show", run.id).out
    horizon = run.record.split.horizon
    assert run.summary()["finding"] in shown and re.search(rf"mean weight +lead 1 .*lead {horizon} +run", shown)
    for one in members:
        assert re.search(rf"{one.record.forecaster} +[0-9.]+%.*{one.id}", shown)
    listed = command("runs", "list").out.splitlines()[2:]
    assert "  Auto on blob" in listed[0] and all("    " in line and "member of Auto" in line for line in listed[1:])
    assert f"member of the blend of run {run.id}" in command("runs", "show", members[0].id).out


def test_a_run_starts_from_another_and_learns_from_other_series(command: Command, folder: Path, tmp_path: Path) -> None:
    small = ("--forecaster", "unet", "--epochs", 1, "--set", "width=4", "--set", "context=2", "--set", "levels=1")
    command("run", folder, *small)
    (first,) = RunStore(tmp_path / "workspace").runs()
    other = np.random.default_rng(0).integers(0, 255, (12, 14, 18), np.uint8)
    np.save(tmp_path / "other.npy", other)
    command("series", "add", tmp_path / "other.npy")
    done = command("run", folder, "--forecaster", "unet", "--epochs", 1, "--start-from", first.id, "--learn-from", "other")
    assert "It began with the weights of another run. All weights are taken over. It learned from 'other' first." in done.err
    second = RunStore(tmp_path / "workspace").runs()[0]
    shown = command("runs", "show", second.id).out
    assert f"with the weights of run {first.id}" in shown and second.record.learned_from[0] in shown


def test_the_health_of_a_series_is_told_and_kept(command: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "frame7.png").write_bytes(png(np.full((13, 15, 3), 9, np.uint8)))
    (folder / "frame12.png").unlink()
    command("series", "add", folder)
    told = command("series", "health", "blob")
    assert told.code == 0 and "SSIM         lead 1" in told.out
    assert "PROBLEM  Frame 8 is blank" in told.out and "1 frame is missing, after frame 12 (“frame11.png”)" in told.out
    assert "first frame  'frame0.png'\nlast frame   'frame19.png'" in told.out
    kept = next((tmp_path / "workspace" / "series").glob("*/health.json"))
    before = kept.stat().st_mtime_ns
    assert command("series", "health", "blob").out == told.out and kept.stat().st_mtime_ns == before
    assert command("series", "health", "nobody").code == 2


def test_a_series_is_prepared_into_another_one(command: Command, folder: Path, tmp_path: Path, frames: np.ndarray) -> None:
    command("series", "add", folder)
    steps = ("--crop", "2,3,8,6", "--grey", "--every", 2, "--frames", "3:18", "--drop", "5,7", "--interpolate", "9")
    done = command("series", "prepare", "blob", *steps, "--name", "part")
    assert done.code == 0, done.err
    store = SeriesStore(tmp_path / "workspace")
    assert f"made of {store.info('blob').digest}" in done.out and "step    Made grey." in done.out
    part = store.open("part")
    assert part.frames.shape == (6, 6, 8, 1)
    assert np.array_equal(store.open(store.info("part").digest).frames, part.frames) and "note    Frames were left" in done.out
    for words in (("--crop", "0,0,99,9"), ("--size", 99), ()):
        refused = command("series", "prepare", "blob", *words)
        assert refused.code == 2 and refused.err.count("\n") == 1 and len(store.list()) == 2
    with pytest.raises(SystemExit):
        command("series", "prepare", "blob", "--crop", "1,2")
