"""A real PostgreSQL and a real SQLite file are read, and nothing that is tried changes them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from connectors.ports.tool import Tool, ToolFailed
from connectors.sql import connector
from connectors.sql.settings import SqlSettings
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import checkout_incident
from tests.support.postgres_server import Postgres

MADE = """
create table orders (id integer primary key, service text, state text, amount numeric, placed timestamp, card text);
insert into orders values (1, 'checkout', 'failed', 12.5, '2026-03-14 02:11:00', '4111');
insert into orders values (2, 'checkout', 'failed', 7, '2026-03-14 02:12:00', '4222');
insert into orders values (3, 'checkout', 'paid', 3, '2026-03-14 01:00:00', null);
insert into orders values (4, 'web''s "x"', 'paid', 1, '2026-03-13 02:12:00', '4333');
create table secrets (password text);
insert into secrets values ('hunter2');
"""
QUERIES = {
    "failed": {
        "sql": "select state, count(*) as n from orders where service = :service and state <> :state group by state order by state",
        "description": "Orders of a service by state",
        "parameters": {"service": {"default": "%{service}"}, "state": {"default": "paid"}},
        "gather": True,
    },
    "since": {
        "sql": "select id from orders where placed >= :since order by id",
        "parameters": {"since": {"type": "moment", "default": "start"}},
    },
    "needs": {"sql": "select :n + 1 as m", "parameters": {"n": {"type": "integer"}}},
    "slow": {"sql": "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t"},
    "writes": {"sql": "insert into orders (id) values (99)"},
    "hides": {"sql": "select 1; delete from orders"},
}
Opened = Callable[..., dict[str, Tool]]


@pytest.fixture(params=["postgres", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Tools over a database of that kind."""
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        place: dict[str, Any] = {"url": server.fresh_database()}
        with psycopg.connect(place["url"]) as connection:
            connection.execute(MADE)
    else:
        place = {"file": str(tmp_path / "shop.db")}
        with sqlite3.connect(tmp_path / "shop.db") as made:
            made.executescript(MADE)
        made.close()

    def tools(**more: Any) -> dict[str, Tool]:
        table = {"hidden": ["card"], "description": "What was ordered"}
        given = {"queries": QUERIES, "tables": {"orders": table}, "timeout_s": 1.0, **place, **more}
        return tools_of(connector, databases={"shop": given})

    return tools


def test_gathered_queries_are_asked_with_the_incident_s_own_values(opened: Opened) -> None:
    answer = ask(opened()["sql.query"])
    (rows,) = answer.results
    assert (rows.statement, rows.columns, rows.rows, rows.complete) == (
        "query 'failed'",
        ("state", "n"),
        (("failed", 2),),
        True,
    )
    evil = ask(opened()["sql.query"], incident=checkout_incident(service="x' or '1'='1"))
    assert evil.results[0].rows == ()
    odd = ask(
        opened()["sql.query"],
        incident=checkout_incident(service='web\'s "x"'),
        query="failed",
        parameters={"state": ""},
    )
    assert odd.results[0].rows == (("paid", 1),)


def test_values_have_types_and_what_is_wrong_is_said(opened: Opened) -> None:
    tool = opened()["sql.query"]
    assert ask(tool, query="needs", parameters={"n": 41}).results[0].rows == ((42,),)
    with pytest.raises(ToolFailed, match=r"parameter 'n' \(integer\) has no default; give it"):
        ask(tool, query="needs")
    with pytest.raises(ToolFailed, match="parameter 'n' is '1; drop table orders'; expected integer"):
        ask(tool, query="needs", parameters={"n": "1; drop table orders"})
    with pytest.raises(ToolFailed, match=r"query 'failed' has no parameter 'servce'.*service"):
        ask(tool, query="failed", parameters={"servce": "x"})
    with pytest.raises(ToolFailed, match=r"no query is named 'faild'.*failed"):
        ask(tool, query="faild")


def test_a_moment_is_compared_as_one(opened: Opened) -> None:
    assert ask(opened()["sql.query"], query="since").results[0].rows == ((1,), (2,))
    early = ask(opened()["sql.query"], query="since", parameters={"since": "2026-03-14T01:00:00Z"})
    assert early.results[0].rows == ((1,), (2,), (3,))


def test_a_statement_that_takes_too_long_is_stopped(opened: Opened) -> None:
    with pytest.raises(ToolFailed, match=r"asked 'shop' for query 'slow'.*(no answer within 1 s|statement timeout)"):
        ask(opened()["sql.query"], query="slow")


def test_nothing_can_be_written(opened: Opened) -> None:
    tools = opened()
    for name in ("writes", "hides"):
        with pytest.raises(ToolFailed, match=f"query '{name}'"):
            ask(tools["sql.query"], query=name)
    assert len(ask(tools["sql.select"], table="orders").rows) == 4


def test_rows_are_read_by_condition_and_hidden_columns_are_not(opened: Opened) -> None:
    tool = opened()["sql.select"]
    failed = ask(
        tool, table="orders", where=[{"column": "state", "is": "=", "value": "failed"}], order_by="id", descending=False
    )
    assert failed.columns == ("id", "service", "state", "amount", "placed")
    assert [row[:4] for row in failed.rows] == [(1, "checkout", "failed", 12.5), (2, "checkout", "failed", 7)]
    some = ask(
        tool, table="orders", columns=["id"], where=[{"column": "id", "is": "in", "value": [1, 4]}], order_by="id"
    )
    assert some.rows == ((4,), (1,)) and some.statement == "orders where id in (1, 4)"
    assert ask(
        tool, table="orders", columns=["id"], where=[{"column": "service", "is": "like", "value": "web%"}]
    ).rows == ((4,),)
    assert len(ask(tool, table="orders", where=[{"column": "amount", "is": ">", "value": 3}]).rows) == 2
    assert ask(tool, table="orders", where=[{"column": "service", "is": "is null"}]).rows == ()
    first = ask(tool, table="orders", columns=["id"], order_by="id", limit=2)
    assert first.rows == ((4,), (3,)) and not first.complete


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"table": "secrets"}, "table 'secrets' of 'shop' may not be read; expected one of orders"),
        ({"table": "orders; drop table orders"}, "may not be read"),
        ({"table": "orders", "columns": ["card"]}, "column 'card' of 'orders' may not be read"),
        ({"table": "orders", "columns": ['id" from secrets --']}, "may not be read"),
        ({"table": "orders", "where": [{"column": "card", "is": "like", "value": "4%"}]}, "column 'card'"),
        ({"table": "orders", "order_by": "card"}, "column 'card'"),
        ({"table": "orders", "where": [{"column": "id", "is": "=", "value": [1]}]}, "takes one value"),
        ({"table": "orders", "where": [{"column": "id", "is": "in", "value": []}]}, "takes 1 to 100 values"),
    ],
)
def test_what_may_not_be_read_is_refused_in_words(opened: Opened, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolFailed, match=words):
        ask(opened()["sql.select"], **arguments)


def test_a_comparison_outside_the_list_is_no_comparison(opened: Opened) -> None:
    with pytest.raises(ValidationError):
        ask(opened()["sql.select"], table="orders", where=[{"column": "id", "is": "= 1 or 1", "value": 1}])


def test_what_may_be_asked_is_listed(opened: Opened) -> None:
    found = ask(opened()["sql.catalogue"])
    assert [(each.table, each.columns) for each in found.tables] == [
        ("orders", ("id", "service", "state", "amount", "placed"))
    ]
    listed = {each.query: each.parameters for each in found.queries}
    assert listed["needs"] == {"n": "integer, needed"} and listed["failed"]["state"] == "text, default 'paid'"
    missing = ask(opened(tables={"nowhere": {}})["sql.catalogue"])
    assert missing.tables == () and "has no table 'nowhere'" in missing.failed["shop.nowhere"]


def test_odd_values_are_shown_as_text(postgres: Postgres) -> None:
    sql = "select 'NaN'::numeric, 1e400::numeric, 'infinity'::float8, decode('00ff', 'hex'), array[1,2], now() is not null, '{\"a\": 1}'::jsonb, 9223372036854775807"
    tools = tools_of(connector, databases={"d": {"url": postgres.fresh_database(), "queries": {"odd": {"sql": sql}}}})
    (row,) = ask(tools["sql.query"], query="odd").results[0].rows
    assert row[0] == "NaN" and row[2:] == ("inf", "(2 bytes)", "[1, 2]", True, "{'a': 1}", 9223372036854775807)


def test_a_database_that_is_not_there_is_said_to_be_not_there_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ann:hush@127.0.0.1:1/x"
    tools = tools_of(connector, databases={"p": {"url": url, "queries": {"q": {"sql": "select 1"}}}})
    with pytest.raises(ToolFailed, match="asked 'p' for query 'q': OperationalError") as told:
        ask(tools["sql.query"], query="q")
    assert "hush" not in str(told.value)
    tools = tools_of(
        connector, databases={"s": {"file": str(tmp_path / "no.db"), "queries": {"q": {"sql": "select 1"}}}}
    )
    with pytest.raises(ToolFailed, match="there is no SQLite file"):
        ask(tools["sql.query"], query="q")
    assert not (tmp_path / "no.db").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "pragma journal_mode=delete",
        "attach database '/tmp/x.db' as x",
        "select load_extension('x')",
        "vacuum",
        "create table x (y)",
        "begin",
    ],
)
def test_sqlite_does_nothing_but_read(sql: str, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").close()
    tools = tools_of(connector, databases={"s": {"file": str(tmp_path / "a.db"), "queries": {"q": {"sql": sql}}}})
    with pytest.raises(ToolFailed, match=r"not authorized|authorization denied|read-?only|cannot"):
        ask(tools["sql.query"], query="q")


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in (
        {},
        {"url": "mysql://x"},
        {"url": "postgresql://x", "file": "y"},
        {"file": "y", "queries": {"Q": {"sql": "select 1"}}},
        {"file": "y", "queries": {"q": {"sql": "select 1", "parameters": {"p": {}}}}},
        {"file": "y", "queries": {"q": {"sql": "select :p", "parameters": {"p": {}}, "gather": True}}},
        {"file": "y", "queries": {"q": {"sql": "select :p", "parameters": {"p": {"default": "%{nope}"}}}}},
    ):
        with pytest.raises(ValidationError):
            SqlSettings.model_validate({"databases": {"d": wrong}})
    assert connector.tools(SqlSettings(), "default") == ()
