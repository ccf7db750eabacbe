"""`export`: a finished run and the truth beside it as a file that another program opens."""

import argparse

from framecast.cli.screen import Screen
from framecast.errors import SettingError
from framecast.export import KINDS, Asked, Evidence, ExportKind, by_suffix
from framecast.export.arrays import check_target
from framecast.files import bytes_in_words, writing
from framecast.runs.store import RunStore
from framecast.series.store import SeriesStore


def export(asked: argparse.Namespace, screen: Screen) -> int:
    kind = KINDS[asked.kind] if asked.kind else by_suffix(asked.out.suffix)
    check_target(asked.out, (kind.suffix,))
    _refuse_what_changes_nothing(asked, kind)
    evidence = Evidence.of(RunStore(asked.workspace).open(asked.run), SeriesStore(asked.workspace))
    content = kind.make(evidence, Asked(leads=_leads(asked.leads), frames_per_second=asked.rate))
    with writing(asked.out) as handle:
        handle.write(content)
    screen.say(f"{kind.title} of run '{asked.run}' written to {asked.out} ({bytes_in_words(len(content))}).")
    return 0


def _refuse_what_changes_nothing(asked: argparse.Namespace, kind: ExportKind) -> None:
    for option, given, what in (("leads", asked.leads, "leads"), ("rate", asked.rate, "frames_per_second")):
        if given is not None and what not in kind.takes:
            fit = ", ".join(dict.fromkeys(one.suffix for one in KINDS.values() if what in one.takes))
            raise SettingError(
                f"--{option} changes nothing of '{asked.out}' ({kind.title}); it is for files ending in {fit}. Leave it out."
            )


def _leads(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(lead) for lead in text.split(",")]
    except ValueError:
        raise SettingError(f"'{text}' is no list of leads; write whole numbers with commas, such as 1,10,50.") from None
