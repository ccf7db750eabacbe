"""`export`: a finished run and the truth beside it as a file that another program opens."""

import argparse

from framecast.cli.screen import Screen
from framecast.errors import SettingError
from framecast.export import KINDS, Asked, Evidence, by_suffix
from framecast.export.arrays import check_target
from framecast.files import bytes_in_words, writing
from framecast.runs.store import RunStore
from framecast.series.store import SeriesStore


def export(asked: argparse.Namespace, screen: Screen) -> int:
    kind = KINDS[asked.kind] if asked.kind else by_suffix(asked.out.suffix)
    check_target(asked.out, (kind.suffix,))
    evidence = Evidence.of(RunStore(asked.workspace).open(asked.run), SeriesStore(asked.workspace))
    content = kind.make(evidence, Asked(leads=_leads(asked.leads), frames_per_second=asked.rate))
    with writing(asked.out) as handle:
        handle.write(content)
    screen.say(f"{kind.title} of run '{asked.run}' written to {asked.out} ({bytes_in_words(len(content))}).")
    return 0


def _leads(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(lead) for lead in text.split(",")]
    except ValueError:
        raise SettingError(f"'{text}' is no list of leads; write whole numbers with commas, such as 1,10,50.") from None
