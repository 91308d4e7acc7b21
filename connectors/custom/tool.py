"""A tool made of its description in the configuration."""

from typing import Any, Literal, cast
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, Field, create_model
from typing_extensions import override

from connectors.custom.command import output_of
from connectors.custom.settings import PARAMETER, CustomParameter, CustomTool, HttpQuestion, Scalar, whole
from connectors.ports.asking import Answer, Question
from connectors.ports.inquiry import Remote, segment
from connectors.ports.placeholders import blanks, fill
from connectors.ports.reading import Unreadable, lenient_json
from connectors.ports.tool import Tool, ToolContext, ToolFailed

_TYPES: dict[str, Any] = {"text": str, "integer": int, "number": float, "boolean": bool}


class CustomAnswer(Answer):
    """What it said: `data` when that is JSON, else `text`."""

    asked: str = Field(description="The address without its query, or the command")
    arguments: dict[str, Scalar]
    data: Any = None
    text: str = ""


class MadeTool(Tool):
    """One tool of the configuration."""

    result: type[BaseModel] = CustomAnswer

    def __init__(self, name: str, made: CustomTool) -> None:
        self.name = f"custom.{name}"
        self.description = made.description
        self.arguments = arguments_of(name, made)
        self.deadline_s = made.deadline_s + 1
        self.max_bytes = made.max_bytes + 4_000
        self.trusted = made.trusted
        self._made = made

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> CustomAnswer:
        values = {
            name: self._value(name, each, getattr(arguments, name), context)
            for name, each in self._made.parameters.items()
        }
        if self._made.command is not None:
            asked, content = await self._run(values)
        else:
            assert self._made.http is not None  # noqa: S101 - the settings have one or the other
            asked, content = await self._ask(self._made.http, values)
        try:
            found = lenient_json(content)
        except Unreadable:
            return CustomAnswer(
                asked=asked, arguments=values, text=content.decode("utf-8", "replace").replace("\0", "\ufffd")
            )
        return CustomAnswer(asked=asked, arguments=values, data=found)

    def _value(self, name: str, parameter: CustomParameter, given: Scalar, context: ToolContext) -> Scalar:
        """The value given, else the default with its blanks filled, held to the same rules. Raises ToolFailed."""
        if given is not None:
            return given
        value = parameter.default
        if value is None:
            raise ToolFailed(f"{self.name} needs {name!r} ({parameter.type}); it has no default")
        if isinstance(value, str) and blanks(value):
            filled = fill(value, context.incident, how="raw")
            try:
                value = getattr(self.arguments.model_validate({name: filled}), name)
            except ValueError as error:
                raise ToolFailed(
                    f"{self.name} does not take {filled!r} of this incident as {name!r}: {error}"
                ) from error
        return value

    async def _run(self, values: dict[str, Scalar]) -> tuple[str, bytes]:
        assert self._made.command is not None  # noqa: S101 - the caller looked
        template = self._made.command.run
        arguments = [put(each, values) for each in template]
        for written, filled in zip(template[1:], arguments[1:], strict=True):
            if filled.startswith("-") and not written.startswith("-"):
                raise ToolFailed(f"{self.name}: {filled!r} begins with a dash and would be taken for an option")
        content = await output_of(
            self._made.command, arguments, most=self._made.max_bytes, deadline_s=self._made.deadline_s
        )
        return " ".join(arguments)[:500], content

    async def _ask(self, http: HttpQuestion, values: dict[str, Scalar]) -> tuple[str, bytes]:
        parts = urlsplit(http.url)
        path = "/".join(
            segment(put(each, values)) if PARAMETER.search(each) else each for each in parts.path.split("/")
        )
        headers = {name: value.get_secret_value() for name, value in http.headers.items()}
        remote = Remote(
            self.name,
            f"{parts.scheme}://{parts.netloc}",
            {"accept": "*/*", **headers},
            deadline_s=self._made.deadline_s,
            max_bytes=self._made.max_bytes,
            ca=http.ca,
        )
        query = {name: put(value, values) for name, value in http.query.items()}
        body = _filled(http.body, values) if http.body is not None else {}
        if http.method == "POST" and query:
            raise ToolFailed(f"{self.name}: a POST takes its values in json, not in query; correct the configuration")
        content = await remote.send(http.method, path, query, body, f"{values}")
        return f"{remote.url}{path}", content


def arguments_of(name: str, made: CustomTool) -> type[BaseModel]:
    """The arguments as a type, so that they are checked and described as any tool's are."""
    fields: dict[str, Any] = {}
    for each, parameter in made.parameters.items():
        annotation = Literal[parameter.choices] if parameter.type == "choice" else _TYPES[parameter.type]
        rules: dict[str, Any] = {"description": _described(parameter)}
        if parameter.type == "text":
            rules |= {"pattern": whole(parameter.pattern), "max_length": parameter.max_length}
        if parameter.type in ("integer", "number"):
            rules |= {"ge": parameter.minimum, "le": parameter.maximum}
        fields[each] = (annotation | None, Field(default=None, **rules))
    title = "".join(part.capitalize() for part in name.split("_"))
    return cast(type[BaseModel], create_model(f"{title}Question", __base__=Question, **fields))


def put(template: str, values: dict[str, Scalar]) -> str:
    """The template with parameters put in, as text."""
    return PARAMETER.sub(lambda found: _text(values[found[1]]), template)


def _filled(value: Any, values: dict[str, Scalar]) -> Any:
    if isinstance(value, str):
        alone = PARAMETER.fullmatch(value)
        return values[alone[1]] if alone is not None else put(value, values)
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    return [_filled(each, values) for each in value] if isinstance(value, list) else value


def _text(value: Scalar) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _described(parameter: CustomParameter) -> str:
    default = "" if parameter.default is None else f"by default {parameter.default!r}"
    return "; ".join(part for part in (parameter.description, default) if part)
