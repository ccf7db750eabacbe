"""All checks, and their findings in the order a person should read them."""

from framecast.series.health import frame_checks, motion_checks, value_checks
from framecast.series.health.finding import ORDER, Finding, Subject

CHECKS = (
    motion_checks.check_still,
    frame_checks.check_blank,
    frame_checks.check_odd,
    frame_checks.check_numbering,
    frame_checks.check_cuts,
    frame_checks.check_duplicates,
    motion_checks.check_flicker,
    value_checks.check_fill,
    value_checks.check_noise,
    value_checks.check_saturation,
    value_checks.check_range,
    value_checks.check_grey,
    motion_checks.check_period,
    motion_checks.check_drift,
    motion_checks.check_trend,
    value_checks.check_mask,
    frame_checks.check_count,
)


def findings(subject: Subject) -> tuple[Finding, ...]:
    """What the checks found, problems first."""
    found = [finding for check in CHECKS if (finding := check(subject)) is not None]
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.severity)))
