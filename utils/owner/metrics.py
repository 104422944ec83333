"""The figures for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from utils.owner.history import memory_used
from utils.owner.sight import Sight
from utils.owner.watch import THINGS, Watch

_PREFIX = "archive_bot_"


class _Figures:
    """One answer's worth of figures."""

    def __init__(self, sight: Sight, watch: Watch) -> None:
        self._sight, self._watch = sight, watch

    def collect(self) -> Iterator[Metric]:
        """What the deployment guide names first, then the rest."""
        sight, watch = self._sight, self._watch
        counts = watch.counts
        for name, meaning, value in (
            ("conversions_deferred", "Videos whose conversion was deferred", counts["deferred"]),
            ("conversions_completed", "Conversions that succeeded", counts["completed"]),
            ("conversions_failed", "Attempts at a conversion that failed", counts["failed"]),
            ("conversion_seconds", "Seconds that completed conversions took", watch.seconds),
            ("recoveries", "Conversions that a restart went on with", counts["recovering"]),
            ("recoveries_completed", "Those of them that succeeded", counts["recovered"]),
            ("log_warnings", "Warnings in the log", counts["warnings"]),
            ("log_errors", "Errors in the log", counts["errors"]),
            ("sent_bytes", "Bytes of files sent to Telegram", sight.sent),
            ("received_bytes", "Bytes of files fetched from Telegram", sight.received),
        ):
            yield CounterMetricFamily(_PREFIX + name, meaning, value)
        yield _alerts(watch)
        for name, meaning, known in (
            ("conversion_success_ratio", "Share of attempts at conversions that succeeded", watch.success),
            ("conversion_average_seconds", "Average time of a completed conversion", watch.average),
            ("recovery_success_ratio", "Share of recovered conversions that succeeded", watch.recovery),
            ("disk_free_bytes", "Free disk", sight.disk.free),
            ("disk_used_bytes", "Used disk", sight.disk.total - sight.disk.free),
            ("disk_reserve_bytes", "Free disk that is never used", sight.disk.reserve),
            ("quarantine_bytes", "Bytes in quarantine", sight.kept),
            ("jobs", "Archives under way", len(sight.jobs)),
            ("conversions_waiting", "Conversions that wait", sum(not one.runs for one in sight.conversions)),
            ("conversions_running", "Conversions that run", sum(one.runs for one in sight.conversions)),
            ("machines", "Other machines that convert", len(sight.machines)),
            (
                "machines_refused",
                "Those that get nothing to do",
                sum(bool(m.refused) for m in sight.machines),
            ),
            ("machine_segments", "Segments under way there", sum(one.working for one in sight.machines)),
            ("memory_bytes", "Memory that the bot takes, without its children", memory_used() or None),
            ("paused", "Whether conversions are paused", sight.paused),
            ("connected", "Whether Telegram can be reached", not sight.trouble),
            ("last_progress_timestamp_seconds", "When something last went on", watch.last_progress),
        ):
            if known is not None:
                yield GaugeMetricFamily(_PREFIX + name, meaning, float(known))


def _alerts(watch: Watch) -> Metric:
    counted = CounterMetricFamily(_PREFIX + "alerts", "What was wrong, by what it was", labels=["thing"])
    for thing in THINGS:
        counted.add_metric([thing], watch.alerted[thing])
    return counted


def exposition(sight: Sight, watch: Watch) -> bytes:
    """All figures as text."""
    registry = CollectorRegistry()
    registry.register(_Figures(sight, watch))
    return bytes(generate_latest(registry))
