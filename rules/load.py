"""Reading rule files: every fault at once, each with its file, line and column."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import ValidationError

from rules.cel import CelError, compile, compile_value  # noqa: A004 (the language's own word for it)
from rules.delivery.compiled import compile_delivery, inherited, named_times
from rules.fields import SCHEMA
from rules.model import LATER, Rule, RuleFile
from rules.places import inside
from rules.ruleset import CompiledRule, RuleSet
from rules.times import Times
from schemas.document import Document, DocumentInvalid, Fault, faults_of, near, parse_yaml
from schemas.document import Path as At

PACKS = Path(__file__).parent / "packs"
"""The rules that ship."""


class RulesInvalid(DocumentInvalid):
    """The rules cannot be loaded; `faults` are all of them, in the order of files and lines, and its text lists them."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A rule that has the right shape, and where it stands."""

    rule: Rule
    document: Document
    lines: list[str]
    at: At
    parent: "_Read | None" = None
    """The rule of the routing tree under which it stands."""

    @property
    def place(self) -> tuple[str, At]:
        return self.document.file, self.at

    def fault(self, at: At, message: str) -> Fault:
        return Fault(self.document.file, *self.document.value_at((*self.at, *at)), message)


def load(paths: Iterable[Path], *, playbooks: Collection[str] | None = None) -> RuleSet:
    """The rules of files and of folders' `*.yaml` and `*.yml` files, in order of name. Raises RulesInvalid and OSError."""
    sources: dict[str, str] = {}
    for path in paths:
        for file in files_of(path):
            sources[str(file)] = file.read_bytes().decode("utf-8", "replace")
    return load_texts(sources, playbooks=playbooks)


def files_of(path: Path) -> list[Path]:
    """The rule files of a folder, in order of name; those of tests (`*.test.yaml`) are not rules. A file is itself."""
    if not path.is_dir():
        return [path]
    return sorted(
        file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and not file.stem.endswith(".test")
    )


def unpack(packed: bytes) -> RuleSet:
    """The rule set that `RuleSet.packed` wrote. Raises RulesInvalid when this version no longer reads it."""
    return load_texts(orjson.loads(packed))


def load_texts(sources: Mapping[str, str], *, playbooks: Collection[str] | None = None) -> RuleSet:
    """The rules of texts by file name. With `playbooks`, a rule naming another one is at fault. Raises RulesInvalid."""
    faults: list[Fault] = []
    compiled: dict[tuple[str, At], CompiledRule] = {}
    taken: dict[str, str] = {}
    files = _parse_all(sources, faults)
    times = named_times(files, faults)
    for read in _read_all(files, faults):
        rule, where = read.rule, f"{read.document.file}:{read.document.at((*read.at, 'name'))[0]}"
        if rule.name in taken:
            faults.append(read.fault(("name",), f"the name {rule.name!r} is taken by the rule at {taken[rule.name]}"))
        taken.setdefault(rule.name, where)
        if playbooks is not None and rule.playbook is not None and rule.playbook not in playbooks:
            hint = near(rule.playbook, sorted(playbooks))
            faults.append(read.fault(("playbook",), f"there is no playbook {rule.playbook!r}{hint}"))
        parent = compiled.get(read.parent.place) if read.parent is not None else None
        if (ready := _compile(read, parent, times, faults)) is not None:
            compiled[read.place] = ready
    if faults:
        raise RulesInvalid(faults)
    enabled = [rule for rule in compiled.values() if rule.enabled]
    enabled.sort(key=lambda rule: -rule.rule.priority)
    return RuleSet(rules=tuple(enabled), sources=dict(sources))


def _parse_all(sources: Mapping[str, str], faults: list[Fault]) -> list[tuple[Document, str]]:
    """The files that are YAML, with their text."""
    parsed = []
    for file, text in sources.items():
        try:
            parsed.append((parse_yaml(text, file), text))
        except DocumentInvalid as error:
            faults.extend(error.faults)
    return parsed


def _read_all(files: Iterable[tuple[Document, str]], faults: list[Fault]) -> Iterator[_Read]:
    """The rules that have the right shape, parents before their children; the faults of the others are added."""
    for document, text in files:
        content = document.content
        if content is None:
            continue
        if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
            faults.append(
                document.fault(("rules",), "expected the key 'rules' with a list of rules, each '- name: ...'")
            )
            faults.extend(_later(document, content, ()))
            continue
        _shape(RuleFile, {**content, "rules": []}, document, (), faults)
        yield from _read_listed(content["rules"], document, text.split("\n"), ("rules",), None, faults)


def _read_listed(
    listed: object, document: Document, lines: list[str], path: At, parent: _Read | None, faults: list[Fault]
) -> Iterator[_Read]:
    """The rules of a list, each followed by its children, to whom it gives what they do not say themselves."""
    if not isinstance(listed, list):
        faults.append(document.fault(path, f"'rules' is a list of rules, each '- name: ...', found {listed!r:.60}"))
        return
    for number, item in enumerate(listed):
        at = (*path, number)
        if not isinstance(item, dict):
            message = f"a rule is a mapping with at least 'name' and 'when', found {item!r:.60}"
            faults.append(document.fault(at, message))
            continue
        children = item.get("rules")
        own = {key: value for key, value in item.items() if key != "rules"} if children is not None else item
        rule = _shape(Rule, own, document, at, faults)
        read = None
        if isinstance(rule, Rule):
            read = _Read(inherited(rule, parent.rule) if parent is not None else rule, document, lines, at, parent)
            if rule.continue_ and parent is None:
                faults.append(
                    document.fault(
                        (*at, "continue"), "'continue' belongs to the children of a rule; all others see everything"
                    )
                )
            yield read
        if children is not None:
            yield from _read_listed(children, document, lines, (*at, "rules"), read, faults)


def _shape(
    model: type[Rule | RuleFile], item: object, document: Document, at: At, faults: list[Fault]
) -> Rule | RuleFile | None:
    """The value, with the faults of its shape added, each at its place; of a rule at fault, what can still be checked."""
    later = _later(document, item, at)
    if isinstance(item, dict) and isinstance(match := item.get("match"), dict) and model is Rule:
        later += _later(document, match, (*at, "match"))
        if "count" in match and "within" not in match:
            later.append(document.fault((*at, "match"), "a window needs its bound: say 'within: 5m' beside 'count'"))
    places = {(fault.line, fault.column) for fault in later}
    faults.extend(later)
    try:
        return model.model_validate(item)
    except ValidationError as error:
        # The places within a rule are those of the whole file; only the rule itself, as such, has none.
        part = Document(document.file, _at(document, at) if at else document.content)
        for fault in faults_of(error, part, model):
            place = (fault.line, fault.column) if (fault.line, fault.column) != part.at(()) else document.at(at)
            # What a later version reads has been said already, and better.
            if place not in places:
                faults.append(Fault(fault.file, *place, fault.message))
        return _what_is_left(error, item) if model is Rule and isinstance(item, dict) else None


def _what_is_left(error: ValidationError, item: dict[str, object]) -> Rule | None:
    """The rule without the keys at fault, so that the faults of its conditions are found in the same run."""
    wrong = {detail["loc"][0] for detail in error.errors(include_url=False)}
    if "when" in wrong:
        return None
    rest = {key: value for key, value in item.items() if key not in wrong}
    return Rule.model_validate({"name": f"unnamed-{id(item)}", **rest})


def _later(document: Document, item: object, at: At) -> list[Fault]:
    if not isinstance(item, dict):
        return []
    return [document.fault((*at, key), LATER[key]) for key in item if key in LATER]


def _at(document: Document, path: At) -> object:
    node = document.content
    for part in path:
        node = node[part]
    return node


def _compile(
    read: _Read, parent: CompiledRule | None, times: Mapping[str, Times], faults: list[Fault]
) -> CompiledRule | None:
    """The rule compiled, or None with its faults added, each where it stands in the file."""
    before = len(faults)
    condition, keys = None, []
    try:
        condition = compile(read.rule.when, schema=SCHEMA)
    except CelError as error:
        _add(read, ("when",), error, faults)
    written = _at(read.document, read.at)
    said = written.get("group_by") if isinstance(written, dict) else None
    listed = not isinstance(said, str)
    # What is inherited was found at fault where it is written.
    group_by = read.rule.group_by if said is not None or read.parent is None else ()
    for number, key in enumerate(group_by):
        try:
            keys.append(compile_value(key, SCHEMA))
        except CelError as error:
            _add(read, ("group_by", number) if listed else ("group_by",), error, faults)
    if group_by != read.rule.group_by and parent is not None:
        keys = list(parent.keys)

    def wrong(at: At, error: CelError | ValueError) -> None:
        if isinstance(error, CelError):
            _add(read, at, error, faults)
        else:
            faults.append(read.fault(at, f"{at[0]}: {error}"))

    delivery = compile_delivery(read.rule, written, times, wrong)
    if len(faults) > before or condition is None or (read.parent is not None and parent is None):
        return None
    line = read.document.at(read.at)[0]
    return CompiledRule(
        rule=read.rule,
        condition=condition,
        keys=tuple(keys),
        file=read.document.file,
        line=line,
        parent=parent,
        delivery=delivery,
    )


def _add(read: _Read, at: At, error: CelError, faults: list[Fault]) -> None:
    for fault in error.faults:
        line, column = inside(read.document, read.lines, (*read.at, *at), line=fault.line, column=fault.column)
        faults.append(Fault(read.document.file, line, column, f"{at[0]}: {fault.message}"))
