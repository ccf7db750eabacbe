"""`series health`: the report that the Series page draws, as text."""

import textwrap

from framecast.cli.screen import Screen, number, table
from framecast.evaluation.health import HealthReport, health_report
from framecast.series.store import SeriesStore

_WIDTH = 120
_MARKS = {"problem": "PROBLEM", "look": "look", "fine": "fine"}


def health_text(store: SeriesStore, name: str, screen: Screen) -> str:
    """The report on the series of this name or digest. Progress goes to the screen."""
    stored = store.info(name)
    try:
        report = health_report(store, stored.digest, lambda share, words: screen.looked(share, words))
    finally:
        screen.clear()
    lines = [_wrapped(report.predictability.sentence()), "", _curves(report), ""]
    for finding in report.findings:
        said = f"{finding.sentence} {finding.advice}".strip()
        lines.append(_wrapped(f"{_MARKS[finding.severity]:<8} {said}", indent=9))
    if report.names:
        lines += ["", f"first frame  {report.names[0]!r}", f"last frame   {report.names[1]!r}"]
    return "\n".join([*lines, "", _wrapped(report.sampled)])


def _curves(report: HealthReport) -> str:
    found = report.predictability
    curves = {"last frame": found.persistence, "average": found.climatology, "past cycles": found.seasonal}
    shown = {name: curve for name, curve in curves.items() if curve}
    leads = sorted({lead for lead in (1, 2, 5, 10, 20, 50) if lead <= found.horizon} | {found.horizon})
    rows = [(name, *(number(curve[lead - 1]) for lead in leads)) for name, curve in shown.items()]
    return table(("SSIM", *(f"lead {lead}" for lead in leads)), rows)


def _wrapped(text: str, indent: int = 0) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
