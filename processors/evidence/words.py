"""Words of texts, code and diffs: identifiers with their parts, so that an error and the change that brought it can be compared."""

import re
from collections.abc import Iterator

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,80}")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
LEAST = 3

COMMON = frozenset(
    """
    the and for with from this that then than not was were are has have had been but its it's into onto over under
    after before when while where which what who will would can could should may might must also only any all each
    every some none one two too very func return def class import package const var let new type struct interface
    public private static final void int int32 int64 string str bool true false nil null none self ctx context err
    error errors exception exceptions failed failure fail failing panic warn warning info debug trace level msg
    message log logs logger logging print println printf fmt http https get set put post delete patch request requests
    response responses req resp res status code host port url path file files line lines name names value values key
    keys data item items list lists map array object objects service services server client api app application main
    test tests config cfg option options default defaults add added adds remove removed update updated updates change
    changed changes use used using make call calls called run runs running start started starting stop stopped end
    ended time times date now second seconds minute minutes hour hours timestamp count total sum avg max min number
    num size len length version versions build commit deploy deployed user users node nodes pod pods container
    containers internal pkg src lib libs cmd java python golang com org net www std ratio rate percent pct average p50
    p90 p95 p99 metric metrics monitor alert above below exceeded threshold observed chore feat fix docs refactor
    style perf tidy cleanup misc bump support handle handler handlers simplify extract else case switch break continue
    try catch except finally raise throw throws async await yield pass elif end begin select insert into where order
    group having limit desc asc join left right inner outer distinct not found does exist cannot unable invalid
    unexpected returned returning caller upstream downstream
    """.split()  # noqa: SIM905 - a list of them, one a line, is past reading
)
"""Words that tie nothing to anything."""


def identifiers(text: str) -> Iterator[str]:
    """Identifiers as they stand."""
    yield from (found.group() for found in _IDENTIFIER.finditer(text))


def parts(identifier: str) -> tuple[str, ...]:
    """The words an identifier is put together of, in lower case."""
    return tuple(part.lower() for part in _PART.findall(identifier) if len(part) >= LEAST and not part.isdigit())


def tokens(text: str) -> dict[str, bool]:
    """Words of a text in lower case; True for compound identifiers, which say more than a single word."""
    found: dict[str, bool] = {}
    for identifier in identifiers(text):
        made = parts(identifier)
        whole = identifier.lower().strip("_")
        if len(made) > 1 and len(whole) >= 6:
            found[whole.replace("_", "")] = True
        for part in made or (whole,):
            if part not in COMMON and len(part) >= LEAST:
                found.setdefault(_stem(part), False)
    return found


def _stem(word: str) -> str:
    """Without the plainest endings: connections and connection are one."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def spoken(name: str) -> str:
    """A metric's name in words: `CPUUtilization` is CPU utilization, `db_pool_wait` is db pool wait."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W_]+", name)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words) or name


def service_stem(name: str) -> str:
    """A service's name without what every service's name has: `orderservice` and `order-svc` are order."""
    return re.sub(r"[-_.]?(?:service|svc|server|srv|app|api)$", "", name.lower()).replace("-", "").replace("_", "")
