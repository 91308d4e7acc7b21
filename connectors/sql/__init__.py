"""SQL: databases that are only read, by named queries and by conditions on listed tables."""

from collections.abc import Sequence
from functools import partial

from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.sql.settings import SqlSettings


def tools(settings: SqlSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a database to ask."""
    if not settings.databases:
        return ()
    from connectors.sql.query import SqlQuery  # the driver takes 7 MB that most programs need not have
    from connectors.sql.tables import SqlCatalogue, SqlSelect

    return (SqlQuery(settings), SqlSelect(settings), SqlCatalogue(settings))


def checkups(settings: SqlSettings, _instance: str) -> Sequence[Checkup]:
    """Whether each database answers."""
    if not settings.databases:
        return []
    from connectors.sql.reading import answers

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
