"""Named queries: statements somebody wrote before, with the values a question gives."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.placeholders import blanks, fill
from connectors.ports.reading import moment
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.sql.reading import Rows, Statement, run
from connectors.sql.settings import Database, NamedQuery, Parameter, Scalar, SqlSettings
from schemas.document import near

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class QueryQuestion(Question):
    """Which one; without a name those marked to be gathered."""

    query: str = Field(default="", max_length=60, description="Name of a configured query: see sql.catalogue")
    database: str = Field(default="", max_length=60, description="Needed where two databases have a query of that name")
    parameters: dict[str, Scalar] = Field(
        default_factory=dict, max_length=20, description="Values by name; others take their default"
    )


class Answers(Answer):
    """Rows of each query asked. `failed` are those that could not be answered, with why."""

    results: tuple[Rows, ...]
    failed: dict[str, str] = Field(default_factory=dict)


class SqlQuery(Tool):
    """Named queries."""

    name = "sql.query"
    description = (
        "Rows of a named query against a database, with values for its parameters; without a name, of the queries meant to be asked "
        "about every incident. sql.catalogue lists what there is."
    )
    arguments: type[BaseModel] = QueryQuestion
    result: type[BaseModel] = Answers
    deadline_s = 70.0
    max_bytes = 100_000

    def __init__(self, settings: SqlSettings) -> None:
        self._databases = settings.databases

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Answers:
        assert isinstance(arguments, QueryQuestion)  # noqa: S101 - the caller validated against `arguments`
        if arguments.query:
            name, database, query = self._named(arguments)
            return Answers(results=(await _ask(name, database, arguments.query, query, arguments.parameters, context),))
        gathered = [
            (name, database, key, query)
            for name, database in self._databases.items()
            for key, query in database.queries.items()
            if query.gather and arguments.database in ("", name)
        ]
        if not gathered:
            raise ToolFailed(
                "no query is meant to be gathered; name a `query` (sql.catalogue lists them), or mark one `gather: true`"
            )
        results: list[Rows] = []
        failed: dict[str, str] = {}
        for name, database, key, query in gathered[:8]:
            try:
                results.append(await _ask(name, database, key, query, {}, context))
            except ToolFailed as error:
                failed[f"{name}.{key}"] = str(error)
        if not results:
            raise ToolFailed("; ".join(failed.values()))
        return Answers(results=tuple(results), failed=failed)

    def _named(self, asked: QueryQuestion) -> tuple[str, Database, NamedQuery]:
        found = [
            (name, database, database.queries[asked.query])
            for name, database in self._databases.items()
            if asked.query in database.queries and asked.database in ("", name)
        ]
        if len(found) == 1:
            return found[0]
        known = [key for database in self._databases.values() for key in database.queries]
        if found:
            raise ToolFailed(
                f"query {asked.query!r} is in {', '.join(name for name, *_ in found)}; name the `database`"
            )
        raise ToolFailed(f"no query is named {asked.query!r}{near(asked.query, known)}")


async def _ask(
    name: str, database: Database, key: str, query: NamedQuery, given: Mapping[str, Scalar], context: ToolContext
) -> Rows:
    if unknown := sorted(set(given) - set(query.parameters)):
        known = list(query.parameters)
        raise ToolFailed(f"query {key!r} has no parameter {unknown[0]!r}{near(unknown[0], known)}")
    values = {each: _value(each, parameter, given.get(each), context) for each, parameter in query.parameters.items()}
    return await run(name, database, Statement(query.sql, values), f"query {key!r}")


def _value(name: str, parameter: Parameter, given: Scalar, context: ToolContext) -> Scalar | datetime:
    """The value in its type. Raises ToolFailed saying what was expected."""
    value = given
    if value is None:
        value = parameter.default
        if isinstance(value, str) and blanks(value):
            # A value of its own beside the statement: nothing has to be escaped.
            value = fill(value, context.incident, how="raw")
    if value is None:
        raise ToolFailed(f"parameter {name!r} ({parameter.type}) has no default; give it")
    match parameter.type:
        case "text" if isinstance(value, str):
            return value[:10_000].replace("\0", "\ufffd")
        case "integer" if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "moment" if isinstance(value, str):
            at = {"start": context.incident.first_seen, "now": context.now}.get(value) or moment(value)
            if at is not None:
                return _EPOCH + timedelta(microseconds=at)
    raise ToolFailed(
        f"parameter {name!r} is {value!r}; expected {'RFC 3339, start or now' if parameter.type == 'moment' else parameter.type}"
    )
