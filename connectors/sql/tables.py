"""Tables read by condition: names are looked up and quoted, values travel beside the statement; and a list of what may be asked."""

from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.sql.reading import Rows, Statement, run
from connectors.sql.settings import Database, Scalar, SqlSettings, Table
from schemas.document import near

Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "like", "in", "is null", "is not null"]
MOST = 2000
"""Columns of a database that are looked at."""


class Condition(Question):
    """One condition on a column."""

    column: str = Field(max_length=200)
    is_: Comparison = Field(default="=", alias="is")
    value: Scalar | tuple[Scalar, ...] = Field(
        default=None, description="A list for `in`; nothing for `is null` and `is not null`"
    )


class SelectQuestion(Question):
    """Which rows of which table."""

    table: str = Field(default="", max_length=200, description="Name as sql.catalogue lists it")
    database: str = Field(default="", max_length=60, description="Needed where there are several")
    columns: tuple[str, ...] = Field(default=(), max_length=50, description="Empty: all that may be read")
    where: tuple[Condition, ...] = Field(default=(), max_length=20, description="All must hold")
    order_by: str = Field(default="", max_length=200)
    descending: bool = True
    limit: int = Field(default=50, ge=1, le=2000)


class SqlSelect(Tool):
    """Rows by condition."""

    name = "sql.select"
    description = (
        "Rows of a table that may be read, by conditions on its columns. sql.catalogue lists tables and columns."
    )
    arguments: type[BaseModel] = SelectQuestion
    result: type[BaseModel] = Rows
    deadline_s = 70.0
    max_bytes = 100_000

    def __init__(self, settings: SqlSettings) -> None:
        self._databases = settings.databases

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Rows:
        assert isinstance(arguments, SelectQuestion)  # noqa: S101 - the caller validated against `arguments`
        name, database = _database(arguments, self._databases)
        table = database.tables.get(arguments.table)
        if table is None:
            known = list(database.tables)
            raise ToolFailed(f"table {arguments.table!r} of {name!r} may not be read{near(arguments.table, known)}")
        readable = await columns_of(name, database, arguments.table, table)
        wanted = list(arguments.columns) or readable
        for column in (*wanted, *(each.column for each in arguments.where), *filter(None, [arguments.order_by])):
            if column not in readable:
                raise ToolFailed(f"column {column!r} of {arguments.table!r} may not be read{near(column, readable)}")
        values: dict[str, Scalar] = {}
        conditions = [_written(each, values) for each in arguments.where]
        sql = f"SELECT {', '.join(map(quoted, wanted))} FROM {_place(arguments.table)}"  # noqa: S608 - names are quoted, values are not in it
        sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql += (
            f" ORDER BY {quoted(arguments.order_by)} {'DESC' if arguments.descending else 'ASC'}"
            if arguments.order_by
            else ""
        )
        most = min(arguments.limit, database.most_rows)
        narrowed = database.model_copy(update={"most_rows": most})
        return await run(name, narrowed, Statement(f"{sql} LIMIT {most + 1}", values), _told(arguments))


def _database(asked: SelectQuestion, databases: dict[str, Database]) -> tuple[str, Database]:
    if asked.database:
        if asked.database not in databases:
            known = list(databases)
            raise ToolFailed(f"no database is named {asked.database!r}{near(asked.database, known)}")
        return asked.database, databases[asked.database]
    having = [name for name, each in databases.items() if asked.table in each.tables] or list(databases)
    if len(having) > 1:
        raise ToolFailed(f"there are several databases ({', '.join(having)}); name the `database`")
    return having[0], databases[having[0]]


def _written(condition: Condition, values: dict[str, Scalar]) -> str:
    """The condition, its values put beside it. Raises ToolFailed for a value of the wrong shape."""
    column, value = quoted(condition.column), condition.value
    match condition.is_:
        case "is null" | "is not null":
            return f"{column} {condition.is_.upper()}"
        case "in":
            listed = value if isinstance(value, tuple) else (value,)
            if not 0 < len(listed) <= 100:
                raise ToolFailed(f"`in` on {condition.column!r} takes 1 to 100 values, found {len(listed)}")
            return f"{column} IN ({', '.join(_kept(each, values) for each in listed)})"
        case operator:
            if isinstance(value, tuple) or value is None:
                raise ToolFailed(f"{operator!r} on {condition.column!r} takes one value, found {value!r}")
            if operator == "like" and not isinstance(value, str):
                raise ToolFailed(f"'like' on {condition.column!r} takes a text, found {value!r}")
            return f"{column} {operator.upper()} {_kept(value, values)}"


def _kept(value: Scalar, values: dict[str, Scalar]) -> str:
    name = f"v{len(values)}"
    values[name] = value.replace("\0", "\ufffd") if isinstance(value, str) else value
    return f":{name}"


def quoted(name: str) -> str:
    """A name as an identifier of SQL. Colons are refused, because values are marked by one."""
    if "\0" in name or ":" in name:
        raise ToolFailed(f"{name!r} is no name of a column or table")
    return '"' + name.replace('"', '""') + '"'


def _place(table: str) -> str:
    return ".".join(quoted(part) for part in table.split(".", 1))


def _told(asked: SelectQuestion) -> str:
    where = " and ".join(f"{each.column} {each.is_} {each.value!r}" for each in asked.where)
    return f"{asked.table}{f' where {where}' if where else ''}"[:500]


async def columns_of(name: str, database: Database, table: str, rule: Table) -> list[str]:
    """Columns that may be read, in the table's order. Raises ToolFailed when there is no such table."""
    if database.file is not None:
        asked = Statement("SELECT name FROM pragma_table_info(:t)", {"t": table}, ours=True)
    else:
        schema, _, bare = table.rpartition(".")
        asked = Statement(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(:t) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            {"t": ".".join(quoted(part) for part in (schema, bare) if part)},
        )
    found = await run(name, database.model_copy(update={"most_rows": MOST}), asked, f"columns of {table!r}")
    every = [str(row[0]) for row in found.rows]
    if not every:
        raise ToolFailed(f"{name!r} has no table {table!r} that its role can see; correct sql.databases.{name}.tables")
    return [each for each in every if each not in rule.hidden and (not rule.columns or each in rule.columns)]


class CatalogueQuestion(Question):
    """Of which database."""

    database: str = Field(default="", max_length=60, description="Empty: all")


class QueryListed(Answer):
    """A named query; `parameters` say type and default."""

    database: str
    query: str
    description: str
    parameters: dict[str, str]


class TableListed(Answer):
    """A table that may be read."""

    database: str
    table: str
    description: str
    columns: tuple[str, ...]


class Catalogue(Answer):
    """What may be asked."""

    queries: tuple[QueryListed, ...]
    tables: tuple[TableListed, ...]
    failed: dict[str, str] = Field(default_factory=dict)


class SqlCatalogue(Tool):
    """What there is."""

    name = "sql.catalogue"
    description = "The named queries and readable tables of the configured databases, with parameters and columns."
    arguments: type[BaseModel] = CatalogueQuestion
    result: type[BaseModel] = Catalogue
    deadline_s = 30.0
    max_bytes = 64_000

    def __init__(self, settings: SqlSettings) -> None:
        self._databases = settings.databases

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Catalogue:
        assert isinstance(arguments, CatalogueQuestion)  # noqa: S101 - the caller validated against `arguments`
        wanted = {name: each for name, each in self._databases.items() if arguments.database in ("", name)}
        tables: list[TableListed] = []
        failed: dict[str, str] = {}
        for name, database in wanted.items():
            for table, rule in database.tables.items():
                try:
                    columns = await columns_of(name, database, table, rule)
                except ToolFailed as error:
                    failed[f"{name}.{table}"] = str(error)
                else:
                    tables.append(
                        TableListed(database=name, table=table, description=rule.description, columns=tuple(columns))
                    )
        queries = [
            QueryListed(
                database=name,
                query=key,
                description=query.description,
                parameters={
                    each: f"{parameter.type}, {'needed' if parameter.default is None else f'default {parameter.default!r}'}"
                    + (f": {parameter.description}" if parameter.description else "")
                    for each, parameter in query.parameters.items()
                },
            )
            for name, database in wanted.items()
            for key, query in database.queries.items()
        ]
        return Catalogue(queries=tuple(queries), tables=tuple(tables), failed=failed)
