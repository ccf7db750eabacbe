"""A finished run has its film, whoever made it, and a page is drawn from it before anything that forecasts is imported."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from framecast.drawing.film import FILE
from framecast.files import remove_folder, writing
from framecast.runs.experiment import carry_out, plan
from framecast.runs.filming import dated_forecast, film_run, forecast_version, read_film
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Split
from framecast.series.store import SeriesStore, StoredSeries

ROOT = Path(__file__).parents[2]
LOOK = """
import sys
import streamlit as st
from streamlit.testing.v1 import AppTest
from framecast.ui import feeding, frames_view, resources

drawn = []
frames_view.player = lambda packet, key: drawn.append(packet) or {}
feeding.feed = lambda packet, key: drawn.append(packet)
resources.wake = st.stop
at = AppTest.from_file("app.py", default_timeout=180)
at.query_params["run"] = sys.argv[1]
at.switch_page("pages/compare.py").run()
assert not at.exception, at.exception
print(len(drawn), "torch" in sys.modules, b"Persistence" in drawn[0])
"""

TAKING_TURNS = """
import sys
from types import SimpleNamespace
import streamlit as st
from streamlit.testing.v1 import AppTest
from framecast.ui import feeding, frames_view, resources, seen_forecast

drawn, said, slept = [], {}, []

def player(packet, key):
    st.session_state.setdefault(key, "drawn")
    return said

def sleep(seconds):
    slept.append(seconds)
    if len(slept) == 3 and sys.argv[2] == "speaks":
        said.update(life="a", lead=1)
        st.rerun()

def wake():
    print(len(drawn), len(slept), sum(slept) >= seen_forecast.HEAD_START_S)
    st.stop()

frames_view.player, feeding.feed = player, lambda packet, key: drawn.append(key)
seen_forecast.time = SimpleNamespace(sleep=sleep)
resources.wake = wake
at = AppTest.from_file("app.py", default_timeout=180)
at.query_params["run"] = sys.argv[1]
at.switch_page("pages/compare.py").run()
assert not at.exception, at.exception
"""


def finished(workspace: Path, height: int = 16, width: int = 20) -> tuple[Run, StoredSeries]:
    store = SeriesStore(workspace)
    y, x = np.mgrid[:height, :width]
    frames = np.stack([120 + 60 * np.sin((x + 2 * t) / 4) + y for t in range(16)]).round().astype(np.uint8)[..., None]
    stored = store.add("waves", frames)
    series = store.open(stored.digest)
    record = plan(series, forecaster="persistence", digest=stored.digest, device="cpu", split=Split.of(16, 4))
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, series, run):
        pass
    return run, stored


def test_a_run_is_filmed_when_it_is_finished_and_the_film_does_not_travel_with_it(tmp_path: Path) -> None:
    run, stored = finished(tmp_path / "w")
    film = read_film(run, run.forecast(), SeriesStore(tmp_path / "w").open(stored.digest), stored)
    assert film is not None and film.title == "Persistence"
    run.export(tmp_path / "run.zip")
    assert FILE.encode() not in (tmp_path / "run.zip").read_bytes()


def test_a_forecast_goes_by_its_own_version_where_another_is_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = finished(tmp_path)
    before, read = np.array(run.forecast()), Run.forecast
    left = [before + 2, before + 1]

    def replaced_meanwhile(one: Run) -> np.ndarray:
        found = read(one)
        if left:
            with writing(run.folder / "forecast.npy") as handle:
                np.save(handle, left.pop())
        return found

    monkeypatch.setattr(Run, "forecast", replaced_meanwhile)
    forecast, version = dated_forecast(run)
    np.testing.assert_array_equal(forecast, before + 2)
    assert version == forecast_version(run) and not left


def test_a_run_whose_series_is_gone_is_not_filmed(tmp_path: Path) -> None:
    run, stored = finished(tmp_path)
    series = SeriesStore(tmp_path).open(stored.digest)
    (run.folder / FILE).unlink()
    remove_folder(tmp_path / "series")
    assert list(film_run(run, series)) == [] and not (run.folder / FILE).exists()


def test_the_player_is_drawn_before_torch_is_imported(tmp_path: Path) -> None:
    run, _ = finished(tmp_path)
    n_packets, imported, named = printed(tmp_path, LOOK, run.id)
    assert int(n_packets) > 2 and imported == "False" and named == "True"


def test_the_forecasters_wake_and_the_rest_is_sent_once_the_browser_has_shown_a_frame(tmp_path: Path) -> None:
    run, _ = finished(tmp_path, 260, 300)
    n_packets, n_looks, waited_to_the_end = printed(tmp_path, TAKING_TURNS, run.id, "speaks")
    assert int(n_looks) == 3 and waited_to_the_end == "False"
    first, _, waited_to_the_end = printed(tmp_path, TAKING_TURNS, run.id, "is silent")
    assert waited_to_the_end == "True", "a browser that shows nothing must not keep the scores from a person"
    assert int(first) == 4 and int(n_packets) > 4  # scale, truth, forecast and error of the leads around the one shown


def printed(workspace: Path, code: str, *words: str) -> list[str]:
    """The last three words that a fresh Python printed."""
    command, environment = [sys.executable, "-c", code, *words], {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-3:]
