"""What a `run` found: the table on the screen and the file of `--json`, both from the same scores."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from framecast.cli.screen import number, table
from framecast.evaluation.ensemble import ENSEMBLE, Sureness
from framecast.evaluation.leaderboard import Row, rows
from framecast.evaluation.scores import ScoreCurve, mean_curve
from framecast.evaluation.verdict import verdict
from framecast.files import write_json
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.diagnosing import kept_diagnosis
from framecast.runs.rules import rule_choices
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries, Split

HEADER = ("forecaster", "SSIM", "PSNR dB", "MSE", "skill", "skill horizon", "fit s", "run")


@dataclass(frozen=True)
class Results:
    """The finished runs of one command on one split, the rules beside them."""

    series: FrameSeries | None
    """None where it was deleted; its scores are kept with the runs."""
    digest: str
    split: Split
    runs: list[Run]

    @cached_property
    def curves(self) -> list[ScoreCurve]:
        """Every forecaster once: each run's own curves, the rules from the first run that has them."""
        found: dict[str, list[ScoreCurve]] = {}
        own = {run.record.forecaster for run in self.runs}
        for run in self.runs:
            curves = run.scores()
            for name in dict.fromkeys(curve.forecaster for curve in curves):
                if name == run.record.forecaster or (name not in own and name not in found):
                    found[name] = [curve for curve in curves if curve.forecaster == name]
        return [curve for curves in found.values() for curve in curves]

    @cached_property
    def rows(self) -> list[Row]:
        """Best mean SSIM first."""
        return rows(self.curves)

    def best_run(self) -> Run:
        """Of the runs (not of the rules beside them) the one with the best mean SSIM."""
        mine = {run.record.forecaster: run for run in self.runs}
        return next(mine[row.forecaster] for row in self.rows if row.forecaster in mine)

    def text(self) -> str:
        """The table, and a sentence on the best run."""
        runs = {run.record.forecaster: run.id for run in self.runs}
        seconds = self._seconds("fit_seconds")
        lines = [
            (
                row.forecaster,
                f"{row.means['ssim']:.4f}",
                f"{row.means['psnr']:.2f}",
                number(row.means["mse"]),
                f"{row.skill:+.3f}",
                f"{row.skill_horizon} of {self.split.horizon}",
                f"{seconds[row.forecaster]:.1f}" if row.forecaster in seconds else "-",
                runs.get(row.forecaster, "-"),
            )
            for row in self.rows
        ]
        best = self.best_run().record
        first, last = self.split.test.start + 1, self.split.test.stop
        name, total = (self.series.name, f" of {self.series.n_frames}") if self.series else (best.series_name, "")
        return "\n".join(
            (
                f"'{name}': frames {first} to {last}{total}, forecast from frame {first - 1}",
                table(HEADER, lines, left=(0, len(HEADER) - 1)),
                verdict(
                    self.curves,
                    best.forecaster,
                    FORECASTERS[best.forecaster].title,
                    findings=kept_diagnosis(self.best_run()) or (),
                    choices=rule_choices(self.best_run()),
                ),
                *self._how_sure(),
            )
        )

    def _how_sure(self) -> list[str]:
        """A sentence on each run that has members."""
        found = ((FORECASTERS[run.record.forecaster].title, Sureness.of(run.members())) for run in self.runs)
        return [f"{title}: CRPS {number(one.crps)}. {one.sentence()}" for title, one in found if one]

    def write(self, path: Path) -> None:
        """The file of `--json`. Numbers that JSON does not have are written as `plain_json` says: the PSNR of an exact frame
        is the word "Infinity", and what is not a number is null."""
        series = self.series
        assert series is not None, "what was just forecast is there"
        write_json(
            path,
            {
                "series": {
                    "name": series.name,
                    "digest": self.digest,
                    "n_frames": series.n_frames,
                    "height": series.height,
                    "width": series.width,
                    "n_channels": series.n_channels,
                    "dtype": str(series.frames.dtype),
                    "units": series.units,
                    "value_range": series.value_range,
                },
                "split": self.split.to_mapping(),
                "horizon": self.split.horizon,
                "data_range": series.data_range,
                "forecasters": {row.forecaster: self._mapping(row) for row in self.rows},
            },
        )

    def _mapping(self, row: Row) -> dict[str, Any]:
        curves = self.curves
        return {
            "title": FORECASTERS[row.forecaster].title,
            **{metric: mean_curve(curves, row.forecaster, metric) for metric in row.means},
            "mean": row.means,
            "skill": row.skill,
            "skill_horizon": row.skill_horizon,
            "seconds": self._seconds("fit_seconds").get(row.forecaster),
            "forecast_seconds": self._seconds("forecast_seconds").get(row.forecaster),
            "run": next((run.id for run in self.runs if run.record.forecaster == row.forecaster), None),
            **self._ensemble(row),
        }

    def _ensemble(self, row: Row) -> dict[str, Any]:
        """Of a run with members, under "ensemble": their scores per lead and as one number each, and each member's own."""
        members = next((run.members() for run in self.runs if run.record.forecaster == row.forecaster), [])
        found = Sureness.of(members)
        if found is None:
            return {}
        scores: dict[str, dict[str, Any]] = {}
        for curve in members:
            scores.setdefault(curve.forecaster, {})[curve.metric] = curve.values
        return {"ensemble": {**scores.pop(ENSEMBLE), "mean": vars(found), "members": scores}}

    def _seconds(self, what: str) -> dict[str, float]:
        """What was measured: rules that auto fitted, or whose scores another run had, have none."""
        found: dict[str, float] = {}
        for run in self.runs:
            found = {**run.summary()[what], **found}
        for run in self.runs:  # a run's own seconds count, not those it took as a rule beside another
            own = run.summary()[what]
            found.update({name: own[name] for name in (run.record.forecaster,) if name in own})
        return found
