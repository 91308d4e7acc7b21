"""What error texts mean: one table from words to the category of cause they speak for, the more specific first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Category = Literal[
    "resource_exhaustion",
    "configuration_error",
    "infrastructure",
    "code_defect",
    "dependency_failure",
    "data_quality",
    "healthy",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A named pattern: what it says of the cause, and how surely (1 for unmistakable words)."""

    name: str
    category: Category
    pattern: re.Pattern[str]
    says: str
    sure: float = 1.0


def _meaning(name: str, category: Category, words: str, says: str, sure: float = 1.0) -> Meaning:
    return Meaning(name, category, re.compile(words, re.IGNORECASE), says, sure)


MEANINGS: tuple[Meaning, ...] = (
    _meaning(
        "certificate",
        "configuration_error",
        r"certificate (?:has |is )?expired|cert(?:ificate)?.{0,20}expir(?:ed|es|ing|y)|x509: certificate|CERTIFICATE_VERIFY_FAILED",
        "a certificate is expired or not trusted",
    ),
    _meaning(
        "missing_setting",
        "configuration_error",
        r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+ (?:is )?(?:not set|missing|required|undefined|empty)|KeyError: ['\"]?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|environ(?:ment)? ?(?:variable)? .{0,60}(?:not set|missing|required|undefined)"
        r"|ImproperlyConfigured|(?:missing|invalid|unknown|required) (?:config(?:uration)?|setting|option|env)\b"
        r"|config(?:uration)?(?: file| key| value| map)? .{0,60}(?:not found|missing|invalid|malformed)|CreateContainerConfigError",
        "a setting is missing or wrong",
    ),
    _meaning(
        "image",
        "configuration_error",
        r"ImagePullBackOff|ErrImagePull|manifest unknown|InvalidImageName",
        "the image to run cannot be pulled: its name, tag or the registry's credentials are wrong",
    ),
    _meaning(
        "placement",
        "configuration_error",
        r"did ?n[o']t match .{0,40}(?:affinity|selector)|untolerated taint|node selector|topology spread constraint",
        "no machine has what it asks for",
    ),
    _meaning(
        "missing_object",
        "configuration_error",
        r"(?:namespaces?|configmaps?|secrets?|serviceaccounts?|persistentvolumeclaims?|storageclass\w*|volumes?) \"[^\"]{1,100}\" not found"
        r"|OutOfSync|failed to apply|admission webhook .{0,80}denied|no matches for kind",
        "something it is declared to need is not there",
    ),
    _meaning(
        "probe",
        "configuration_error",
        r"(?:liveness|readiness|startup) probe (?:failed|errored|configured)|failed (?:liveness|readiness|startup) probe",
        "a probe fails and the platform restarts what it probes: the endpoint or the probe's settings are wrong",
        0.8,
    ),
    _meaning(
        "credentials",
        "configuration_error",
        r"(?:password )?authentication failed|invalid (?:api[ _-]?key|credentials?|token|signature)|AccessDenied|access denied"
        r"|\b401\b.{0,20}unauthori[sz]ed|\b403\b.{0,20}forbidden|permission denied|token (?:has )?expired|role .{1,60} does not exist",
        "credentials or permissions are refused",
        0.8,
    ),
    _meaning(
        "memory",
        "resource_exhaustion",
        r"OOM[ -]?Kill|out ?of ?memory|OutOfMemory|\bMemoryError\b|cannot allocate memory|heap space|heap limit|exit code 137"
        r"|memory (?:usage|pressure|limit)|HighMemory|MemoryHigh",
        "memory ran out",
    ),
    _meaning(
        "disk",
        "resource_exhaustion",
        r"no space left on device|ENOSPC|disk (?:is |usage |space )?(?:full|almost full|low|exhausted)|DiskFull|OutOfDiskSpace"
        r"|Filesystem(?:Almost)?OutOf(?:Space|Files)|disk quota|DiskPressure|FreeStorageSpace|storage.{0,10}full",
        "a disk is full",
    ),
    _meaning(
        "connections",
        "resource_exhaustion",
        r"too many (?:open files|connections|clients)|EMFILE|(?:connection )?pool.{0,30}(?:exhaust|timed? ?out|limit|full)|QueuePool limit"
        r"|remaining connection slots|thread ?pool.{0,20}(?:exhaust|full|reject)|RejectedExecution|max_connections|no available connection|maximum (?:number )?of connections|connection count",
        "a pool of connections, files or threads is used up",
    ),
    _meaning(
        "capacity",
        "resource_exhaustion",
        r"\d Insufficient [\w./-]+|no nodes? (?:with|has) enough|exceeds? (?:node )?allocatable",
        "no node has enough free capacity for what is to be scheduled",
    ),
    _meaning(
        "quota",
        "resource_exhaustion",
        r"quota.{0,20}exceed|exceed.{0,20}quota|ResourceExhausted|RESOURCE_EXHAUSTED|rate limit|too many requests|\b429\b"
        r"|throttl(?:ed|ing)|CPUThrottling|LimitExceeded",
        "a quota or limit is reached",
        0.9,
    ),
    _meaning(
        "lag",
        "resource_exhaustion",
        r"replica(?:tion)? ?lag|replay is behind|consumer lag|lag exceeded|falling behind|backlog (?:grow|exceed)",
        "it cannot keep up with what comes in",
        0.8,
    ),
    _meaning(
        "lock",
        "resource_exhaustion",
        r"deadlock|lock (?:wait )?timeout|could not obtain lock|lock wait|waiting for (?:a )?lock",
        "what it works on is locked by something else",
    ),
    _meaning(
        "cpu",
        "resource_exhaustion",
        r"(?:high|cpu) (?:cpu|load|usage|utili[sz]ation)|HighCPU|CPUHigh|CPUUtili[sz]ation|load average",
        "the processor is saturated",
        0.7,
    ),
    _meaning(
        "name_lookup",
        "infrastructure",
        r"name or service not known|no such host|temporary failure in name resolution|NXDOMAIN|getaddrinfo|ENOTFOUND|SERVFAIL",
        "a name cannot be resolved",
        0.8,
    ),
    _meaning(
        "node",
        "infrastructure",
        r"node.{0,20}not ?ready|KubeNode(?:NotReady|Unreachable)|NodeDown|HostDown|host (?:is )?(?:down|unreachable)|no route to host"
        r"|network is unreachable|FailedScheduling|\bEvicted\b|kernel panic|I/O error|instance (?:was )?terminated|spot interruption"
        r"|failover|zone outage",
        "a machine or the network under it failed",
    ),
    _meaning(
        "refused",
        "dependency_failure",
        r"connection (?:was )?refused|ECONNREFUSED|ConnectionRefused|could not connect to|can't connect to|failed to connect"
        r"|connection (?:was )?(?:reset|aborted|closed)|ECONNRESET|ConnectionReset|broken pipe|EPIPE|server closed the connection"
        r"|connection error|ConnectionError\b",
        "something it depends on refuses or drops connections",
    ),
    _meaning(
        "timeout",
        "dependency_failure",
        r"timed? ?out|ETIMEDOUT|Timeout(?:Error|Exception)?\b|deadline ?exceeded|canceling statement due to statement timeout",
        "something it depends on does not answer in time",
        0.9,
    ),
    _meaning(
        "upstream",
        "dependency_failure",
        r"\b50[234]\b|bad gateway|gateway time|service ?unavailable|upstream (?:connect|request|prematurely|server)|no healthy upstream"
        r"|circuit ?breaker|max retries exceeded|UNAVAILABLE\b|NoBrokersAvailable|not leader|LeaderNotAvailable",
        "something upstream is not available",
        0.9,
    ),
    _meaning(
        "bad_value",
        "data_quality",
        r"JSONDecodeError|Unicode(?:De|En)codeError|violates (?:not-null|foreign key|unique|check) constraint|duplicate key"
        r"|IntegrityError|DataError|invalid literal for|could not (?:parse|convert)|cannot parse|unexpected (?:token|end of (?:json|input))"
        r"|schema mismatch|corrupt(?:ed|ion)?\b|malformed (?:json|csv|row|record|message)|value too long for|out of range for type"
        r"|null value in column|parse error",
        "data is not in the form that is expected",
        0.9,
    ),
    _meaning(
        "wrong_type",
        "code_defect",
        r"\b(?:TypeError|AttributeError|NameError|UnboundLocalError|NotImplementedError|NullPointerException|NullReferenceException"
        r"|ClassCastException|NoSuchMethodError|ReferenceError|NoMethodError)\b|NoneType|nil pointer|null pointer|undefined is not"
        r"|cannot read propert|is not a function|segmentation fault|SIGSEGV|invalid memory address",
        "the code uses a value that is not what it expects",
    ),
    _meaning(
        "logic",
        "code_defect",
        r"\b(?:IndexError|KeyError|AssertionError|ZeroDivisionError|RecursionError|Syntax ?Error|ImportError|ModuleNotFoundError"
        r"|IllegalStateException|IllegalArgumentException|IndexOutOfBounds\w*|StackOverflowError|OverflowError)\b|division by zero"
        r"|index out of (?:range|bounds)|stack overflow|\bpanic:|unhandled (?:promise )?rejection|assertion failed",
        "the code fails on its own logic",
        0.9,
    ),
    _meaning(
        "value",
        "code_defect",
        r"\b(?:ValueError|RuntimeError|UnhandledException|uncaught exception)\b",
        "the code raised an error of its own",
        0.5,
    ),
    _meaning(
        "down",
        "infrastructure",
        r"\b(?:InstanceDown|TargetDown|ServiceDown|ClusterDown|BlackboxProbeFailed)\b|probe failed|health ?check.{0,20}fail",
        "a target does not answer its checks",
        0.5,
    ),
)
"""In order: the first that matches a text is its meaning."""
OUTSIDE: Mapping[str, Meaning] = {
    "certificate": _meaning("certificate_over", "configuration_error", r"$^", "a certificate or token ran out"),
    "provider": _meaning("provider", "dependency_failure", r"$^", "a provider outside is in trouble"),
    "traffic": _meaning("traffic", "resource_exhaustion", r"$^", "more came in than it can take"),
    "machine": _meaning("machine", "infrastructure", r"$^", "a machine under it went away"),
    "schedule": _meaning("schedule", "resource_exhaustion", r"$^", "a job that began just before takes what it needs"),
    "data": _meaning("data", "data_quality", r"$^", "records that cannot be read come again and again"),
    "quota": _meaning("quota_outside", "resource_exhaustion", r"$^", "a limit set by somebody else is reached"),
}
"""What causes that no change brings mean, by their kind: how they stand together says so, not the words of one text."""
USED_UP = _meaning("used_up", "resource_exhaustion", r"$^", "a metric shows a resource used up")
"""Of a resource that a metric shows used up: no words say so, numbers do."""

_HOSTS = (
    re.compile(r"host=['\"]?([A-Za-z0-9_.-]{2,100})"),
    re.compile(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9_.-]{2,100})"),
    re.compile(r"dial tcp (?:lookup )?([A-Za-z0-9_.-]{2,100})"),
    re.compile(r"server at ['\"]?([A-Za-z0-9_.-]{2,100})"),
    re.compile(
        r"(?:to|with|from|at|upstream|reach|resolve|lookup|host|server|calling)[ :=]+['\"]?([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|[A-Za-z0-9_-]{2,60}(?=:\d{2,5}\b))"
    ),
    re.compile(r"\b([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*):\d{2,5}\b"),
)
_NO_HOSTS = frozenset({"localhost", "line", "python", "file"})


def meaning_of(text: str) -> tuple[Meaning, str] | None:
    """What a text means, with the words that said so."""
    text = text[:4000]
    for meaning in MEANINGS:
        found = meaning.pattern.search(text)
        if found is not None:
            return meaning, found.group()
    return None


def host_in(text: str) -> str | None:
    """The host a text about a failed connection names, without its port."""
    for pattern in _HOSTS:
        for found in pattern.finditer(text[:4000]):
            host = found.group(1).strip(".")
            if host.lower() not in _NO_HOSTS and not host.endswith((".py", ".js", ".go", ".java", ".rb", ".ts")):
                return host
    return None
