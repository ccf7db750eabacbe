"""The README tells the truth: its Python runs, its commands parse, and nothing that is registered is left out."""

import re
import shlex
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from framecast.cli.arguments import parser
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.series.readers.contract import READERS
from framecast.series.synthetic import SYNTHETIC

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder that holds a small `frames.zip`, as its reader's would."""
    write_frames(tmp_path / "frames.zip")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAMECAST_WORKSPACE", str(tmp_path / "workspace"))
    assert blocks("python"), "the README shows no Python"
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip(), "the README's Python prints nothing"


def write_frames(path: Path) -> None:
    """A ZIP of 30 PNG frames of a made series with a known law."""
    law = next(iter(SYNTHETIC.values()))
    with zipfile.ZipFile(path, "w") as archive:
        for index, frame in enumerate(law(30, 16, 0).frames):
            png = BytesIO()
            Image.fromarray(frame.squeeze()).save(png, "png")
            archive.writestr(f"frame{index}.png", png.getvalue())


def test_no_forecaster_is_promised_that_is_not_there() -> None:
    table = README.partition("## Forecasters")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == set(FORECASTERS)


@pytest.mark.parametrize("registry", [FORECASTERS, METRICS, READERS], ids=lambda registry: registry.noun)
def test_everything_registered_is_named(registry: dict[str, object]) -> None:
    missing = [name for name in registry if f"`{name}`" not in README]
    assert not missing, f"README.md does not name {missing}."


def test_the_commands_are_understood() -> None:
    """`python -m framecast` lines parse, and the forecasters they name exist."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("python -m framecast ")]
    assert lines, "the README shows no command"
    for line in lines:
        asked = parser().parse_args(shlex.split(line, comments=True)[3:])
        assert set(getattr(asked, "forecaster", None) or ()) <= set(FORECASTERS), line


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_what_is_said_of_speed_has_its_row_among_the_results() -> None:
    """And is no more than was measured there."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in results.splitlines()]
    measured = {cells[0]: cells for cells in lines if len(cells) == 8}
    told = README.partition("## How fast it is")[2].partition("\n## ")[0]
    claims = re.findall(r"^\| (.+?) \| (.+?) \|$", told, re.MULTILINE)
    assert len(claims) > 1, "the README says nothing of speed"
    for what, claim in claims[1:]:
        assert what in measured, f"RESULTS.md has no row '{what}'; run make bench."
        times, within = re.search(r"at least ([\d.]+) times", claim), re.search(r"within ([\d.]+) s", claim)
        assert times or within, f"'{claim}' is not a number that could be looked up"
        if times:
            assert float(measured[what][4]) >= float(times[1]), (what, measured[what])
        if within:
            assert float(measured[what][1].removesuffix(" s")) <= float(within[1]), (what, measured[what])
