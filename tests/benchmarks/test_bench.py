"""The benchmark writes a table of numbers, replaces only what it wrote before, and runs at tiny sizes."""

import contextlib
import re
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from benchmarks import bench, counterparts, machine, networks, reference
from benchmarks.table import Row, in_turns, markdown, replace_rows, replace_section

NUMBER = re.compile(r"^[\d.e+-]+$")


def cells_of(text: str) -> list[dict[str, str]]:
    """The rows of all tables, by the names of their columns."""
    found, names = [], []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or set(line) <= {"|", "-"}:
            continue
        if cells[0] == "what":
            names = cells
        else:
            found.append(dict(zip(names, cells, strict=True)))
    return found


def test_a_row_has_the_ratio_and_the_share_of_the_floor():
    (row,) = cells_of(markdown([Row("Part", "a | b", 2.0, 5.0, "theirs", "s", 0.5, "bytes", "note")]))
    assert row == {
        "what": "a / b", "ours": "2 s", "beside it": "5 s", "against": "theirs", "ratio": "2.50", "floor": "0.5 s",
        "floor is of ours": "25% (bytes)", "note": "note",
    }  # fmt: skip
    assert Row("Part", "alone").ratio is None and Row("Part", "alone").of_floor is None


def test_a_run_replaces_what_an_earlier_one_wrote_and_nothing_else(tmp_path: Path):
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\nWords.\n\n## Older, by hand\n\n| kept |\n")
    for text in ("## First\n\none", "## Second\n\ntwo", "## Second\n\ntwo"):
        replace_section(file, "bench", text)
    found = file.read_text()
    assert "First" not in found and found.count("two") == 1
    assert found.startswith("# Results\n\nWords.\n\n<!-- bench: begin")
    assert found.endswith("<!-- bench: end -->\n\n## Older, by hand\n\n| kept |\n")


def test_a_part_measured_again_replaces_its_own_rows_and_no_others(tmp_path: Path):
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\n## Older, by hand\n\n| kept |\n")
    table = markdown([Row("Rules", "one", 1.0), Row("Rules", "two", 2.0)])
    assert not replace_rows(file, "bench", table), "there is nothing yet to replace rows of"
    first = [Row("Rules", "one", 1.0), Row("Rules", "two", 2.0), Row("App", "plays", 4.0), Row("App", "plays", 5.0)]
    first += [Row("Broke", "app"), Row("Broke", "b")]
    replace_section(file, "bench", "## All, at noon\n\nof this machine\n\n" + markdown(first))
    before = file.read_text()
    assert replace_rows(file, "bench", markdown([])) and file.read_text() == before, "nothing new changes nothing"
    again = markdown([Row("Rules", "two", 3.0, note="again"), Row("Rules", "three", 6.0), Row("App", "plays", 7.0)])
    assert replace_rows(file, "bench", again, [("Broke", "app")])
    after = file.read_text()
    assert [(row["what"], row["ours"]) for row in cells_of(after.split("## Older")[0])] == [
        ("one", "1 s"), ("two", "3 s"), ("three", "6 s"), ("plays", "7 s"), ("b", ""),
    ]  # fmt: skip
    assert [line for line in after.splitlines() if line.startswith("#")] == [
        "# Results", "## All, at noon", "### Rules", "### App", "### Broke", "## Older, by hand",
    ]  # fmt: skip
    assert after.endswith("<!-- bench: end -->\n\n## Older, by hand\n\n| kept |\n") and "of this machine" in after


def test_works_take_turns_and_the_first_round_does_not_count():
    seen: list[str] = []
    seconds = iter([100.0, 100.0, 1.0, 4.0, 3.0, 6.0, 2.0, 5.0])

    def work(name: str) -> float:
        seen.append(name)
        return next(seconds)

    assert in_turns({name: lambda n=name: work(n) for name in "ab"}, 3) == {"a": 2.0, "b": 5.0}
    assert "".join(seen) == "abababab"


def test_the_plain_form_is_the_same_network():
    """At the same precision, a few steps from the same weights end in the same forecast, which is not the one of birth."""
    forecasts = []
    series = networks.noise("convlstm", 16)
    for plainly in (False, True):
        forecaster = networks.step_seconds("convlstm", series, "cpu", plainly, precision="float32", warmup=0.0)[1]
        window = series.frames[-forecaster.settings.context :]  # the plain form says nothing of a memory and gets no more
        forecasts.append(forecaster.forecast(window, 3))
    learned = np.abs(forecasts[0] - series.frames[-1]).max()
    assert learned > 0.1 and np.abs(forecasts[0] - forecasts[1]).max() < 1e-2 * learned


@pytest.mark.slow
@pytest.mark.parametrize("part", ["machine", "evaluation", "networks", "steps", "rules", "reference", "growth"])
def test_each_part_runs_at_tiny_size_and_gives_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str):
    file = tmp_path / "RESULTS.md"
    bench.main(["--quick", "--parts", part, "--into", str(file)])
    text = file.read_text()
    rows = cells_of(text)
    assert rows and "commit" in text and "load" in text and "Tiny sizes" in text
    for row in rows:
        value = row["ours"].split(" ")[0]
        assert NUMBER.match(value) or "not installed" in row["note"] or "not within" in row["note"], row
        if row["beside it"]:
            assert float(row["ratio"]) > 0
    if part == "growth":
        assert len(list((tmp_path / "plots").glob("*.png"))) == 4


def test_a_part_that_breaks_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def breaks(asked: bench.Asked):
        yield Row("Part", "before", 1.0)
        raise RuntimeError("no luck")

    monkeypatch.setattr(bench, "PARTS", {"machine": breaks})
    file = tmp_path / "RESULTS.md"
    bench.main(["--quick", "--into", str(file)])
    assert [row["what"] for row in cells_of(file.read_text())] == ["before", "machine"]
    assert "RuntimeError: no luck" in file.read_text() and "no luck" in capsys.readouterr().err


def test_a_script_that_takes_too_long_is_ended_with_all_it_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(bench, "PATIENCE_S", 1.5)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "slow_script.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\ntime.sleep(600)\n"
    )
    said = bench._told(["slow_script"])
    assert "given up after 1.5 s" in said
    child = said.split()[0]
    assert child.isdigit()
    with contextlib.suppress(psutil.NoSuchProcess):
        ended = psutil.Process(int(child))  # killed; gone, or left to whoever reaps
        deadline = time.monotonic() + 60
        while ended.is_running() and ended.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "what the script had started lives on"
            time.sleep(0.05)


def test_a_public_implementation_is_set_beside_in_a_step_and_a_rollout(monkeypatch: pytest.MonkeyPatch):
    """With a floor, from the operations of ours. What is not installed is a row that says so."""
    products: list[int] = []

    def product(n: int) -> None:
        products.append(n)
        torch.ones(n, n) @ torch.ones(n, n)

    def pair(device: str, side: int) -> tuple[counterparts.Side, counterparts.Side]:
        return tuple(counterparts.Side(word, lambda: product(side), lambda: product(2 * side)) for word in ("ours", "theirs"))

    monkeypatch.setattr(counterparts, "PAIRS", (("made==1", "json", pair), ("none==2", "not_a_module", pair)))
    measured = machine.Machine("cpu", {"float32": 1e6}, {"float32": 1e5}, 1e6)
    step, rollout, missing = counterparts.rows(measured, 8, 1)
    assert step.what.startswith("step of ours") and rollout.what.startswith("50-step rollout of ours")
    assert (step.floor, rollout.floor) == (2 * 8**3 / 1e6, 2 * 16**3 / 1e6)
    assert step.ratio and rollout.ratio and "pip install" in missing.note
    assert sorted(products) == [8] * 5 + [16] * 5, "each twice in turns, and ours once to be counted"


def test_on_a_gpu_the_scores_are_made_there_too(monkeypatch: pytest.MonkeyPatch):
    """Played by the processor under another name. What the processor does has no floor of the rates of a GPU."""
    rates = machine.Machine("cpu:0", {"float32": 1e6}, {"float32": 1e5}, 1e6)
    rows = {row.what: row for row in bench.evaluation_part(bench.Asked("cpu:0", True, Path(), rates))}
    (on_gpu,) = [row for what, row in rows.items() if what.startswith("all metrics on the GPU of 3 frames")]
    assert on_gpu.ratio and on_gpu.floor
    assert len(rows) == 5 and [row.floor for row in rows.values()].count(None) == 4
    usual = list(bench.evaluation_part(bench.Asked("cpu", True, Path(), rates)))
    assert len(usual) == 4 and all(row.floor for row in usual)


def test_a_forecast_is_not_timed_while_its_operations_are_counted(monkeypatch: pytest.MonkeyPatch):
    from framecast.forecasters.network_forecaster import NetworkForecaster

    forecast, counted = NetworkForecaster.forecast, []

    def watched(self: NetworkForecaster, past: np.ndarray, horizon: int) -> np.ndarray:
        counted.append(_get_current_dispatch_mode() is not None)
        return forecast(self, past, horizon)

    monkeypatch.setattr(NetworkForecaster, "forecast", watched)
    rates = machine.Machine("cpu", {"float32": 1e9}, {"float32": 1e9}, 1e9)
    rows = list(reference.rows(rates, 24, 40, 4, 16, 0.02, ["unet"]))
    assert counted == [True, False] and rows[-1].floor


def test_the_machine_is_measured_in_numbers_above_zero():
    found = machine.measure("cpu", quick=True)
    assert found.copied > 0 and min(*found.product.values(), *found.convolution.values()) > 0 and found.best > 0
