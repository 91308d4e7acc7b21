"""Loading a playbook: Markdown with front matter, checked whole, every fault at once with its place."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from jinja2 import TemplateSyntaxError, meta, nodes

from playbooks.model import ARGUMENTS, FOLLOW_UPS, FrontMatter, Playbook
from playbooks.render import CONTEXT, environment
from schemas import content_hash
from schemas.document import Document, DocumentInvalid, Fault, near, parse_yaml, validate

_FENCE = "---"


def read(
    file: str,
    text: str,
    templates: Mapping[str, str],
    *,
    tools: Collection[str] | None = None,
    actions: Collection[str] | None = None,
) -> Playbook:
    """The playbook in `text`. `templates` are all there are, by name; `tools` and `actions` the names known, None to accept any.

    Raises DocumentInvalid with every fault found.
    """
    faults: list[Fault] = []
    header, body, first_line = _split(file, text, faults)
    front = None
    if header is not None:
        try:
            front, document = _front(file, header)
            faults += _unknown_names(front, document, templates, tools, actions)
        except DocumentInvalid as error:
            faults += error.faults
    faults += _jinja_faults(file, body, first_line, templates)
    if faults or front is None:
        raise DocumentInvalid(faults)
    used = _used(front, body, templates)
    version = content_hash("\0".join([text, *(f"{name}\0{used[name]}" for name in sorted(used))]))
    return Playbook(file=file, text=text, front=front, body=body, version=version, templates=used)


def check_template(file: str, text: str, templates: Mapping[str, str]) -> list[Fault]:
    """Faults of one template file."""
    return list(_jinja_faults(file, text, 1, templates))


def thaw(frozen: bytes) -> Playbook:
    """What `Playbook.freeze` kept. Raises ValueError when it is something else."""
    kept = json.loads(frozen)
    return read(kept["file"], kept["text"], kept["templates"])


def _split(file: str, text: str, faults: list[Fault]) -> tuple[str | None, str, int]:
    """The front matter (None with its fault added when it is not marked off), the body, and the line the body begins in."""
    rows = text.split("\n")
    if rows[0].rstrip() != _FENCE:
        message = f"found {rows[0][:40]!r}, expected front matter: a line '---', YAML, and a line '---'"
        faults.append(Fault(file, 1, 1, message))
        return None, text, 1
    for number, row in enumerate(rows[1:], 1):
        if row.rstrip() == _FENCE:
            return "\n".join(rows[1:number]), "\n".join(rows[number + 1 :]), number + 2
    faults.append(Fault(file, len(rows), 1, "the front matter has no end; expected a second line '---'"))
    return None, "", len(rows)


def _front(file: str, header: str) -> tuple[FrontMatter, Document]:
    document = parse_yaml(header, file, line_offset=1)
    if not isinstance(document.content, dict):
        found = type(document.content).__name__
        message = f"found {found}, expected keys and values such as `name: triage-error`"
        raise DocumentInvalid([document.fault((), message)])
    return validate(document, FrontMatter), document


def _unknown_names(
    front: FrontMatter,
    document: Document,
    templates: Mapping[str, str],
    tools: Collection[str] | None,
    actions: Collection[str] | None,
) -> Iterator[Fault]:
    for key in ("gather", "gather_configured"):
        for index, tool in enumerate(getattr(front, key)):
            if tools is not None and _mistaken(tool, tools):
                yield document.fault((key, index), f"unknown tool {tool!r}{near(tool, tools)}")
    for index, glob in enumerate(front.tools):
        if tools is not None and not any(fnmatchcase(tool, glob) for tool in tools) and _mistaken(glob, tools):
            yield document.fault(("tools", index), f"{glob!r} matches no tool{near(glob, tools)}")
    for key in ("may_propose", "may_act"):
        for index, kind in enumerate(getattr(front.analyst, key)):
            if actions is not None and _mistaken(kind, actions):
                yield document.fault(("analyst", key, index), f"unknown action {kind!r}{near(kind, actions)}")
    for verdict, kinds in front.verdicts.items():
        for index, kind in enumerate(kinds):
            if actions is not None and _mistaken(kind, actions):
                yield document.fault(("verdicts", verdict, index), f"unknown action {kind!r}{near(kind, actions)}")
    for section in ("autonomy", "templates"):
        for kind in getattr(front, section):
            if actions is not None and _mistaken(kind, actions):
                yield document.fault((section, kind), f"unknown action {kind!r}{near(kind, actions)}")
    for kind, arguments in front.templates.items():
        for argument, template in arguments.items():
            if template not in templates:
                message = f"unknown template {template!r}{near(template, templates)}"
                yield document.fault(("templates", kind, argument), message)


def _mistaken(name: str, known: Collection[str]) -> bool:
    """Whether an unknown `SYSTEM.VERB` is a fault: its system is there and has no such verb, or it is nearly a name that is there. One of a
    system that is not configured here is none: the step or action then says so when it is its turn."""
    if name in known:
        return False
    systems = {each.partition(".")[0] for each in known}
    return name.partition(".")[0] in systems or bool(difflib.get_close_matches(name, known, n=1, cutoff=0.8))


def _jinja_faults(file: str, text: str, first_line: int, templates: Mapping[str, str]) -> Iterator[Fault]:
    made = environment(templates)

    def fault(line: int, message: str) -> Fault:
        return Fault(file, first_line + line - 1, 1, message)

    try:
        tree = made.parse(text)
        for use in tree.find_all(nodes.Filter):
            if use.name not in made.filters:
                yield fault(use.lineno, f"unknown filter {use.name!r}{near(use.name, made.filters)}")
                made.filters[use.name] = str
        undeclared = meta.find_undeclared_variables(tree) - CONTEXT.keys() - made.globals.keys()
    except TemplateSyntaxError as error:
        yield fault(error.lineno, f"not a template: {error.message}")
        return
    for name in tree.find_all(nodes.Name):
        if name.name in undeclared and name.ctx == "load":
            yield fault(name.lineno, f"undefined name {name.name!r}{near(name.name, CONTEXT)}")
    for access in tree.find_all(nodes.Getattr):
        base = access.node
        fields = CONTEXT.get(base.name, frozenset()) if isinstance(base, nodes.Name) else frozenset()
        if fields and access.attr not in fields and isinstance(base, nodes.Name):
            yield fault(access.lineno, f"{base.name!r} has no field {access.attr!r}{near(access.attr, fields)}")
    for referenced in meta.find_referenced_templates(tree):
        if referenced is not None and referenced.removesuffix(".j2") not in templates:
            yield fault(1, f"unknown template {referenced!r}{near(referenced, templates)}")


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
