"""From the text of rule files to rules of the right shape, each with the place at which it stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rules.cel import CelError
from rules.definitions import KEYS, TABLE, TOPOLOGY, Definitions, RuleText
from rules.delivery.compiled import INHERITED, inherited
from rules.model import NO_WHEN, Rule, RuleFile
from rules.places import inside
from schemas.document import Document, DocumentInvalid, Fault, faults_of, near, parse_yaml
from schemas.document import Path as At


@dataclass(frozen=True, slots=True)
class Read:
    """A rule that has the right shape, and where it stands."""

    rule: Rule
    file: RuleText
    at: At
    defaults_of: Mapping[str, RuleText]
    parent: "Read | None" = None
    """The rule of the routing tree under which it stands."""

    @property
    def document(self) -> Document:
        return self.file.document

    @property
    def place(self) -> tuple[str, At]:
        return self.document.file, self.at

    @property
    def written(self) -> Any:
        """The rule as it stands in the file."""
        return _at(self.document, self.at)

    def fault(self, at: At, message: str) -> Fault:
        """A fault of a value of the rule; of one that it has by default, where the default is written."""
        file, path = self._where(at)
        return Fault(file.name, *_value_at(file.document, path), message)

    def faults(self, at: At, error: CelError) -> Iterator[Fault]:
        """The faults of a text of the rule."""
        file, path = self._where(at)
        for fault in error.faults:
            try:
                line, column = inside(file.document, file.lines, path, line=fault.line, column=fault.column)
            except (KeyError, TypeError, IndexError):
                line, column = file.document.at(path)
            yield Fault(file.name, line, column, f"{at[0]}: {fault.message}")

    def _where(self, at: At) -> tuple[RuleText, At]:
        written = self.written
        if at and isinstance(written, dict) and at[0] not in written and str(at[0]) in self.defaults_of:
            return self.defaults_of[str(at[0])], ("defaults", *at)
        return self.file, (*self.at, *at)


def parse_all(sources: Mapping[str, str], faults: list[Fault]) -> list[RuleText]:
    """The rule files that are YAML."""
    parsed = []
    for file, text in sources.items():
        if file.startswith((TABLE, TOPOLOGY)):
            continue
        try:
            parsed.append(RuleText(parse_yaml(text, file), text))
        except DocumentInvalid as error:
            faults.extend(error.faults)
    return parsed


def read_all(files: Iterable[RuleText], definitions: Mapping[str, Definitions], faults: list[Fault]) -> Iterator[Read]:
    """The rules that have the right shape, parents before their children; the faults of the others are added."""
    named: dict[str, Read] = {}
    waiting: list[_Below] = []
    for file in files:
        document, content = file.document, file.document.content
        if content is None:
            continue
        defines = isinstance(content, dict) and not KEYS.isdisjoint(content)
        if not isinstance(content, dict) or not (isinstance(content.get("rules"), list) or defines):
            faults.append(
                document.fault(("rules",), "expected the key 'rules' with a list of rules, each '- name: ...'")
            )
            continue
        _shape(RuleFile, {**content, "rules": []}, document, (), faults)
        _defaults(file, faults)
        if "rules" in content:
            for read in _listed(content["rules"], file, definitions[file.name], ("rules",), None, faults, waiting):
                named.setdefault(read.rule.name, read)
                yield read
    while ready := [one for one in waiting if one.name in named]:
        waiting = [one for one in waiting if one.name not in named]
        for one in ready:
            for read in _read(one.item, one.file, one.known, one.at, named[one.name], faults):
                named.setdefault(read.rule.name, read)
                yield read
    for one in waiting:
        circle = any(one.name == other.item.get("name") for other in waiting)
        why = f"{one.name!r} is under others that lead back to it" if circle else f"there is no rule {one.name!r}"
        faults.append(one.file.document.fault((*one.at, "under"), f"{why}{'' if circle else near(one.name, named)}"))


@dataclass(frozen=True, slots=True)
class _Below:
    """A rule that is put under another one, `name`, and waits until that one is read."""

    name: str
    item: dict[str, Any]
    file: RuleText
    known: Definitions
    at: At


def _listed(
    listed: object,
    file: RuleText,
    known: Definitions,
    path: At,
    parent: Read | None,
    faults: list[Fault],
    waiting: list[_Below],
) -> Iterator[Read]:
    """The rules of a list, each followed by its children; those that are put under others are added to what waits."""
    document = file.document
    if not isinstance(listed, list):
        faults.append(document.fault(path, f"'rules' is a list of rules, each '- name: ...', found {listed!r:.60}"))
        return
    for number, item in enumerate(listed):
        at = (*path, number)
        if not isinstance(item, dict):
            message = f"a rule is a mapping with at least 'name' and 'when', found {item!r:.60}"
            faults.append(document.fault(at, message))
        elif parent is None and isinstance(under := item.get("under"), str):
            waiting.append(_Below(under, item, file, known, at))
        else:
            if "under" in item and parent is not None:
                message = f"it stands under {parent.rule.name!r} already; 'under' is for rules at the top of a file"
                faults.append(document.fault((*at, "under"), message))
            yield from _read(item, file, known, at, parent, faults)


def _read(
    item: dict[str, Any], file: RuleText, known: Definitions, at: At, parent: Read | None, faults: list[Fault]
) -> Iterator[Read]:
    """A rule, followed by its children, to whom it gives what they do not say themselves."""
    document = file.document
    children = item.get("rules")
    own = {key: value for key, value in item.items() if key != "rules"} if children is not None else item
    rule = _shape(Rule, _with_defaults(own, known, parent is None), document, at, faults)
    read = None
    if isinstance(rule, Rule):
        rule = _settled(rule)
        rule = inherited(rule, parent.rule) if parent is not None else rule
        read = Read(rule, file, at, known.defaults_of, parent)
        if rule.continue_ and parent is None:
            faults.append(
                document.fault(
                    (*at, "continue"), "'continue' belongs to the children of a rule; all others see everything"
                )
            )
        yield read
    if children is not None:
        yield from _listed(children, file, known, (*at, "rules"), read, faults, [])


def _with_defaults(item: dict[str, Any], known: Definitions, is_top: bool) -> dict[str, Any]:
    """The rule with what it does not say; a child has from its parent what children inherit. Mappings are put together."""
    if not known.defaults:
        return item
    found = dict(item)
    for key, value in known.defaults.items():
        if key not in item:
            if is_top or key not in INHERITED:
                found[key] = value
        elif isinstance(value, dict) and isinstance(item[key], dict) and key in ("labels", "annotations", "enrich"):
            found[key] = {**value, **item[key]}
    return found


def _settled(rule: Rule) -> Rule:
    """Steps and absences are one for the whole rule unless `group_by` says otherwise."""
    alone = rule.match is not None and rule.match.kind in ("steps", "absent")
    return rule.model_copy(update={"group_by": ()}) if alone and "group_by" not in rule.model_fields_set else rule


def _defaults(file: RuleText, faults: list[Fault]) -> None:
    """The shape of what holds for all rules of a file or folder, found at fault where it is written, and once."""
    said = file.said("defaults")
    if said:
        _shape(Rule, {"name": "defaults", "when": "true", **said}, file.document, ("defaults",), faults)


def _shape(
    model: type[Rule | RuleFile], item: object, document: Document, at: At, faults: list[Fault]
) -> Rule | RuleFile | None:
    """The value, with the faults of its shape added, each at its place; of a rule at fault, what can still be checked."""
    said: list[Fault] = []
    match = item.get("match") if isinstance(item, dict) and model is Rule else None
    if isinstance(match, dict) and "within" not in match:
        said.append(document.fault((*at, "match"), "a window needs its bound: say 'within: 5m'"))
    places = {(fault.line, fault.column) for fault in said}
    if model is Rule and isinstance(item, dict) and not _has_condition(item):
        said.append(document.fault(at, NO_WHEN))
    faults.extend(said)
    try:
        return model.model_validate(item)
    except ValidationError as error:
        # The places within a rule are those of the whole file; only the rule itself, as such, has none.
        part = Document(document.file, _at(document, at) if at else document.content)
        for fault in faults_of(error, part, model):
            place = (fault.line, fault.column) if (fault.line, fault.column) != part.at(()) else document.at(at)
            # What was said already was said better.
            if place not in places and NO_WHEN not in fault.message:
                faults.append(Fault(fault.file, *place, fault.message))
        return _what_is_left(error, item) if model is Rule and isinstance(item, dict) else None


def _what_is_left(error: ValidationError, item: dict[str, object]) -> Rule | None:
    """The rule without the keys at fault, so that the faults of its conditions are found in the same run."""
    wrong = {detail["loc"][0] for detail in error.errors(include_url=False) if detail["loc"]}
    rest = {key: value for key, value in item.items() if key not in wrong}
    try:
        return Rule.model_validate({"name": f"unnamed-{id(item)}", **rest})
    except ValidationError:
        return None


def _has_condition(item: dict[str, object]) -> bool:
    match = item.get("match")
    return bool(item.get("when")) or (isinstance(match, dict) and not {"steps", "absent", "of"}.isdisjoint(match))


def _at(document: Document, path: At) -> Any:
    node = document.content
    for part in path:
        node = node[part]
    return node


def _value_at(document: Document, path: At) -> tuple[int, int]:
    """Where the value stands; of one that is not written, what is nearest above it."""
    try:
        return document.value_at(path)
    except (KeyError, TypeError, IndexError):
        return document.at(path)
