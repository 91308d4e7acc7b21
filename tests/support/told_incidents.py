"""Incidents told by made-up tools: services, deploys, commits with diffs, metrics, logs and spans around one beginning.

Made for these tests; no recorded case was copied. Each is a kind of failure with changes that are innocent beside the one that is not.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from schemas import to_rfc3339
from schemas.time import SECOND

BEGIN = 1_780_000_000 * SECOND
"""When the trouble begins."""
MINUTE = 60 * SECOND


def at(minutes: float) -> str:
    """So many minutes after the beginning."""
    return to_rfc3339(BEGIN + round(minutes * MINUTE))


def sha(name: str) -> str:
    """A commit's hash, by its name here."""
    return sha1(name.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Told:
    """What the tools of one incident return; `culprit` is the name of the commit to blame, or None."""

    service: str
    alert: str
    metric: str
    culprit: str | None
    category: str
    commits: list[dict[str, Any]] = field(default_factory=list)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)

    def commit(self, name: str, minutes: float, title: str, files: Sequence[str], diff: str | None = None) -> "Told":
        row = {
            "sha": sha(name),
            "author": "someone",
            "timestamp": at(minutes),
            "message": title,
            "files_changed": list(files),
            "diff": diff,
        }
        self.commits.append(row)
        return self

    def deploy(self, name: str, minutes: float, service: str | None = None) -> "Told":
        version = f"v{len(self.deploys) + 7}"
        self.deploys.append(
            {"timestamp": at(minutes), "service": service or self.service, "commit_sha": sha(name), "version": version}
        )
        return self

    def flag(self, name: str, minutes: float, service: str | None = None) -> "Told":
        self.flags.append(
            {
                "timestamp": at(minutes),
                "flag": name,
                "service": service or self.service,
                "change": "off->on",
                "actor": "someone",
            }
        )
        return self

    def errors(
        self,
        message: str,
        service: str | None = None,
        *,
        first: float = 0.1,
        count: int = 12,
        level: str = "ERROR",
        **more: str,
    ) -> "Told":
        for number in range(count):
            row = {
                "timestamp": at(first + number * 0.5),
                "service": service or self.service,
                "severity_text": level,
                "msg": message,
            }
            self.logs.append({**row, "trace_id": sha(f"{message}{number}")[:16], **more})
        return self

    def usual(self, message: str, service: str | None = None) -> "Told":
        for number in range(40):
            row = {
                "timestamp": at(-80 + number * 2),
                "service": service or self.service,
                "severity_text": "INFO",
                "msg": message,
            }
            self.logs.append({**row, "trace_id": sha(f"{message}{number}")[:16]})
        return self

    def level(
        self,
        metric: str,
        before: float,
        after: float,
        service: str | None = None,
        *,
        noise: float = 0.04,
        shift: float = 0.0,
        ramp: float = 0.0,
    ) -> "Told":
        """One value a minute from 80 minutes before to 20 after; `ramp` minutes until the new level is reached."""
        chance = random.Random(f"{metric}{service}")
        for minute in range(-80, 21):
            grown = 0.0 if minute < shift else 1.0 if ramp == 0 else min(1.0, (minute - shift) / ramp)
            value = before + (after - before) * grown
            value += chance.gauss(0, noise * max(abs(value), 0.002))
            value = min(value, 100.0) if metric.endswith("_pct") else value
            self.samples.append(
                {
                    "timestamp": at(minute),
                    "service": service or self.service,
                    "metric": metric,
                    "value": round(value, 5),
                }
            )
        return self

    def call(
        self, path: Sequence[tuple[str, str]], *, minutes: float, ms: float, error: str = "", **attributes: Any
    ) -> "Told":
        """One trace along services and operations; the last one fails when there is an error."""
        trace = sha(f"{path}{minutes}")
        for depth, (service, name) in enumerate(path):
            last = depth == len(path) - 1
            row: dict[str, Any] = {
                "trace_id": trace, "span_id": f"{depth}", "parent_id": f"{depth - 1}" if depth else None, "service": service, "name": name,
                "start": at(minutes), "duration_ms": ms - depth, "status": "ERROR" if error else "OK",
            }  # fmt: skip
            self.spans.append(row | ({"error": error} if error and last else {}) | (attributes if last else {}))
        return self

    def innocent(self) -> "Told":
        """Changes that cannot be it, near in time, some of them deployed for the very service."""
        stem = self.service.replace("service", "")
        self.commit("docs", -30, "docs: explain the release process", ["docs/release.md"])
        self.commit(
            "css",
            -6,
            "feat(web): rounder buttons",
            ["web/src/theme.css"],
            "@@\n-.b { radius: 2px; }\n+.b { radius: 4px; }",
        )
        self.commit("tests", -20, "test: more cases for the parser", ["pkg/parse/parse_test.go"])
        self.commit(
            "log",
            -9,
            "chore: name the request in the access log",
            [f"services/{stem}/access.go"],
            '@@\n-\tlog.Info("done")\n+\tlog.Info("done", "id", id)',
        )
        self.deploy("log", -5)
        self.commit(
            "late", 6, "fix: retry once more", [f"services/{stem}/client.go"], "@@\n-\tretries = 1\n+\tretries = 2"
        ).deploy("late", 8)
        self.flag(f"{stem}_new_footer", -25)
        return self

    def answers(self) -> dict[str, Any]:
        """By tool what it returns."""
        return {
            "git.recent": self.commits, "changes.deploys": self.deploys, "changes.flags": self.flags, "logs.lines": {"lines": self.logs},
            "metrics.samples": self.samples, "traces.spans": self.spans,
        }  # fmt: skip


def told_incidents() -> dict[str, Told]:
    """All kinds, by name."""
    return {
        "a cache without end": _leak(), "a timeout cut short": _timeout(), "a retry storm": _retries(), "a setting nobody set": _setting(),
        "a lock on a hot table": _lock(), "a connection not closed": _unclosed(), "a field renamed": _renamed(), "a cache taken away": _uncached(),
        "a list read past its end": _index(), "more visitors": _visitors(), "a payment provider down": _provider(), "a token run out": _token(),
        "a machine lost": _machine(), "a nightly job": _job(),
    }  # fmt: skip


def _told(service: str, alert: str, metric: str, culprit: str | None, category: str) -> Told:
    return (
        Told(service, alert, metric, culprit, category)
        .usual("handled request")
        .usual("handled request", "gateway")
        .innocent()
    )


def _leak() -> Told:
    told = _told(
        "profileservice",
        "profileservice memory above 90% of its limit, pods restarted",
        "memory_usage_pct",
        "bad",
        "resource_exhaustion",
    )
    diff = "@@ services/profile/store.go\n+var seen = map[string]*Profile{}\n func Load(id string) *Profile {\n+\tseen[id] = fetch(id)\n+\treturn seen[id]\n-\treturn fetch(id)\n }"
    told.commit("bad", -14, "feat(profile): remember profiles", ["services/profile/store.go"], diff).deploy("bad", -12)
    told.deploys.remove(next(each for each in told.deploys if each["commit_sha"] == sha("log")))
    told.level("memory_usage_pct", 35, 96, shift=-11, ramp=12).level("pod_restarts_total", 0, 6, shift=2, noise=0)
    return told.errors(
        "container profile killed: out of memory (exit code 137), heap held by map in profile store Load", first=1
    )


def _timeout() -> Told:
    told = _told("quoteservice", "quoteservice error ratio above 5%", "error_ratio", "bad", "dependency_failure")
    diff = "@@ services/quote/rates.go\n-\tratesTimeout = 2 * time.Second\n+\tratesTimeout = 50 * time.Millisecond"
    told.commit("bad", -4, "chore(quote): tidy constants", ["services/quote/rates.go"], diff).deploy("bad", -1)
    told.level("error_ratio", 0.003, 0.4).level("error_ratio", 0.002, 0.1, "gateway")
    told.call(
        [("gateway", "GET /quote"), ("quoteservice", "Quote"), ("quoteservice", "rates.Fetch")],
        minutes=1,
        ms=60,
        error="context deadline exceeded after 50ms",
    )
    return told.errors("rates fetch failed: context deadline exceeded after ratesTimeout 50ms").errors(
        "upstream quoteservice returned 504", "gateway", first=0.5
    )


def _retries() -> Told:
    told = _told("basketservice", "stockservice p99 latency above 2 s", "latency_p99_ms", "bad", "resource_exhaustion")
    diff = "@@ services/basket/stock_client.go\n-\tMaxAttempts: 2,\n+\tMaxAttempts: 12,\n-\tBackoff: 200 * time.Millisecond,\n+\tBackoff: 1 * time.Millisecond,"
    told.commit("bad", -5, "feat(basket): be patient with stock", ["services/basket/stock_client.go"], diff).deploy(
        "bad", -2
    )
    told.level("stock_client_attempts_per_request", 1.1, 9.5).level(
        "latency_p99_ms", 180, 3200, "stockservice", shift=1
    )
    told.level("requests_per_sec", 400, 3900, "stockservice", shift=0)
    told.call(
        [("gateway", "POST /basket"), ("basketservice", "Reserve"), ("stockservice", "Take")],
        minutes=2,
        ms=3000,
        error="deadline exceeded",
    )
    return told.errors("stock call failed, retry attempt 11 of MaxAttempts 12: deadline exceeded")


def _setting() -> Told:
    told = _told("mailservice", "mailservice pods do not start", "ready_replicas", "bad", "configuration_error")
    diff = '@@ services/mail/main.go\n+\trelay := os.Getenv("MAIL_RELAY_URL")\n+\tif relay == "" {\n+\t\tpanic("MAIL_RELAY_URL is not set")\n+\t}'
    told.commit("bad", -5, "feat(mail): send through the relay", ["services/mail/main.go"], diff).deploy("bad", -1)
    told.level("ready_replicas", 3, 0, noise=0)
    return told.errors("panic: MAIL_RELAY_URL is not set")


def _lock() -> Told:
    told = _told(
        "ledgerservice",
        "ledgerservice write latency above 5 s",
        "db_write_latency_p99_ms",
        "bad",
        "resource_exhaustion",
    )
    diff = "@@ migrations/0042_entries.sql\n+ALTER TABLE ledger_entries ADD COLUMN note text NOT NULL DEFAULT '';\n+CREATE INDEX entries_note ON ledger_entries (note);"
    told.commit("bad", -6, "feat: notes on entries", ["migrations/0042_entries.sql"], diff).deploy("bad", -1)
    told.level("db_write_latency_p99_ms", 40, 9000)
    return told.errors("could not obtain lock on relation ledger_entries: lock timeout").errors(
        "slow query: INSERT INTO ledger_entries took 9000ms", level="WARN"
    )


def _unclosed() -> Told:
    told = _told(
        "exportservice", "exportservice: too many open files", "open_file_descriptors", "bad", "resource_exhaustion"
    )
    diff = "@@ services/export/writer.go func (w *Writer) Flush() error {\n \tf, err := os.Create(w.path)\n-\tdefer f.Close()\n \tw.file = f"
    told.commit("bad", -40, "refactor(export): keep the file", ["services/export/writer.go"], diff).deploy("bad", -37)
    told.deploys.remove(next(each for each in told.deploys if each["commit_sha"] == sha("log")))
    told.level("open_file_descriptors", 60, 1020, shift=-36, ramp=36).level("error_ratio", 0.001, 0.7)
    return told.errors("open /var/export/part-7.csv: too many open files (writer.go Flush)")


def _renamed() -> Told:
    told = _told(
        "billingservice", "billingservice: invoices cannot be read", "parse_failures_total", "bad", "data_quality"
    )
    diff = '@@ services/invoice/event.go\n-\tAmount int64 `json:"amount_cents"`\n+\tAmount int64 `json:"amount"`'
    told.commit("bad", -6, "refactor(invoice): shorter names", ["services/invoice/event.go"], diff).deploy(
        "bad", -2, "invoiceservice"
    )
    told.level("parse_failures_total", 0, 40, noise=0)
    told.usual("invoice event sent", "invoiceservice")
    told.call(
        [("invoiceservice", "emit"), ("billingservice", "Consume")],
        minutes=1,
        ms=12,
        error="missing field amount_cents",
    )
    return told.errors("cannot parse invoice event from invoiceservice: missing field amount_cents")


def _uncached() -> Told:
    told = _told("menuservice", "menuservice p99 latency above 1 s", "latency_p99_ms", "bad", "resource_exhaustion")
    diff = "@@ services/menu/menu.py\n-    @lru_cache(maxsize=512)\n     def menu_for(branch):\n-        return cache.get(branch) or load_menu(branch)\n+        return load_menu(branch)"
    told.commit("bad", -5, "refactor(menu): one way to read", ["services/menu/menu.py"], diff).deploy("bad", -1)
    told.level("latency_p99_ms", 60, 2100).level("cache_hit_ratio", 0.97, 0.01).level("db_cpu_pct", 20, 93)
    return told.errors("slow request: menu_for branch took 2100ms, load_menu", level="WARN")


def _index() -> Told:
    told = _told("routeservice", "routeservice 5xx ratio above 5%", "http_5xx_ratio", "bad", "code_defect")
    diff = "@@ services/route/plan.py\n-    if len(legs) < 2:\n-        return legs[:1]\n     return legs[0], legs[1]"
    told.commit("bad", -4, "perf(route): fewer branches", ["services/route/plan.py"], diff).deploy("bad", -1)
    told.level("http_5xx_ratio", 0.002, 0.3).level("error_ratio", 0.002, 0.2, "gateway", shift=1)
    stack = 'Traceback: File "services/route/plan.py", line 31, in plan: return legs[0], legs[1]'
    return told.errors("IndexError: list index out of range", stack=stack).errors(
        "upstream routeservice returned 500", "gateway", first=0.4
    )


def _visitors() -> Told:
    told = _told("ticketservice", "ticketservice CPU above 95%", "cpu_pct", None, "resource_exhaustion")
    told.level("requests_per_sec", 300, 2600, shift=-2).level("cpu_pct", 40, 98).level(
        "latency_p99_ms", 90, 1900, shift=1
    )
    return told.errors("request queue is full, shedding load", level="WARN")


def _provider() -> Told:
    told = _told("payoutservice", "payoutservice error ratio above 20%", "error_ratio", None, "dependency_failure")
    told.level("error_ratio", 0.002, 0.6).level("error_ratio", 0.002, 0.5, "donationservice")
    told.usual("handled request", "donationservice")
    for service in ("payoutservice", "donationservice"):
        told.call(
            [(service, "Pay"), (service, "POST /v1/charges")],
            minutes=1,
            ms=3000,
            error="503 from api.stripe.com",
            **{"peer.service": "api.stripe.com"},
        )
        told.errors("charge failed: 503 Service Unavailable from api.stripe.com", service)
    return told


def _token() -> Told:
    told = _told(
        "syncservice", "syncservice: calls to the directory fail", "upstream_error_ratio", None, "configuration_error"
    )
    told.level("upstream_error_ratio", 0.001, 0.99).level(
        "token_seconds_until_expiry", 4800, -1200, shift=-80, ramp=100, noise=0
    )
    return told.errors(f"directory answered 401: token has expired, notAfter={at(0)}")


def _machine() -> Told:
    told = _told("mapservice", "mapservice: replicas missing", "ready_replicas", None, "infrastructure")
    told.level("ready_replicas", 4, 2, noise=0)
    return told.errors("node ip-10-2-3-4 is not ready: NodeNotReady, pods evicted", "kubelet")


def _job() -> Told:
    told = _told("reportservice", "orderdb replica lag above 60 s", "replica_lag_seconds", None, "resource_exhaustion")
    told.level("replica_lag_seconds", 0.5, 240).level("db_cpu_pct", 30, 91, noise=0.02)
    told.errors("nightly export job started", level="INFO", count=1, first=-0.5)
    return told.errors("read replica is falling behind: replication lag 240 s", level="WARN")
