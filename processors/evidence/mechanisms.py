"""Mechanisms: how a thing fails, told from the words of errors and the metrics that moved; and what kind of change does that."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors.evidence.diffs import Trait

_NAMES: tuple[tuple[str, str], ...] = (
    ("null_value", r"nil pointer|null ?pointer|NoneType|null reference|undefined is not|cannot read propert|of undefined|nil map|invalid memory address|unwrap\(\)"),
    ("slow_query", r"slow query|db[_ .]?(?:query|rows|cpu|statement)|statement timeout|full (?:table )?scan|rows_?examined|seq ?scan|query_count"),
    ("pool", r"pool|too many (?:connections|clients)|connection slots|acquir\w+ connection|max_?connections|no available connection"),
    ("memory", r"out ?of ?memory|OOM|heap|memory (?!address)|memory_|_memory|exit code 137|GC overhead|allocation failed"),
    ("processor", r"cpu|load average|spin|busy loop|throttl(?:ed|ing) (?:cpu|container)"),
    ("storage", r"no space left|disk|ENOSPC|storage|inode|volume"),
    ("schema", r"(?:relation|table|column|view|index|collection) ?[\"'`\w.]* ?(?:does not exist|doesn't exist|not found|missing|unknown)|no such (?:table|column)|unknown column|undefined ?(?:table|column)|migration"),
    ("startup", r"CrashLoop|failed to start|startup|cannot import|ModuleNotFound|ImportError|NoClassDefFound|duplicate registration|incompatible|version conflict|undefined symbol|linkage|init(?:ializ\w+)? fail"),
    ("setting", r"missing (?:env|config|setting|required)|not set\b|environment variable|KeyError|unknown (?:option|flag|key|field)|invalid (?:config|setting|value for)|misconfig"),
    ("credentials", r"unauthori[sz]ed|forbidden|access ?denied|permission|authenticat|\b401\b|\b403\b|invalid (?:token|credential|signature|api key)|expired token|jwt|handshake|x509|certificate|tls"),
    ("rate_limit", r"rate.?limit|too many requests|\b429\b|quota|throttl|SlowDown|ResourceExhausted"),
    ("timeout", r"time(?:d)? ?out|deadline ?exceeded|context canceled"),
    ("latency", r"slow|latency|duration|p99|p95"),
    ("parse", r"pars(?:e|ing)|unmarshal|deserial|decod|malformed|invalid (?:json|character|syntax|utf|date|number|format)|schema mismatch|unexpected (?:token|field|type|end)|type mismatch|cannot (?:convert|cast)|constraint"),
    ("lock", r"deadlock|lock wait|lock timeout|could not obtain lock|waiting for lock|contention|serialization failure"),
    ("retry_storm", r"retry storm|retries|thundering|request amplification|circuit.?breaker"),
    ("cache", r"cache|hit.?ratio|stampede|eviction|redis|memcache"),
    ("queue", r"lag\b|backlog|queue|consumer|offset|partition|rebalanc"),
    ("duplicate", r"duplicate|already exists|unique constraint|idempoten"),
    ("clock", r"clock|skew|timezone|time zone|not yet valid|daylight|utc"),
    ("name_lookup", r"no such host|name resolution|NXDOMAIN|SERVFAIL|ENOTFOUND|getaddrinfo|dns"),
    ("refused", r"connection refused|ECONNREFUSED|connection reset|no healthy upstream|unreachable|broken pipe|EOF"),
    ("descriptor", r"too many open files|EMFILE|file descriptor|socket leak|goroutine"),
    ("logic", r"panic|assert|index out of|IndexError|TypeError|ValueError|AttributeError|division by zero|stack overflow|unhandled|exception"),
    ("bad_request", r"\b400\b|bad request|validation|\b404\b|\b422\b"),
)  # fmt: skip
_MECHANISMS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _NAMES)

AFFINITY: Mapping[str, Mapping[Trait, float]] = {
    "null_value": {"removes_guard": 1.0, "changes_format": 0.3},
    "slow_query": {"removes_bound": 1.0, "work_in_loop": 1.0, "removes_cache": 0.8, "touches_schema": 0.6, "adds_lock": 0.5},
    "pool": {"lowers_limit": 1.0, "removes_release": 1.0, "work_in_loop": 0.6, "raises_load": 0.6, "adds_lock": 0.4},
    "memory": {"grows_state": 0.8, "removes_bound": 0.8, "removes_release": 0.8, "lowers_limit": 0.7, "raises_load": 0.5},
    "processor": {"work_in_loop": 0.8, "removes_cache": 0.8, "removes_bound": 0.7, "lowers_limit": 0.5, "raises_load": 0.6},
    "storage": {"removes_release": 0.6, "removes_bound": 0.6, "raises_load": 0.4, "grows_state": 0.4},
    "schema": {"touches_schema": 1.0},
    "startup": {"bumps_dependency": 1.0, "reads_setting": 0.9, "changes_configuration": 0.7},
    "setting": {"reads_setting": 1.0, "changes_configuration": 0.8},
    "credentials": {"touches_credentials": 0.8, "changes_configuration": 0.4, "reads_setting": 0.4},
    "rate_limit": {"raises_load": 0.9, "removes_cache": 0.8, "work_in_loop": 0.8, "removes_bound": 0.5, "removes_retry": 0.3},
    "timeout": {"lowers_limit": 0.7, "work_in_loop": 0.6, "removes_bound": 0.5, "adds_lock": 0.5, "removes_cache": 0.5},
    "latency": {"work_in_loop": 0.8, "removes_bound": 0.7, "removes_cache": 0.7, "adds_lock": 0.6, "lowers_limit": 0.4},
    "parse": {"changes_format": 0.8, "removes_guard": 0.5, "bumps_dependency": 0.4},
    "lock": {"adds_lock": 1.0, "touches_schema": 0.6, "changes_concurrency": 0.5},
    "retry_storm": {"raises_load": 1.0, "removes_retry": 0.6},
    "cache": {"removes_cache": 1.0, "raises_load": 0.5, "changes_configuration": 0.3},
    "queue": {"raises_load": 0.5, "lowers_limit": 0.6, "changes_format": 0.4, "changes_concurrency": 0.4},
    "duplicate": {"removes_guard": 0.6, "removes_retry": 0.3, "changes_concurrency": 0.6, "touches_schema": 0.4},
    "clock": {"changes_time": 1.0},
    "name_lookup": {"changes_configuration": 0.7},
    "refused": {"changes_configuration": 0.5, "bumps_dependency": 0.2},
    "descriptor": {"removes_release": 1.0, "grows_state": 0.5, "changes_concurrency": 0.5},
    "logic": {"removes_guard": 0.7, "changes_concurrency": 0.4, "changes_format": 0.3},
    "bad_request": {"removes_guard": 0.4, "changes_format": 0.6, "changes_configuration": 0.3},
}  # fmt: skip
"""How well a trait of a change explains a mechanism, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way of failing; `weight` from 0 to 1, the strongest text that tells of it."""

    name: str
    weight: float


def mechanisms_of(texts: Iterable[tuple[str, float]]) -> tuple[Mechanism, ...]:
    """All that the texts tell of, the heaviest first."""
    found: dict[str, float] = {}
    for text, weight in texts:
        for name, pattern in _MECHANISMS:
            if weight > found.get(name, 0.0) and pattern.search(text[:4000]):
                found[name] = weight
    return tuple(
        sorted((Mechanism(name, weight) for name, weight in found.items()), key=lambda each: (-each.weight, each.name))
    )


def affinity(mechanisms: Iterable[Mechanism], traits: Iterable[Trait]) -> tuple[float, str, Trait | None]:
    """How well the traits explain the mechanisms: the best pair, with the mechanism and the trait."""
    best: tuple[float, str, Trait | None] = (0.0, "", None)
    traits = tuple(sorted(traits))
    for mechanism in mechanisms:
        for trait in traits:
            fits = mechanism.weight * AFFINITY[mechanism.name].get(trait, 0.0)
            if fits > best[0]:
                best = (fits, mechanism.name, trait)
    return best
