"""`run`: ingest, hold back the test, fit, forecast, score, and show one table."""

import argparse
import contextlib
from pathlib import Path

from framecast.cli.carrying import carry_out_all
from framecast.cli.costs import say_costs
from framecast.cli.planning import Planner, planner
from framecast.cli.results import Results
from framecast.cli.screen import Screen
from framecast.cli.together import n_processes, refuse_what_cannot_be_shared
from framecast.errors import FrameCastError, SettingError
from framecast.export.arrays import SUFFIXES, check_target, said_of_mask, write_frames
from framecast.runs.store import Run


def run(asked: argparse.Namespace, screen: Screen) -> int:
    for target, suffixes in ((asked.json, (".json",)), (asked.out, SUFFIXES)):
        if target is not None:
            check_target(target, suffixes)
            _refuse_source(target, asked.series)
    with planner(asked, screen) as found:
        records = found.plans(seed=asked.seed, title=asked.title, n_processes=n_processes())
        refuse_what_cannot_be_shared(records)
        for record in records:
            say_costs(record, found.series, screen)
    files = _Files(asked, found, screen)
    runs, failed = carry_out_all(records, found.series, found.others, asked.workspace, screen, files.written_if_possible)
    if not runs:
        return 1
    results = files.results(runs)
    try:
        files.write(runs)
    finally:  # a terminal that takes no words keeps no file from being written, nor a full disk the table from being seen
        print(results.text())
    return 1 if failed else 0


def _refuse_source(target: Path, source: str) -> None:
    """A forecast under the name of the frames that it was made of would take their place."""
    if target.exists() and Path(source).exists() and target.samefile(source):
        raise SettingError(f"'{target}' holds the series itself, which would be lost. Choose another name for the result.")


class _Files:
    """Those of --json and --out, each written once: as soon as the scores are there, and after all that follows where that
    was not possible."""

    def __init__(self, asked: argparse.Namespace, found: Planner, screen: Screen) -> None:
        self.asked, self.found, self.screen = asked, found, screen
        self._of: list[str] = []
        """The runs whose results are written."""

    def results(self, runs: list[Run]) -> Results:
        return Results(self.found.series, self.found.stored.digest, self.found.split, runs)

    def written_if_possible(self, runs: list[Run]) -> None:
        with contextlib.suppress(FrameCastError):  # which is said at the end, and keeps no run from being looked back on
            self.write(runs)

    def write(self, runs: list[Run]) -> None:
        if self._of == [run.id for run in runs]:
            return
        results = self.results(runs)
        if self.asked.json is not None:
            results.write(self.asked.json)
            self.screen.say(f"The scores are in {self.asked.json}.")
        if self.asked.out is not None:
            best, valid = results.best_run(), self.found.series.valid
            forecast = best.forecast()
            write_frames(self.asked.out, forecast, valid)
            self.screen.say(f"The forecast of {best.record.forecaster} is in {self.asked.out}.")
            if said := said_of_mask(self.asked.out, forecast, valid):
                self.screen.say(said)
        self._of = [run.id for run in runs]
