"""Every kind of file about a finished run, opened again by the library that it is for."""

import csv
import io
import xml.etree.ElementTree as ElementTree
import zipfile
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest
import scipy.io
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from framecast.cli import arguments
from framecast.cli.main import main
from framecast.errors import SeriesError, SettingError
from framecast.export import KINDS, Asked, Evidence, by_suffix, letters
from framecast.export.evidence import PANELS
from framecast.export.side_by_side import _fitted, side_by_side
from framecast.runs.store import Run
from framecast.series.store import SeriesStore
from tests.export.conftest import blob, finished_run


def made(name: str, evidence: Evidence, **asked: object) -> bytes:
    return KINDS[name].make(evidence, Asked(**asked))  # type: ignore[arg-type]


def test_the_command_line_offers_what_there_is() -> None:
    assert set(KINDS) == set(arguments.EXPORTS)
    assert by_suffix(".PNG") is KINDS["figure"]
    with pytest.raises(SettingError, match=r"The name has no ending; .* Name a file ending in \.csv"):
        by_suffix("")
    with pytest.raises(SettingError, match=r"'\.xls' is no kind of file .* Name a file ending in \.csv"):
        by_suffix(".xls")


def test_a_spreadsheet_holds_every_score_at_its_lead(evidence: Evidence) -> None:
    rows = list(csv.DictReader(io.StringIO(made("scores", evidence).decode())))
    origin = evidence.record.split.origin
    for curve in evidence.scores:
        mine = [row for row in rows if row["forecaster"] == curve.forecaster and int(row["origin_frame"]) == curve.origin + 1]
        assert [float(row[curve.metric]) for row in mine] == curve.values.tolist()
        assert [int(row["frame"]) for row in mine] == [origin + 1 + int(row["lead"]) for row in mine]


def test_numpy_arrays_are_exact(evidence: Evidence) -> None:
    with np.load(io.BytesIO(made("npz", evidence))) as arrays:
        assert np.array_equal(arrays["forecast"], evidence.forecast) and arrays["forecast"].dtype == evidence.forecast.dtype
        assert np.array_equal(arrays["truth"], evidence.truth)
        assert np.array_equal(arrays["last_observed"], evidence.past[-1:])
        own = {c.metric: c.values for c in evidence.scores if c.forecaster == evidence.record.forecaster}
        assert np.array_equal(arrays["ssim"], own["ssim"]) and np.array_equal(arrays["mse"], own["mse"])
        assert arrays["lead"].tolist() == list(range(1, evidence.n_leads + 1))


def test_matlab_gets_stacks_as_in_the_question(evidence: Evidence) -> None:
    found = scipy.io.loadmat(io.BytesIO(made("matlab", evidence)))
    n, height, width, channels = evidence.truth.shape
    assert found["truth"].shape == (height, width, channels, n)
    assert np.array_equal(found["truth"].transpose(3, 0, 1, 2), evidence.truth)
    assert np.array_equal(found["forecast"].transpose(3, 0, 1, 2), evidence.forecast)
    assert found["forecast"].dtype == np.uint8


def test_pixels_without_data_are_nan_and_one_channel_stays_a_stack(tmp_path: Path) -> None:
    valid = np.ones((15, 21), bool)
    valid[0, :3] = False
    masked = finished_run(tmp_path, blob(channels=1, dtype="float32"), valid=valid)
    evidence = Evidence.of(masked, SeriesStore(tmp_path))
    found = scipy.io.loadmat(io.BytesIO(made("matlab", evidence)))["forecast"]
    assert found.shape == (15, 21, 1, evidence.n_leads)
    assert np.isnan(found[~valid]).all() and np.isfinite(found[valid]).all()
    assert Image.open(io.BytesIO(made("figure", evidence))).width > 1000


def test_arrays_of_integers_say_which_pixels_have_no_data(tmp_path: Path) -> None:
    valid = np.ones((15, 21), bool)
    valid[0, :3] = False
    evidence = Evidence.of(finished_run(tmp_path, blob(channels=1), valid=valid), SeriesStore(tmp_path))
    with np.load(io.BytesIO(made("npz", evidence))) as arrays:
        assert np.array_equal(arrays["valid"], valid) and arrays["truth"].dtype == np.uint8
    assert np.array_equal(scipy.io.loadmat(io.BytesIO(made("matlab", evidence)))["valid"].astype(bool), valid)


@pytest.mark.parametrize("leads", [None, [1], [2, 1, 4]])
def test_a_figure_is_made_for_print(evidence: Evidence, leads: list[int] | None) -> None:
    png = Image.open(io.BytesIO(made("figure", evidence, leads=leads)))
    assert png.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert png.width <= 180 / 25.4 * 300 + 2
    svg = ElementTree.fromstring(made("figure_svg", evidence, leads=leads))
    assert svg.tag.endswith("svg")
    images = [element for element in svg.iter() if element.tag.endswith("image")]
    assert len(images) >= 3 * len(leads or evidence.chosen_leads())
    assert made("figure_pdf", evidence, leads=leads).startswith(b"%PDF-1.")
    assert made("figure_svg", evidence, leads=leads) == made("figure_svg", evidence, leads=leads)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are made, with their words in place."""
    made_ones: list[Figure] = []
    save = Figure.savefig

    def saved(figure: Figure, *where: object, **how: object) -> None:
        save(figure, *where, **how)
        made_ones.append(figure)

    monkeypatch.setattr(Figure, "savefig", saved)
    return made_ones


def words_of(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize(
    ("side", "units"), [((15, 21), "mm/h"), ((8, 40), "kg m-2 s-1"), ((15, 21), "$x_{ $"), ((40, 8), "long " * 99)]
)
def test_all_words_of_a_figure_are_on_it_and_none_on_another(
    tmp_path: Path, drawn: list[Figure], side: tuple[int, int], units: str
) -> None:
    frames = np.random.default_rng(0).random((30, *side, 1), np.float32)
    evidence = Evidence.of(finished_run(tmp_path, frames, "persistence", units=units), SeriesStore(tmp_path))
    made("figure", evidence)
    boxes = {text.get_text(): text.get_window_extent() for text in words_of(drawn[0]) if len(text.get_text()) > 4}
    assert any(words.startswith("value (") and words[7] == units[0] for words in boxes)
    page = drawn[0].bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes.values())
    assert not [(one, other) for one, other in combinations(boxes, 2) if boxes[one].overlaps(boxes[other])]


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (1, "error: forecast − truth"),
        (2, "error: forecast − truth, mean of 2 channels; truth and forecast: channel 1"),
        (3, "error: forecast − truth, mean of 3 channels"),
        (4, "error: forecast − truth, mean of 4 channels; truth and forecast: channels 1 to 3"),
    ],
)
def test_a_figure_says_which_channels_it_shows(tmp_path: Path, drawn: list[Figure], channels: int, said: str) -> None:
    made("figure", Evidence.of(finished_run(tmp_path, blob(channels=channels), "persistence"), SeriesStore(tmp_path)))
    assert said in [text.get_text() for text in words_of(drawn[0])]


def test_a_scale_has_arrows_where_values_go_beyond_it_and_a_mask_has_a_name(tmp_path: Path, drawn: list[Figure]) -> None:
    frames, valid = np.zeros((20, 50, 60, 1), np.float32), np.ones((50, 60), bool)
    frames[:, ::2] = 1
    frames[-4:] += np.linspace(0, 0.1, 3000).reshape(50, 60, 1)
    frames[-1, 20, 20] = -1000
    valid[0] = False
    run = finished_run(tmp_path, frames, "persistence", valid=valid)
    evidence = Evidence.of(run, SeriesStore(tmp_path))
    made("figure", evidence, leads=[4])
    made("figure", evidence, leads=[1])
    bars = [[ax._colorbar.extend for ax in one.axes if hasattr(ax, "_colorbar")] for one in drawn]  # type: ignore[attr-defined]
    assert bars == [["both", "neither"], ["min", "neither"]], "errors go beyond the percentile that ends their scale"
    assert "error: forecast − truth; ochre: no data" in [text.get_text() for text in words_of(drawn[1])]


def test_a_figure_of_large_frames_draws_no_pattern_that_is_not_there(tmp_path: Path) -> None:
    y, x = np.mgrid[:400, :400]
    frames = np.stack([((x + y) % 2 * 255).astype(np.uint8)] * 50)[..., None]
    evidence = Evidence.of(finished_run(tmp_path, frames, "persistence"), SeriesStore(tmp_path))
    png = np.asarray(Image.open(io.BytesIO(made("figure", evidence, leads=range(1, 11)))).convert("L")).astype(int)
    assert (png < 60).mean() < 0.05 < 0.3 < (np.abs(png - 127) < 8).mean(), "one even grey but for letters and scales"


def test_a_lead_that_was_not_forecast_is_refused(evidence: Evidence) -> None:
    with pytest.raises(SettingError, match=rf"Lead 99 was not forecast; the leads are 1 to {evidence.n_leads}\."):
        made("figure", evidence, leads=[1, 99])


def test_a_strip_keeps_every_pixel(evidence: Evidence) -> None:
    strip = np.asarray(Image.open(io.BytesIO(made("strip", evidence, leads=[1, 3]))))
    for row, panel in enumerate(PANELS):
        for column, lead in enumerate((1, 3)):
            part = strip[row * 19 : row * 19 + 15, column * 25 : column * 25 + 21]
            assert np.array_equal(part, evidence.picture(panel, lead - 1))


def test_frames_are_pictures_in_a_folder_for_each_panel(evidence: Evidence) -> None:
    archive = zipfile.ZipFile(io.BytesIO(made("frames", evidence)))
    first = evidence.record.split.test.start + 1
    assert f"truth/lead_1_frame_{first:06d}.png" in archive.namelist()
    assert len(archive.namelist()) == 3 * evidence.n_leads + 1 == len(set(archive.namelist()))
    for panel in PANELS:
        names = sorted(name for name in archive.namelist() if name.startswith(panel))
        for index, name in enumerate(names):
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(archive.read(name)))), evidence.picture(panel, index))


def test_files_without_a_scale_say_in_words_what_their_colours_are(tmp_path: Path) -> None:
    frames = (np.random.default_rng(0).random((30, 16, 24, 1)) * 70 + 1.5).astype(np.float32)
    evidence = Evidence.of(finished_run(tmp_path, frames, "persistence", units="mm/h"), SeriesStore(tmp_path))
    said = zipfile.ZipFile(io.BytesIO(made("frames", evidence))).read("README.txt").decode()
    assert f"black is {frames.min():.6g} mm/h and white {frames.max():.6g} mm/h" in said
    assert f"blue is -{evidence.limit:.6g} mm/h, near-white 0 and red +{evidence.limit:.6g} mm/h" in said
    assert Image.open(io.BytesIO(made("strip", evidence))).info["Description"] == said
    with av.open(io.BytesIO(made("film", evidence))) as container:
        assert container.metadata["comment"] == said


def test_units_that_no_font_can_draw_are_no_boxes(
    tmp_path: Path, drawn: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.random.default_rng(0).random((30, 15, 21, 1), np.float32)
    evidence = Evidence.of(finished_run(tmp_path, frames, "persistence", units="毫米每小时"), SeriesStore(tmp_path))
    monkeypatch.setattr("framecast.export.letters.OTHERS", ())
    made("figure", evidence)
    labels = [words.get_text() for words in words_of(drawn[0])]
    assert "error (units of the series)" in labels and not any("毫" in label for label in labels)


def test_another_font_that_is_there_lends_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_installed", lambda: {"DejaVu Sans", "NanumGothic", "SimHei"})
    have = {"DejaVu Sans": set("ms/ µ"), "NanumGothic": set("가"), "SimHei": set("毫米")}
    monkeypatch.setattr(letters, "_letters", lambda name: have[name])
    assert letters.families("µm/s") == ["DejaVu Sans"]
    assert letters.families("毫米/s") == ["DejaVu Sans", "SimHei"]
    assert letters.families("毫가") == ["DejaVu Sans", "NanumGothic", "SimHei"]
    assert letters.families("毫秒") == []


def test_a_film_shows_every_lead_side_by_side_without_rescaling(evidence: Evidence) -> None:
    expected = list(side_by_side(evidence))
    with av.open(io.BytesIO(made("film", evidence, frames_per_second=8.0))) as container:
        assert container.streams.video[0].average_rate == 8
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == evidence.n_leads
    height, width = expected[0].shape[:2]
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    for frame, drawn in zip(frames, expected, strict=True):
        assert np.abs(frame[:height, :width].astype(int) - drawn).mean() < 4


@pytest.mark.parametrize("name", ["gif", "webp"])
def test_an_animation_shows_every_lead(evidence: Evidence, name: str) -> None:
    content = made(name, evidence, frames_per_second=5.0)
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.n_frames == evidence.n_leads  # type: ignore[attr-defined]
        opened.seek(2)
        shown = np.asarray(opened.convert("RGB")).astype(int)
    assert np.abs(shown - list(side_by_side(evidence, longest_side=320))[2]).mean() < 6


@pytest.mark.parametrize(("side", "panel"), [(21, 273), (200, 200), (255, 255), (320, 320), (785, 320)])
def test_a_panel_of_an_animation_is_never_larger_than_it_says(side: int, panel: int) -> None:
    assert _fitted(np.zeros((side // 2, side), np.uint8), 320).shape[1] == panel


def test_names_over_narrow_frames_have_room(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (10, 300, 9, 1), np.uint8)
    drawn = next(side_by_side(Evidence.of(finished_run(tmp_path, frames, "persistence"), SeriesStore(tmp_path))))
    bar, columns = drawn[:-300].min(axis=(0, 2)), [slice(0, 108), slice(108, 216), slice(216, 324)]
    assert drawn.shape[1] == 316
    assert all((bar[column] < 128).any() and (bar[column][-8:] == 255).all() for column in columns[:2])


def test_titles_of_panels_stand_above_the_frames_and_not_on_them(evidence: Evidence) -> None:
    drawn = next(side_by_side(evidence))
    truth = evidence.picture("truth", 0)
    factor = -(-256 // 21)
    enlarged = truth.repeat(factor, axis=0).repeat(factor, axis=1)
    assert np.array_equal(drawn[-enlarged.shape[0] :, : enlarged.shape[1]], enlarged)


def test_a_run_whose_series_was_deleted_says_so(tmp_path: Path) -> None:
    run = finished_run(tmp_path, blob())
    SeriesStore(tmp_path).delete(run.record.series)
    with pytest.raises(SeriesError, match="was deleted; the truth beside a forecast comes from it. Add its files again"):
        Evidence.of(run, SeriesStore(tmp_path))


def test_the_command_line_writes_what_the_ending_says(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = str(run.store.folder.parent)
    for name in ("a.csv", "b.html", "c.png"):
        assert main(["export", run.id, str(tmp_path / name), "--workspace", workspace]) == 0
        assert (tmp_path / name).stat().st_size > 500
    assert main(["export", run.id, str(tmp_path / "d.xls"), "--workspace", workspace]) == 2
    assert main(["export", run.id, str(tmp_path / "e.png"), "--leads", "one", "--workspace", workspace]) == 2
    assert not (tmp_path / "d.xls").exists() and not (tmp_path / "e.png").exists()
    assert "'one' is no list of leads" in capsys.readouterr().err
