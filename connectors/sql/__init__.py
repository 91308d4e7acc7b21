"""SQL: databases that are only read, by named queries and by conditions on listed tables."""

from collections.abc import Sequence
from functools import partial

from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.sql.query import SqlQuery
from connectors.sql.reading import answers
from connectors.sql.settings import SqlSettings
from connectors.sql.tables import SqlCatalogue, SqlSelect


def tools(settings: SqlSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a database to ask."""
    kinds = (SqlQuery, SqlSelect, SqlCatalogue)
    return tuple(kind(settings) for kind in kinds) if settings.databases else ()


def checkups(settings: SqlSettings, _instance: str) -> Sequence[Checkup]:
    """Whether each database answers."""
    return [
        Checkup(f"sql {name}", partial(answers, name, database), f"check sql.databases.{name}")
        for name, database in settings.databases.items()
    ]


connector = Connector(
    name="sql",
    summary="Reads PostgreSQL and SQLite: named queries, and listed tables by condition",
    settings=SqlSettings,
    tools=tools,
    checkups=checkups,
)
