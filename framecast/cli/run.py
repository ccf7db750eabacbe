"""`run`: ingest, hold back the test, fit, forecast, score, and show one table."""

import argparse

from framecast.cli.carrying import carry_out_all
from framecast.cli.costs import say_costs
from framecast.cli.planning import planner
from framecast.cli.results import Results
from framecast.cli.screen import Screen
from framecast.cli.together import n_processes, refuse_what_cannot_be_shared
from framecast.export.arrays import SUFFIXES, check_target, write_frames


def run(asked: argparse.Namespace, screen: Screen) -> int:
    for target, suffixes in ((asked.json, (".json",)), (asked.out, SUFFIXES)):
        if target is not None:
            check_target(target, suffixes)
    with planner(asked, screen) as found:
        records = found.plans(seed=asked.seed, title=asked.title, n_processes=n_processes())
        refuse_what_cannot_be_shared(records)
        for record in records:
            say_costs(record, found.series, screen)
    runs, failed = carry_out_all(records, found.series, found.others, asked.workspace, screen)
    if not runs:
        return 1
    results = Results(found.series, found.stored.digest, found.split, runs)
    best = results.best_run()
    try:
        if asked.json is not None:
            results.write(asked.json)
        if asked.out is not None:
            filled = write_frames(asked.out, best.forecast(), found.series.valid)
    finally:  # a terminal that takes no words keeps no file from being written, nor a full disk the table from being seen
        print(results.text())
    if asked.out is not None:
        screen.say(f"The forecast of {best.record.forecaster} is in {asked.out}. {filled}".rstrip())
    return 1 if failed else 0
