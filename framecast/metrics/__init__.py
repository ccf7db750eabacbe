"""Forecast and truth to one number per lead, one family of metrics a file. Forecast first, truth second, the rest by keyword.

A metric never guesses its data range, never averages over leads and never skips a frame. To add one, add a file here that
registers a `MetricKind` in METRICS. No torch is imported to score a forecast.
"""

from framecast.metrics.contract import METRICS, Metric, MetricKind

__all__ = ["METRICS", "Metric", "MetricKind"]
