"""Loading a playbook: Markdown with front matter, checked whole, every fault at once with its place."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, get_args

from jinja2 import TemplateSyntaxError, meta, nodes
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from playbooks.faults import Fault, PlaybookFaults, near
from playbooks.model import ARGUMENTS, FOLLOW_UPS, Analyst, FrontMatter, Playbook, Verify
from playbooks.render import CONTEXT, environment
from schemas import Verdict, content_hash

_FENCE = "---"


@dataclass
class _Reading:
    """One file being read: where things are, and what is wrong so far."""

    file: str
    tree: CommentedMap = field(default_factory=CommentedMap)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, message: str, line: int, column: int = 1) -> None:
        self.faults.append(Fault(self.file, line, column, message))

    def at(self, path: Sequence[Any], message: str, *, key: bool = False) -> None:
        self.fault(message, *_place(self.tree, path, key=key))


def read(
    file: str,
    text: str,
    templates: Mapping[str, str],
    *,
    tools: Collection[str] | None = None,
    actions: Collection[str] | None = None,
) -> Playbook:
    """The playbook in `text`. `templates` are all there are, by name; `tools` and `actions` the names known, None to accept any.

    Raises PlaybookFaults with every fault found.
    """
    reading = _Reading(file)
    header, body, body_line = _split(text, reading)
    front = _front(header, reading)
    _check_jinja(body, reading, first_line=body_line, templates=templates)
    if front is not None:
        _check_names(front, reading, templates, tools, actions)
    if reading.faults or front is None:
        raise PlaybookFaults(reading.faults)
    used = _used(front, body, templates)
    version = content_hash("\0".join([text, *(f"{name}\0{used[name]}" for name in sorted(used))]))
    return Playbook(file=file, text=text, front=front, body=body, version=version, templates=used)


def check_template(file: str, text: str, templates: Mapping[str, str]) -> list[Fault]:
    """Faults of one template file."""
    reading = _Reading(file)
    _check_jinja(text, reading, first_line=1, templates=templates)
    return reading.faults


def thaw(frozen: bytes) -> Playbook:
    """What `Playbook.freeze` kept. Raises ValueError when it is something else."""
    kept = json.loads(frozen)
    return read(kept["file"], kept["text"], kept["templates"])


def _split(text: str, reading: _Reading) -> tuple[str, str, int]:
    rows = text.split("\n")
    if rows[0].rstrip() != _FENCE:
        reading.fault(f"found {rows[0][:40]!r}, expected front matter: a line '---', YAML, and a line '---'", 1)
        return "", text, 1
    for number, row in enumerate(rows[1:], 1):
        if row.rstrip() == _FENCE:
            return "\n".join(rows[1:number]), "\n".join(rows[number + 1 :]), number + 2
    reading.fault("the front matter has no end; expected a second line '---'", len(rows))
    return "\n".join(rows[1:]), "", len(rows)


def _front(header: str, reading: _Reading) -> FrontMatter | None:
    if reading.faults:
        return None
    try:
        tree = YAML(typ="rt").load(header)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 2, mark.column + 1) if mark is not None else (2, 1)
        reading.fault(f"not YAML: {error.problem or error}", *place)
        return None
    except YAMLError as error:
        reading.fault(f"not YAML: {error}", 2)
        return None
    if not isinstance(tree, CommentedMap):
        reading.fault(f"found {type(tree).__name__}, expected keys and values such as `name: triage-error`", 2)
        return None
    reading.tree = tree
    try:
        return FrontMatter.model_validate(_plain(tree))
    except ValidationError as error:
        for each in error.errors(include_url=False):
            _report(each, reading)
        return None


_KEYS: dict[tuple[str, ...], Collection[str]] = {
    (): FrontMatter.model_fields,
    ("analyst",): Analyst.model_fields,
    ("verify",): Verify.model_fields,
    ("verdicts",): get_args(Verdict),
}


def _report(error: Any, reading: _Reading) -> None:
    path = tuple(error["loc"])
    kind = error["type"]
    is_key = bool(path) and path[-1] == "[key]"
    where = path[:-1] if is_key else path
    name = ".".join(str(part) for part in where)
    if kind == "extra_forbidden" or (is_key and where[0] == "verdicts"):
        known = _KEYS.get(tuple(str(part) for part in where[:-1]), ())
        word = "verdict" if where[0] == "verdicts" else "key"
        reading.at(where, f"unknown {word} {str(where[-1])!r}{near(str(where[-1]), known)}", key=True)
    elif kind == "missing":
        reading.at(where[:-1], f"{name!r} is missing", key=True)
    else:
        message = str(error["msg"]).removeprefix("Value error, ")
        reading.at(where, f"{name}: {message}; found {error['input']!r}", key=is_key)


def _check_names(
    front: FrontMatter,
    reading: _Reading,
    templates: Mapping[str, str],
    tools: Collection[str] | None,
    actions: Collection[str] | None,
) -> None:
    for index, tool in enumerate(front.gather):
        if tools is not None and _mistaken(tool, tools):
            reading.at(("gather", index), f"unknown tool {tool!r}{near(tool, tools)}")
    for index, glob in enumerate(front.tools):
        if tools is not None and not any(fnmatchcase(tool, glob) for tool in tools) and _mistaken(glob, tools):
            reading.at(("tools", index), f"{glob!r} matches no tool{near(glob, tools)}")
    for verdict, kinds in front.verdicts.items():
        for index, kind in enumerate(kinds):
            if actions is not None and _mistaken(kind, actions):
                reading.at(("verdicts", verdict, index), f"unknown action {kind!r}{near(kind, actions)}")
    for section in ("autonomy", "templates"):
        for kind in getattr(front, section):
            if actions is not None and _mistaken(kind, actions):
                reading.at((section, kind), f"unknown action {kind!r}{near(kind, actions)}", key=True)
    for kind, arguments in front.templates.items():
        for argument, template in arguments.items():
            if template not in templates:
                reading.at(("templates", kind, argument), f"unknown template {template!r}{near(template, templates)}")


def _mistaken(name: str, known: Collection[str]) -> bool:
    """Whether an unknown `SYSTEM.VERB` is a fault: its system is there and has no such verb, or it is nearly a name that is there. One of a
    system that is not configured here is none: the step or action then says so when it is its turn."""
    if name in known:
        return False
    systems = {each.partition(".")[0] for each in known}
    return name.partition(".")[0] in systems or bool(difflib.get_close_matches(name, known, n=1, cutoff=0.8))


def _check_jinja(text: str, reading: _Reading, *, first_line: int, templates: Mapping[str, str]) -> None:
    made = environment(templates)
    try:
        tree = made.parse(text)
    except TemplateSyntaxError as error:
        reading.fault(f"not a template: {error.message}", first_line + error.lineno - 1)
        return
    for use in tree.find_all(nodes.Filter):
        if use.name not in made.filters:
            reading.fault(f"unknown filter {use.name!r}{near(use.name, made.filters)}", first_line + use.lineno - 1)
            made.filters[use.name] = str
    try:
        undeclared = meta.find_undeclared_variables(tree) - CONTEXT.keys() - made.globals.keys()
    except TemplateSyntaxError as error:
        reading.fault(f"not a template: {error.message}", first_line + error.lineno - 1)
        return
    for name in tree.find_all(nodes.Name):
        if name.name in undeclared and name.ctx == "load":
            message = f"undefined name {name.name!r}{near(name.name, CONTEXT)}"
            reading.fault(message, first_line + name.lineno - 1)
    for access in tree.find_all(nodes.Getattr):
        base = access.node
        fields = CONTEXT.get(base.name, frozenset()) if isinstance(base, nodes.Name) else frozenset()
        if fields and access.attr not in fields and isinstance(base, nodes.Name):
            message = f"{base.name!r} has no field {access.attr!r}{near(access.attr, fields)}"
            reading.fault(message, first_line + access.lineno - 1)
    for referenced in meta.find_referenced_templates(tree):
        if referenced is not None and referenced.removesuffix(".j2") not in templates:
            reading.fault(f"unknown template {referenced!r}{near(referenced, templates)}", first_line)


def _used(front: FrontMatter, body: str, templates: Mapping[str, str]) -> dict[str, str]:
    """The templates a playbook may render, those they include among them."""
    kinds = {kind for listed in front.verdicts.values() for kind in listed} | set(front.autonomy)
    wanted = [name for name in FOLLOW_UPS if name in templates]
    for kind in sorted(kinds):
        wanted += front.templates.get(kind, ARGUMENTS.get(kind, {})).values()
    wanted += _referenced(body)
    used: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name not in used and name in templates:
            used[name] = templates[name]
            wanted += _referenced(templates[name])
    return used


def _referenced(text: str) -> Iterator[str]:
    for name in meta.find_referenced_templates(environment({}).parse(text)):
        if name is not None:
            yield name.removesuffix(".j2")


def _place(tree: Any, path: Sequence[Any], *, key: bool) -> tuple[int, int]:
    """Line and column of what `path` leads to, as far as it exists; the file's line 1 is the opening fence."""
    line, column = 0, 0
    node = tree
    for depth, part in enumerate(path):
        if isinstance(node, CommentedMap) and part in node:
            wants_key = key and depth == len(path) - 1
            line, column = node.lc.key(part) if wants_key else node.lc.value(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            break
        node = node[part]
    return line + 2, column + 1


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(name): _plain(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return node
