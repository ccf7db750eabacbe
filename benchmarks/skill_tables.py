"""The tables of benchmarks.skill: what its file of JSON lines holds, as Markdown."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from framecast import FORECASTERS


def main_table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Auto against the best rule with hindsight, each the mean over origins; the rule is chosen for each origin anew."""
    by_part = _by_part(rows)
    yield "| series | origins | best rule with hindsight | its SSIM | auto | gain | its MSE | auto | ratio | auto's fit s |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    gains, ratios = [], []
    for series in dict.fromkeys(series for series, _ in by_part):
        found = [
            (max(_rules(part), key=lambda row: row["ssim"]), part["auto"])
            for (name, _), part in by_part.items()
            if name == series and "auto" in part
        ]
        if not found:
            continue
        keys = ("ssim", "mse", "fit_s")
        rule, auto = ({key: float(np.mean([pair[i][key] for pair in found])) for key in keys} for i in (0, 1))
        names = "/".join(dict.fromkeys(pair[0]["forecaster"] for pair in found))
        gains.append(auto["ssim"] - rule["ssim"])
        ratios.append(auto["mse"] / rule["mse"] if rule["mse"] else 1.0)
        yield (
            f"| {series} | {len(found)} | {names} | {rule['ssim']:.3f} | {auto['ssim']:.3f} | {gains[-1]:+.3f} | "
            f"{rule['mse']:.4g} | {auto['mse']:.4g} | {ratios[-1]:.2f} | {auto['fit_s']:.0f} |"
        )
    if gains:
        yield (
            f"| **all** | | | | | **mean {np.mean(gains):+.3f}, worst {min(gains):+.3f}** | | | "
            f"**not above 1 on {sum(ratio <= 1.0 for ratio in ratios)} of {len(ratios)}** | |"
        )


def each_table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Every forecaster alone: mean SSIM over leads and origins, and its spread over origins (largest minus smallest)."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        scores[row["forecaster"]][row["series"]].append(row["ssim"])
    names = list(dict.fromkeys(series for per_series in scores.values() for series in per_series))
    yield "| forecaster | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for forecaster, per_series in sorted(scores.items(), key=lambda item: (item[0] != "auto", item[0])):
        cells = []
        for series in names:
            values = per_series.get(series)
            spread = f" ({max(values) - min(values):.3f})" if values and len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread}" if values else "")
        title = FORECASTERS[forecaster].title if forecaster in FORECASTERS else forecaster
        yield f"| {title} | " + " | ".join(cells) + " |"


def _by_part(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, int], dict[str, dict[str, Any]]]:
    found: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        found[row["series"], row["n_frames"]][row["forecaster"]] = row
    return found


def _rules(part: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for name, row in part.items() if name in FORECASTERS and FORECASTERS[name].family == "rule"]
