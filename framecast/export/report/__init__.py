"""A finished run as one HTML file that works offline: what was forecast, how good it was, why, and how to get it again.

The file holds its pictures, its player and its style; it loads nothing from anywhere and sends nothing. Every word that a
person chose (names of series and runs) is escaped.
"""

import base64
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from framecast.drawing.colours import error_lut, gradient
from framecast.drawing.pictures import Picture, enlarged, picture
from framecast.evaluation.diagnosis import in_lines
from framecast.evaluation.error_maps import ticks
from framecast.evaluation.leaderboard import rows
from framecast.evaluation.verdict import REFERENCE, verdict
from framecast.export.evidence import PANELS, Evidence
from framecast.export.pictures import webp
from framecast.export.report.curves import PLOT, curves_svg
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.diagnosing import diagnosis
from framecast.runs.differences import settings_in_words
from framecast.runs.repeat import Repeat, repeat

__all__ = ["report"]

LONGEST_SIDE = 480
"""Of a frame in the report, in pixels; a smaller frame is kept exactly and enlarged by the browser."""
SHOWN_SCORES = ("ssim", "psnr", "mse", "mae")
N_PAST = 12
"""So many of the last observed frames play before the forecast."""

_HERE = Path(__file__).parent


def report(evidence: Evidence) -> bytes:
    """The file. The diagnosis is made and kept where the run has none yet, which takes some seconds."""
    again = repeat(evidence.run)
    record = evidence.record
    page = Template((_HERE / "report.html").read_text(encoding="utf-8"))
    content = page.substitute(
        title=html.escape(record.title),
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        code=(_HERE / "report.js").read_text(encoding="utf-8"),
        what=html.escape(_what(evidence)),
        sentence=html.escape(verdict(evidence.scores, record.forecaster, evidence.title)),
        finding=_paragraph(str(evidence.summary.get("finding", ""))),
        findings=_list(in_lines(diagnosis(evidence.run, evidence.series))),
        key=html.escape(f"{evidence.key[0].upper()}{evidence.key[1:]}."),
        clip=_in_script(_clip(evidence)),
        curves="".join(_curves(evidence)),
        table=_scores_table(evidence),
        settings=_pairs({**_circumstances(evidence), **settings_in_words(record)}),
        repeat=_repeat(again),
    )
    return content.encode()


def _what(evidence: Evidence) -> str:
    record, (_, height, width, channels) = evidence.record, evidence.truth.shape
    test = record.split.test
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    if evidence.n_leads == 1:
        frames, held = "1 frame", f"frame {test.stop}"
    else:
        frames, held = f"{evidence.n_leads} frames", f"frames {test.start + 1} to {test.stop}"
    return (
        f"{evidence.title} on {record.series_name}: {frames} of {width} × {height} pixels ({kind}), forecast from frame "
        f"{test.start}, the last one it saw, and held against {held}."
    )


def _clip(evidence: Evidence) -> dict[str, object]:
    """Everything the player shows: the pictures of each panel, encoded, the captions and the legend of the error."""
    n_past = min(N_PAST, len(evidence.past))
    small = max(evidence.truth.shape[1:3]) <= LONGEST_SIDE
    before = [picture(frame, evidence.shown, evidence.valid) for frame in evidence.past[-n_past:]]
    last = before[-1]

    def sent(pictures: Iterator[Picture]) -> list[str]:
        encoded = (webp(one, lossless=small, longest_side=LONGEST_SIDE) for one in pictures)
        return ["data:image/webp;base64," + base64.b64encode(one).decode() for one in encoded]

    panels = [{"title": evidence.panel_title(name), "pictures": sent(evidence.pictures(name))} for name in PANELS]
    if evidence.record.forecaster != REFERENCE:
        repeated = {"title": FORECASTERS[REFERENCE].title, "pictures": sent(iter([last])) * evidence.n_leads}
        panels.append(repeated)
    units = "" if evidence.units in ("", "1") else f" {evidence.units}"
    marks = ticks(evidence.limit)
    first = evidence.record.split.test.start + 1
    return {
        "before": sent(iter(before)),
        "panels": panels,
        "captions": [
            *(f"observed, frame {first - n_past + index}" for index in range(n_past)),
            *(f"lead {index + 1}, frame {first + index}" for index in range(evidence.n_leads)),
        ],
        "legend": {
            "gradient": gradient(error_lut()),
            "marks": [[(mark / evidence.limit + 1) / 2, f"{mark:+.4g}" if mark else "0"] for mark in marks],
            "units": units,
        },
        "plot": PLOT,
        "pixelated": max(enlarged(last, LONGEST_SIDE).shape[:2]) > max(last.shape[:2]),
    }


def _curves(evidence: Evidence) -> Iterator[str]:
    """A chart for each score: the run, persistence, and the simple rule that is best in SSIM."""
    own, rule = evidence.record.forecaster, evidence.best_rule
    for metric in SHOWN_SCORES:
        found = {c.forecaster: (_title(c.forecaster), c.values) for c in evidence.scores if c.metric == metric}
        if own not in found:
            continue
        reference = found.get(REFERENCE) if own != REFERENCE else None
        drawn = curves_svg(metric, found[own], reference, found.get(rule) if rule else None)
        named = [found[own], *([reference] if reference else [])]
        ends = [f"{title} {_number(values[0])}, {_number(values[-1])}" for title, values in named]
        words = f"{metric.upper()} at leads 1 to {evidence.n_leads}, first and last value: {'; '.join(ends)}"
        yield f'<figure class="chart" role="img" aria-label="{html.escape(words, quote=True)}">{drawn}<i></i></figure>'


def _scores_table(evidence: Evidence) -> str:
    board = rows(evidence.scores)
    metrics = [metric for metric in SHOWN_SCORES if board and metric in board[0].means]
    head = ["Forecaster", *(metric.upper() for metric in metrics), "Skill", "Skill horizon"]
    body = []
    for row in board:
        cells = [_title(row.forecaster), *(_number(row.means[m]) for m in metrics), f"{row.skill:.3f}", str(row.skill_horizon)]
        mine = ' class="mine"' if row.forecaster == evidence.record.forecaster else ""
        body.append(f"<tr{mine}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _circumstances(evidence: Evidence) -> dict[str, str]:
    record = evidence.record
    seconds = dict(evidence.summary.get("fit_seconds", {})).get(record.forecaster)  # type: ignore[call-overload]
    facts = {
        "Series": f"{record.series_name} ({record.series})",
        "Begun": record.created,
        "Working size": f"{record.preparation.size} px" if record.preparation.size else "native",
        "Time to fit": "" if seconds is None else f"{seconds:.0f} s",
        "Device": record.device,
        "Seed": str(record.seed),
        "Preset": record.preset,
        "Versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        "Commit": record.commit,
        "Run": record.id,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _repeat(again: Repeat) -> str:
    blocks = [("On a command line", again.command), ("In Python", again.script)]
    shown = "".join(f"<h3>{title}</h3><pre>{html.escape(text)}</pre>" for title, text in blocks if text)
    return shown + "".join(_paragraph(note) for note in again.notes)


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _title(name: str) -> str:
    return FORECASTERS[name].title if name in FORECASTERS else name


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>" if text else ""


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in sentences) + "</ul>" if sentences else ""


def _pairs(facts: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items()) + "</dl>"


def _in_script(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
