"""The reference of everything that can be configured, written from the types themselves as `docs/configuration.md`."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors.ports.connector import Connector
from tocsin.config import Configuration
from tocsin.registry import connectors_by_name

FILE = Path(__file__).parent.parent / "docs" / "configuration.md"

_OPENING = """\
# Configuration

*Written by `python -m tocsin.reference` from the types in the code; a test holds the two equal.*

One file, `tocsin.yaml`: the one named by `--config` or the variable `TOCSIN_CONFIG`, else the one in the working folder, else none,
and then every default below holds. Relative paths start at the file's folder, or without a file at the working folder. The file is validated
whole at start: every fault at once, with its line, and near names for a key that is not known. It is YAML 1.2: `on` and `no` are words.

`${NAME}` in a text is replaced from the environment, `${file:PATH}` by the content of a file without its last newline, `$$` by `$`. A
name that is not set and a file that cannot be read are faults. Values that came from there are not shown in error messages.

A fuller example with comments is [deploy/tocsin.yaml](../deploy/tocsin.yaml).
"""

_WORDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret",
    Any: "anything",
}
_BOUNDS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"), ("min_length", "length ≥"), ("max_length", "length ≤"))


def reference() -> str:
    """The whole page."""
    parts = [_OPENING, "## Settings", table(_settings(Configuration))]
    shipped = [one for one in connectors_by_name().values() if one.settings.__module__.startswith("connectors.")]
    parts += [
        "## Connectors",
        "Under `connectors`, `NAME` or `NAME/INSTANCE` (lower-case letters, digits, - and _) to settings. Requests for an instance arrive at "
        "`/in/NAME/INSTANCE`. Those marked *always* are there with default settings when the file does not name them.\n",
        table([_summary(one) for one in shipped], "| connector | what it is | always | hears | asks | does |"),
    ]
    for one in shipped:
        rows = list(_settings(one.settings))
        parts.append(f"### {one.name}")
        parts.append(table(rows) if rows else "Nothing to set.\n")
    return "\n".join(parts)


def offers(connector: Connector) -> tuple[list[str], list[str]]:
    """Names of the tools and kinds of the actions a connector has when everything is configured, from the classes in its package."""
    package = ".".join(connector.settings.__module__.split(".")[:2])
    tools: set[str] = set()
    actions: set[str] = set()
    for module in modules(package):
        for found in vars(module).values():
            if not isinstance(found, type) or not found.__module__.startswith(package):
                continue
            name, kind = getattr(found, "name", None), getattr(found, "kind", None)
            if callable(getattr(found, "call", None)) and isinstance(name, str):
                tools.add(name)
            if callable(getattr(found, "execute", None)) and isinstance(kind, str):
                actions.add(kind)
    return sorted(tools), sorted(actions)


def modules(package: str) -> Iterator[Any]:
    """A package and all modules in it."""
    root = importlib.import_module(package)
    yield root
    for module in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{package}."):
        yield importlib.import_module(module.name)


def _summary(connector: Connector) -> tuple[str, ...]:
    tools, actions = offers(connector)
    return (
        f"[{connector.name}](#{connector.name})",
        connector.summary.rstrip("."),
        "yes" if connector.default else "",
        ", ".join(f"`{path}`" for path in _paths(connector)),
        ", ".join(f"`{name}`" for name in tools),
        ", ".join(f"`{kind}`" for kind in actions),
    )


def _paths(connector: Connector) -> list[str]:
    if connector.source is None:
        return []
    try:
        routes = connector.source(connector.settings(), "default").routes
    except ValidationError:  # something in its settings has no default
        routes = ()
    return list(dict.fromkeys([f"/in/{connector.name}", *(route.path for route in routes)]))


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Name, type, default and description of every field, those of sections inside behind a dotted name."""
    for name, field in model.model_fields.items():
        full = f"{prefix}{field.alias or name}"
        inner, step = section_of(field.annotation)
        if inner is None or step or field.default is None:
            yield f"`{full}`", _type(field), default_of(field), field.description or ""
        if inner is not None:
            yield from _settings(inner, f"{full}{step}.")


def section_of(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model a field holds, and what stands between their names: nothing, `.*` in a map, `[]` in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = get_args(annotation)
    found = next((inner for inner, _ in map(section_of, arguments) if inner is not None), None)
    if found is None:
        return None, ""
    steps: dict[Any, str] = {dict: ".*", tuple: "[]", list: "[]"}
    return found, steps.get(get_origin(annotation), "")


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {value:,}" if isinstance(value, int) else f"{sign} {value:g}"
        for item in field.metadata
        for name, sign in _BOUNDS
        if (value := getattr(item, name, None)) is not None
    ]
    return ", ".join([word(field.annotation), *bounds])


def word(annotation: Any) -> str:
    """A type, in words."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(word(one) for one in arguments if one is not NoneType)
    if origin in (tuple, list):
        return f"list of {word(arguments[0])}"
    if origin is dict:
        return f"map of {word(arguments[0])} to {word(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "settings"
    return str(getattr(annotation, "__name__", annotation))


def default_of(field: FieldInfo) -> str:
    """A field's default, as it would be written."""
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value in ((), {}, [], ""):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"`{key}: {one}`" for key, one in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(f"`{one}`" for one in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else f"`{value}`"


def table(rows: Any, heading: str = "| setting | type | default | what it is |") -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([heading, "|" + "---|" * (heading.count("|") - 1), *lines, ""])


def main() -> None:
    """Write the pages; with `--check`, exit 1 when it is not what would be written."""
    from tocsin.tool_reference import tool_pages_are_fresh, write_tool_pages  # it is made of the functions above

    text = reference()
    if "--check" in sys.argv[1:]:
        same = FILE.exists() and FILE.read_text() == text and tool_pages_are_fresh()
        sys.exit(0 if same else f"stale: {FILE.name} or docs/tools; run `python -m tocsin.reference`")
    FILE.write_text(text)
    write_tool_pages()


if __name__ == "__main__":
    main()
