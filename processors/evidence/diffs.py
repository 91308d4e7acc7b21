"""Diffs: what a commit does to the program, read from the lines it takes away and adds; nothing is executed or parsed as code."""

import re
from dataclasses import dataclass
from typing import Literal

from processors.evidence.values import CommitRead

Trait = Literal[
    "inert", "rearranged", "removes_bound", "removes_guard", "removes_release", "work_in_loop", "lowers_limit", "raises_load",
    "bumps_dependency", "touches_schema", "reads_setting", "removes_cache", "adds_lock", "changes_configuration", "touches_credentials",
    "changes_format", "grows_state", "changes_concurrency", "changes_time", "removes_retry",
]  # fmt: skip
"""What a diff does, out of a closed set. `inert`: it cannot change what runs; `rearranged`: the same words in another order."""

_INERT_FILE = re.compile(
    r"(?:^|/)(?:docs?|documentation|tests?|__tests__|testdata|fixtures|examples?|\.github|\.circleci|\.gitlab)/"
    r"|(?:_test|\.test|\.spec|_spec)\.\w+$|(?:^|/)test_\w+\.py$|\.(?:md|rst|adoc|css|scss|svg|png|jpe?g|gif|ico)$"
    r"|(?:^|/)(?:CODEOWNERS|LICENSE|CHANGELOG|README|\.gitignore|\.editorconfig|\.golangci\.ya?ml|\.prettierrc|\.eslintrc)",
    re.IGNORECASE,
)
_INERT_TITLE = re.compile(r"^(?:\W*\w+\W+)?(?:docs?|test|tests|style|ci)\b(?:\([^)]*\))?\s*:", re.IGNORECASE)
_STAGING = re.compile(r"(?:^|/)(?:staging|dev|sandbox|local|preview|qa)(?:/|\.)", re.IGNORECASE)
_MANIFEST = re.compile(
    r"(?:^|/)(?:go\.(?:mod|sum)|package(?:-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|requirements[\w.-]*\.txt|poetry\.lock|Pipfile(?:\.lock)?"
    r"|pyproject\.toml|pom\.xml|build\.gradle(?:\.kts)?|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?|composer\.(?:json|lock)|Dockerfile)$"
)
_SETTINGS_FILE = re.compile(
    r"\.(?:ya?ml|toml|ini|conf|properties|env|tfvars|tf|hcl|json5?)$|(?:^|/)(?:config|conf|settings|charts?|helm|deploy|k8s)/",
    re.I,
)
_COMMENT = re.compile(r"^\s*(?://|#(?!\w+[=(])|--\s|\*|/\*|<!--|\"\"\"|;)")
_WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|==|!=|<=|>=|&&|\|\||[<>!?]")
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(ms|s|m|h|[KMG]i?[Bb]?|%)?(?:\s*\*\s*time\.(\w+))?(?![\w.])")
_UNIT = {
    "ms": 0.001, "s": 1, "m": 60, "h": 3600, "k": 1e3, "ki": 1024, "kb": 1e3, "kib": 1024, "m_": 1e6, "mi": 2**20, "mb": 1e6, "mib": 2**20,
    "g": 1e9, "gi": 2**30, "gb": 1e9, "gib": 2**30, "millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600,
}  # fmt: skip

_GUARD = re.compile(
    r"\bif\b.*(?:==|!=|is|===|!==)\s*(?:not\s+)?(?:nil|null|None|undefined|NULL)\b|\bif\s+(?:not|!)\s*\w|\?\.|\bis(?:Present|Empty|Null|None)\b"
    r"|\btry\b|\bexcept\b|\bcatch\b|\brecover\(\)|\bassert\b|\bvalidate\w*\(|\bif\s+len\(|\bOptional\b|\?\?|\bok\s*:?=|\bif err\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\bLIMIT\b|\bTOP\s+\d|\bFETCH FIRST\b|\bmax\w*\b|\blimit\w*\b|\bpage_?size\b|\btimeout\w*\b|\bdeadline\w*\b|\bWithTimeout\b"
    r"|\bbatch_?size\b|\bWHERE\b|\bpaginat\w*|\bcap(?:acity)?\b|\bttl\b|\bexpir\w*|\bmaxsize\b|\bthrottle\w*|\brate_?limit\w*|\bsemaphore\b",
    re.IGNORECASE,
)
_RELEASE = re.compile(
    r"\.?\b(?:close|release|unlock|free|dispose|cancel|rollback|shutdown|putconn|return_conn|unsubscribe|clear|evict|removeListener)\w*\(|\bdefer\b|\bwith\b.*\bas\b|\bfinally\b|\busing\b",
    re.IGNORECASE,
)
_LOOP = re.compile(r"\bfor\b|\bwhile\b|\.(?:forEach|map|each)\(|\bfor_each\b", re.IGNORECASE)
_WORK = re.compile(
    r"\b(?:query\w*|exec(?:ute)?\w*|select|fetch\w*|find\w*|load\w*|get[A-Z_]\w*|Get\w+|lookup\w*|call\w*|request\w*|send\w*|invoke\w*|http\w*|rpc\w*|read\w*)\s*\(",
)
_LIMIT_NAME = re.compile(
    r"max|limit|pool|size|timeout|deadline|replica|memory|cpu|quota|thread|worker|conn|capacity|buffer|heap|ceiling|budget|concurren",
    re.I,
)
_LOAD_NAME = re.compile(
    r"retr|attempt|batch|concurren|parallel|worker|rate|frequency|fan.?out|prefetch|poll|replica|page.?size|sampl|thread",
    re.I,
)
_INTERVAL_NAME = re.compile(r"interval|backoff|delay|sleep|ttl|period|cache", re.I)
_CACHE = re.compile(r"\bcache\w*|\bmemo\w*|\blru_?\w*|\bredis\b|\bmemcache\w*", re.I)
_LOCK = re.compile(
    r"\bmutex\b|\.Lock\(\)|\bsynchronized\b|\bFOR UPDATE\b|\bLOCK TABLE\b|\bacquire\(|\bRLock\b|\bALTER TABLE\b|\bCREATE (?:UNIQUE )?INDEX\b(?! CONCURRENTLY)",
    re.I,
)
_SCHEMA = re.compile(
    r"\b(?:ALTER|CREATE|DROP|RENAME)\s+(?:TABLE|COLUMN|INDEX|TYPE|VIEW|DATABASE|SCHEMA)\b|\b(?:FROM|JOIN|INTO|UPDATE)\s+[a-z_]\w+|\bmigrat\w*|\bop\.(?:add|drop|alter)_\w+",
    re.I,
)
_SETTING = re.compile(
    r"getenv|os\.environ|process\.env|ENV\[|System\.getenv|viper\.Get|config\.get|settings\.\w+|requireEnv|mustEnv|@Value\(|secretKeyRef|configMapKeyRef|valueFrom",
    re.I,
)
_CREDENTIAL = re.compile(
    r"password|secret|token|credential|api_?key|\bcert(?:ificate)?s?\b|\btls\b|\bssl\b|\biam\b|\brole\b|permission|policy|\bacl\b|\bscope",
    re.I,
)
_FORMAT = re.compile(
    r"json|proto|avro|schema|serializ|deserializ|marshal|encod|decod|parse|format|column|field|charset|utf|csv|strptime|strftime",
    re.I,
)
_STATE = re.compile(
    r"append\(|\.push\(|\.add\(|\.put\(|\[[^\]]+\]\s*=|setdefault|static\s+\w*(?:Map|List|Set|Dict)|global\s|addListener|subscribe\(",
    re.I,
)
_CONCURRENT = re.compile(
    r"\bgo\s+func\b|goroutine|\bThread\b|asyncio|gather\(|executor|parallel|async\b|Promise\.all|\bchan\b|atomic|volatile",
    re.I,
)
_TIME = re.compile(
    r"timezone|\btz\b|utc|localtime|strftime|datetime|LocalDate|time\.(?:Now|Parse)|cron|schedule|DST\b", re.I
)
_RETRY = re.compile(r"retry|retries|backoff|circuit.?breaker|fallback|failover", re.I)


ALIKE = 0.9
"""From this part of common words on, lines taken away and lines added say the same in another order."""
_TELLING: frozenset[Trait] = frozenset(
    {
        "removes_bound",
        "removes_guard",
        "removes_release",
        "removes_cache",
        "work_in_loop",
        "lowers_limit",
        "raises_load",
    }
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a commit does: its traits, the lines taken away and added (without comments), and numbers that changed as (name, old, new)."""

    traits: frozenset[Trait]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    numbers: tuple[tuple[str, float, float], ...]
    known: bool
    """Whether there was a diff to read."""


def effect_of(commit: CommitRead) -> Effect:
    """Read a commit."""
    removed, added = changed_lines(commit.diff)
    traits: set[Trait] = set()
    numbers = _numbers(removed, added)
    live = [file for file in commit.files if not _INERT_FILE.search(file)]
    if (commit.files and not live) or (not commit.diff and _INERT_TITLE.match(commit.title)):
        traits.add("inert")
    if live and all(_STAGING.search(file) for file in live):
        traits.add("inert")
    if commit.diff and not removed and not added:
        traits.add("inert")
    if live and all(_MANIFEST.search(file) for file in live):
        traits.add("bumps_dependency")
    if any(_SETTINGS_FILE.search(file) for file in live):
        traits.add("changes_configuration")
    traits |= _comparison(removed, added, numbers)
    if removed and added and not numbers and not traits & _TELLING and _alike(removed, added) > ALIKE:
        traits.add("rearranged")
    return Effect(frozenset(traits), tuple(removed), tuple(added), tuple(numbers), bool(commit.diff))


def changed_lines(diff: str) -> tuple[list[str], list[str]]:
    """Lines taken away and lines added, without comments and blank ones."""
    removed: list[str] = []
    added: list[str] = []
    for line in diff.split("\n"):
        if line.startswith(("---", "+++")):
            continue
        if line[:1] in ("-", "+") and line[1:].strip() and not _COMMENT.match(line[1:]):
            (removed if line[0] == "-" else added).append(line[1:])
    return removed, added


def _comparison(removed: list[str], added: list[str], numbers: list[tuple[str, float, float]]) -> set[Trait]:
    gone, came = "\n".join(removed), "\n".join(added)
    found: set[Trait] = set()
    if _fewer(_BOUND, gone, came):
        found.add("removes_bound")
    if _fewer(_GUARD, gone, came):
        found.add("removes_guard")
    if _fewer(_RELEASE, gone, came):
        found.add("removes_release")
    if _fewer(_CACHE, gone, came):
        found.add("removes_cache")
    if _fewer(_RETRY, gone, came):
        found.add("removes_retry")
    if _works_in_loop(added) and not _works_in_loop(removed):
        found.add("work_in_loop")
    pairs: tuple[tuple[Trait, re.Pattern[str]], ...] = (
        ("adds_lock", _LOCK), ("reads_setting", _SETTING), ("touches_schema", _SCHEMA), ("grows_state", _STATE), ("changes_concurrency", _CONCURRENT),
    )  # fmt: skip
    found |= {trait for trait, pattern in pairs if len(pattern.findall(came)) > len(pattern.findall(gone))}
    if _SCHEMA.search(gone) and not _SCHEMA.search(came):
        found.add("touches_schema")
    both: tuple[tuple[Trait, re.Pattern[str]], ...] = (
        ("touches_credentials", _CREDENTIAL), ("changes_format", _FORMAT), ("changes_time", _TIME),
    )  # fmt: skip
    found |= {trait for trait, pattern in both if _differs(pattern, removed, added)}
    for name, old, new in numbers:
        if new < old and _LIMIT_NAME.search(name):
            found.add("lowers_limit")
        if (new > old and _LOAD_NAME.search(name)) or (new < old and _INTERVAL_NAME.search(name)):
            found.add("raises_load")
    return found


def _fewer(pattern: re.Pattern[str], gone: str, came: str) -> bool:
    return len(pattern.findall(gone)) > len(pattern.findall(came))


def _differs(pattern: re.Pattern[str], removed: list[str], added: list[str]) -> bool:
    gone = {line.strip() for line in removed if pattern.search(line)}
    came = {line.strip() for line in added if pattern.search(line)}
    return gone != came


def _works_in_loop(lines: list[str]) -> bool:
    """Whether a line that begins a loop is followed, further in, by one that asks something outside."""
    inside: int | None = None
    for line in lines:
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        if inside is not None and indent <= inside:
            inside = None
        if _LOOP.search(line):
            if _WORK.search(_LOOP.split(line, maxsplit=1)[-1]) and "range" not in line:
                return True
            inside = indent
        elif inside is not None and _WORK.search(line):
            return True
    return False


def _alike(removed: list[str], added: list[str]) -> float:
    gone, came = _WORD.findall("\n".join(removed)), _WORD.findall("\n".join(added))
    both = sum(min(gone.count(word), came.count(word)) for word in set(gone))
    return 2 * both / (len(gone) + len(came)) if gone or came else 0.0


def _numbers(removed: list[str], added: list[str]) -> list[tuple[str, float, float]]:
    """Numbers that differ between a line taken away and the added line that is the same but for its numbers."""
    found: list[tuple[str, float, float]] = []
    new = {_bare(line): line for line in added}
    for line in removed:
        other = new.get(_bare(line))
        if other is None or other.strip() == line.strip():
            continue
        for old, later in zip(_values(line), _values(other), strict=False):
            if old != later:
                found.append((line.strip()[:120], old, later))
    return found


def _bare(line: str) -> str:
    return " ".join(_NUMBER.sub("#", line).split())


def _values(line: str) -> list[float]:
    return [float(number) * _scale(unit or scale) for number, unit, scale in _NUMBER.findall(line)]


def _scale(unit: str) -> float:
    unit = unit.lower()
    return _UNIT.get(unit, _UNIT.get(unit.removesuffix("s"), 1.0))
