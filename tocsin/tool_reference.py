"""A page for each tool, written from its types as `docs/tools/NAME.md`."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from schemas.time import Micros
from tocsin.reference import default_of, modules, table, word
from tocsin.registry import connectors_by_name

FOLDER = Path(__file__).parent.parent / "docs" / "tools"
INDEX = "README.md"

_NOTE = "*Written by `python -m tocsin.reference` from the types in the code; a test holds the two equal.*\n"
_OPENING = f"""\
# Tools

{_NOTE}
What a playbook can gather and an analyst can ask. All of them read and none changes anything; each has a deadline and a limit of size, and an answer
that is larger is refused with the advice to narrow the question. Every argument has a default: called with none, a tool looks at the incident, its
service and the time around its start.

A tool is there when its connector is configured, see the connector's page. Beside these there are the tools you describe yourself
(`custom.NAME`, see [custom](../connectors/custom.md)) and those of MCP servers (`mcp.SERVER.TOOL`, see [mcp](../connectors/mcp.md)).
"""
_ARGUMENTS = "| argument | type | default | what it is |"
_RESULT = "| field | type | what it is |"


def tool_pages() -> dict[str, str]:
    """File name to text of every page, the index among them."""
    pages: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    for connector in connectors_by_name().values():
        if connector.settings.__module__.startswith("connectors."):
            for tool in tools_of(connector):
                pages[f"{tool.name}.md"] = _page(tool, connector)
                where = f"[{connector.name}](../connectors/{connector.name}.md)"
                rows.append((f"[`{tool.name}`]({tool.name}.md)", where, tool.description))
    rows.sort()
    pages[INDEX] = "\n".join([_OPENING, table(rows, "| tool | connector | what it answers |")])
    return dict(sorted(pages.items()))


def write_tool_pages() -> None:
    """Write all pages, and remove those of tools that are gone."""
    pages = tool_pages()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text)


def tool_pages_are_fresh() -> bool:
    """Whether the folder holds what would be written, and nothing else."""
    return {each.name: each.read_text() for each in FOLDER.glob("*.md")} == tool_pages()


def tools_of(connector: Connector) -> list[type[Tool]]:
    """Classes of the tools a connector's package defines, by name."""
    package = ".".join(connector.settings.__module__.split(".")[:2])
    found: dict[str, type[Tool]] = {}
    for module in modules(package):
        for each in vars(module).values():
            named = isinstance(each, type) and isinstance(getattr(each, "name", None), str)
            if named and each.__module__.startswith(f"{package}.") and callable(getattr(each, "call", None)):
                found[each.name] = each
    return [found[name] for name in sorted(found)]


def _page(tool: type[Tool], connector: Connector) -> str:
    deadline = getattr(tool, "deadline_s", None)
    bounds = (
        f"At most {deadline:g} s"
        if isinstance(deadline, int | float)
        else "At most as long as its connector's `deadline_s` allows"
    )
    fields = list(tool.arguments.model_fields.items())
    parts = [
        f"# {tool.name}\n\n{_NOTE}\n{tool.description}\n",
        f"A tool of [{connector.name}](../connectors/{connector.name}.md). {bounds}, and {tool.max_bytes:,} bytes.\n",
        "## Arguments\n",
        table([_argument(name, field) for name, field in fields], _ARGUMENTS) if fields else "None.\n",
    ]
    for model in _inside(tool.arguments):
        parts += [
            f"### {model.__name__}\n\n{_said(model)}\n",
            table([_argument(*each) for each in model.model_fields.items()], _ARGUMENTS),
        ]
    parts += ["## Result\n", f"{_said(tool.result)}\n", _fields(tool.result)]
    for model in _inside(tool.result):
        parts += [f"### {model.__name__}\n\n{_said(model)}\n", _fields(model)]
    return "\n".join(parts)


def _argument(name: str, field: FieldInfo) -> tuple[str, ...]:
    default = default_of(field)
    return (
        f"`{field.alias or name}`",
        _shape(field.annotation),
        default if default != "none" else "",
        field.description or "",
    )


def _fields(model: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", _shape(field.annotation), field.description or "") for name, field in model.model_fields.items()
    ]
    return table(rows, _RESULT)


def _said(model: type[BaseModel]) -> str:
    return " ".join((inspect.cleandoc(model.__doc__ or "")).split())


def _shape(annotation: Any) -> str:
    """The type, in words; of a model, its name."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    if annotation == Micros:
        return "moment (RFC 3339)"
    if origin is Annotated:
        return _shape(inner[0])
    if origin is Literal or not inner:
        return word(annotation)
    if origin in (tuple, list):
        kinds = [each for each in inner if each is not Ellipsis]
        return f"list of {_shape(kinds[0])}" if len(set(kinds)) == 1 else f"list of ({', '.join(map(_shape, kinds))})"
    if origin is dict:
        return f"map of {_shape(inner[0])} to {_shape(inner[1])}"
    if origin is Union or len(inner) > 1:
        return " or ".join("nothing" if each is type(None) else _shape(each) for each in inner)
    return word(annotation)


def _inside(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Models a model is made of, in the order they are met, itself left out."""
    found: dict[type[BaseModel], None] = {}
    todo = [field.annotation for field in model.model_fields.values()]
    while todo:
        for each in _models(todo.pop(0)):
            if each not in found and each is not model:
                found[each] = None
                todo += [field.annotation for field in each.model_fields.values()]
    return list(found)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
