"""People: names that stand where a field says a person does, so that they are recognised in running text as well.

No list of names is guessed at, and none is looked up: who writes `author: Ada Lovelace` in one place is masked in every text that follows. Programs
have accounts too (`deploy-bot`, `argocd`), and an account may be called like what it runs; neither is anybody.
"""

import re
from collections.abc import Iterator
from typing import Any


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MOST = 300
"""Names that are known at once."""
LONGEST = 80
_ROLES = _set(
    "author committer assignee creator reporter reviewer approver actor commenter mergedby deployedby createdby requestedby acknowledgedby "
    "resolvedby triggeredby approvedby updatedby closedby openedby startedby changedby pusher requester subscriber participant responder "
    "recipient oncall who contact "
)
"""Fields in which somebody stands who did something, or shall; plurals count too, case, `_`, `-` and spaces do not."""
_OBJECTS = _ROLES | {"user", "person", "employee", "customer", "sender"}
"""Fields whose object is a person; so is every object with a mail address beside a name."""
_FIRST, _LAST = frozenset({"firstname", "givenname"}), frozenset({"lastname", "familyname", "surname"})
_ALWAYS = _FIRST | _LAST | {"fullname", "realname"}
_NAMES = _ALWAYS | {"name", "fullname", "displayname", "realname", "nickname", "nick", "login", "username", "handle"}
_THINGS = _set(
    "service environment component namespace pod container host hostname instance job app application cluster node deployment release version "
    "repository repo branch module function culprit logger queue topic database table source project team rule tool region kind type status "
    "severity category "
)
"""Fields whose value is no person, also where an account is called the same."""
_PROGRAM = re.compile(
    r"\[bot\]|(?:^|[\s._/@-])(?:bot|robot|ci|cd|system|service|services|svc|actions|automation|runner|pipeline|team|group|account|daemon|agent"
    r"|admin|administrator|operator|controller|deploy|deployer|deployment|unknown|anonymous|support|no-?reply|web-flow)(?:$|[\s._/@-])",
    re.IGNORECASE,
)
_NOBODY = _set(
    "jenkins github gitlab bitbucket argo argocd flux fluxcd renovate dependabot spinnaker kubernetes kubelet terraform ansible puppet root "
    "nobody postgres mysql redis nginx www-data ubuntu none null true false guest test tester user users default main master primary secondary "
    "human person email phone card iban literal tocsin analyst rule api app worker server client someone somebody everyone error warning info "
)
_WORDS_TOO = _set(
    "will mark may june april august grant chase bill frank page root case field stone king young long short small little black white green "
    "brown gray grey rose ruby max min art drew pat rob sue major sum log main core test dean duke earl prince cook baker miller carter porter "
    "fisher hunter gardener mason turner walker wood woods hill lake ford brook cross day love north south east west park pool price quick reed "
    "rice rich sharp star steel summer winter spring storm strong swift ward waters wells wise joy hope faith grace dawn crystal amber angel "
    "host van von der den del the and "
)
"""Names that are words as well: recognised as part of a whole name only."""
_ADDRESS = re.compile(r"<[^<>\s@]{1,64}@[^<>\s]{1,190}>")
"""Of `Ada Lovelace <ada@example.com>`, as mail and commits have it."""
_BEFORE = re.compile(r"[^\"'(),;:=<>\[\]\n]*\Z")
_RUN = re.compile(r"(?<![\w-])\w+")
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'\u2019-])*")
_ACCOUNT = re.compile(r"(?=.*[^\W\d_])[\w.+-]{4,40}")


class People:
    """Names met so far, in the order in which they were."""

    def __init__(self) -> None:
        self._wholes: dict[str, None] = {}
        self._words: dict[str, None] = {}
        self._things: set[str] = set()
        self._index: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        self.unspaced: re.Pattern[str] | None = None
        """Names in scripts that write no spaces between words: they have no bounds to look for."""

    def meet(self, value: Any) -> None:
        """Learn who stands in this JSON."""
        self._meet(value, "", person=False)

    def holds(self, field: str, text: str, *, person: bool) -> bool:
        """Whether all of this text is somebody's name. `person`: it stands in an object that is a person."""
        plain = plain_field(field)
        if not (_is_role(plain) or (person and plain in _NAMES)):
            return False
        return _can_be_somebody(text) and text.lower() not in self._things

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where names stand, in order, the longest at each place."""
        end = 0
        for run in _RUN.finditer(text) if self._index else ():
            known = self._index.get(run[0].casefold()) if run.start() >= end else None
            for name, pattern in known or ():
                hit = pattern.match(text, run.start())
                if hit is not None and (name in self._wholes or name.lower() not in self._things):
                    yield hit.span()
                    end = hit.end()
                    break

    def _meet(self, value: Any, field: str, *, person: bool) -> None:
        if isinstance(value, dict):
            here = is_person(field, value)
            for key, each in value.items():
                self._meet(each, str(key), person=here)
            if here:
                self._join(value)
        elif isinstance(value, (list, tuple)):
            for each in value:
                self._meet(each, field, person=person)
        elif isinstance(value, str) and value:
            self._read(value, plain_field(field), person=person)

    def _read(self, text: str, plain: str, *, person: bool) -> None:
        if plain in _THINGS:
            self._things.add(text.lower())
        elif _is_role(plain) or plain in _ALWAYS or (person and plain in _NAMES):
            self._add(text.removeprefix("human:"))
        if "<" in text and "@" in text:
            for found in _ADDRESS.finditer(text):
                self._add(" ".join(_name_before(text[max(0, found.start() - LONGEST) : found.start()])))

    def _join(self, value: dict[str, Any]) -> None:
        """A name whose parts stand in two fields."""
        by = {plain_field(str(key)): each for key, each in value.items() if isinstance(each, str)}
        first, last = (next((by[key] for key in keys if key in by), "") for keys in (sorted(_FIRST), sorted(_LAST)))
        if first and last:
            self._add(f"{first} {last}")

    def _add(self, text: str) -> None:
        text = " ".join(text.split())
        if len(self._wholes) + len(self._words) >= MOST or not _can_be_somebody(text):
            return
        last, comma, first = text.partition(", ")
        words = f"{first} {last}".split() if comma else text.split()
        if len(words) == 1:
            self._account(words[0])
        elif (
            len(words) <= 5
            and all(_WORD.fullmatch(word) for word in words)
            and sum(len(word) > 1 for word in words) > 1
        ):
            for each in ([text] if comma else []) + [" ".join(words)]:
                self._know(each, self._wholes, rf"(?i:{_spaced(each)})")
            for word in words:
                if len(word) > 2 and not word.endswith(".") and word.lower() not in _WORDS_TOO | _NOBODY:
                    self._know(word[0].upper() + word[1:], self._words, re.escape(word[0].upper() + word[1:]))

    def _account(self, word: str) -> None:
        """A name of one word: only as it is written, as it could be a word."""
        if not _has_case(word) and len(word) > 1 and word.isalpha():
            self._wholes[word] = None
            unspaced = sorted((each for each in self._wholes if not _has_case(each)), key=len, reverse=True)
            self.unspaced = re.compile("|".join(map(re.escape, unspaced)))
        elif _ACCOUNT.fullmatch(word) and word.lower() not in _WORDS_TOO:
            self._know(word, self._words, re.escape(word))

    def _know(self, name: str, among: dict[str, None], pattern: str) -> None:
        """Keep it where its first letters lead to it, longer ones first."""
        first = _RUN.match(name)
        if name in among or first is None:
            return
        among[name] = None
        found = self._index.setdefault(first[0].casefold(), [])
        found.append((name, re.compile(rf"{pattern}(?![\w-])")))
        found.sort(key=lambda each: -len(each[0]))


def plain_field(field: str) -> str:
    """A field's name as it is compared."""
    return "".join(filter(str.isalnum, field)).lower()


def is_person(field: str, value: dict[str, Any]) -> bool:
    """Whether this object, in this field, is a person."""
    plain = plain_field(field)
    if plain in _OBJECTS or plain.removesuffix("s") in _OBJECTS:
        return True
    keys = {plain_field(str(key)) for key in value}
    return any(key.endswith("email") for key in keys) and bool(keys & _NAMES)


def _is_role(plain: str) -> bool:
    return plain in _ROLES or plain.removesuffix("s") in _ROLES


def _can_be_somebody(text: str) -> bool:
    return (
        1 < len(text) <= LONGEST
        and not any(char in text for char in "\n@:<>[]{}=/")
        and text.lower() not in _NOBODY
        and _PROGRAM.search(text) is None
    )


def _name_before(text: str) -> list[str]:
    """The words right before an address that read as a name."""
    found = _BEFORE.search(text.rstrip().removesuffix('"'))
    words = found[0].split() if found is not None else []
    lower = (place for place in range(len(words), 0, -1) if not _begins_a_name(words[place - 1]))
    return words[next(lower, 0) :][-4:]


def _begins_a_name(word: str) -> bool:
    return word[:1].isalpha() and not word[:1].islower()


def _spaced(name: str) -> str:
    return r"\s+".join(re.escape(word) for word in name.split())


def _has_case(text: str) -> bool:
    return text.lower() != text.upper()
