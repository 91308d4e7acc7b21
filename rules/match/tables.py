"""Tables beside the rules, in which a value of a signal is looked up."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import orjson

from schemas.document import DocumentInvalid, near, parse_yaml
from schemas.ids import content_hash

MOST_ROWS = 100_000


@dataclass(frozen=True)
class Table:
    """Rows by the text of their first column; `columns` are the others, in order."""

    name: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    @cached_property
    def version(self) -> str:
        """The hash of all it says."""
        return content_hash(orjson.dumps([self.columns, self.rows], option=orjson.OPT_SORT_KEYS))

    def column(self, name: str | None) -> str:
        """The column of that name, or the last one. Raises ValueError with near names."""
        if name is None:
            return self.columns[-1]
        if name not in self.columns:
            raise ValueError(f"{self.name} has no column {name!r}{near(name, self.columns)}")
        return name


def read_table(name: str, text: str) -> Table:
    """From CSV with a first line of names, or YAML: a mapping of keys to values, or to mappings of columns. Raises ValueError."""
    table = _from_csv(name, text) if name.endswith(".csv") else _from_yaml(name, text)
    if len(table.rows) > MOST_ROWS:
        raise ValueError(f"{name} has {len(table.rows)} rows, a table has at most {MOST_ROWS}")
    return table


def _from_csv(name: str, text: str) -> Table:
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    lines = [line for line in lines if line]
    if not lines or len(lines[0]) < 2:
        raise ValueError(f"{name} is no table: its first line names two columns or more, the first one being the key")
    columns = tuple(column.strip() for column in lines[0])
    rows = {}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(columns):
            raise ValueError(f"{name}, row {number}: found {len(line)} values, expected {len(columns)}")
        rows[line[0].strip()] = {column: value.strip() for column, value in zip(columns[1:], line[1:], strict=True)}
    return Table(name, columns[1:], rows)


def _from_yaml(name: str, text: str) -> Table:
    try:
        content = parse_yaml(text, name).content
    except DocumentInvalid as error:
        raise ValueError(str(error)) from error
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{name} is no table: expected a mapping of keys to values, or to mappings of columns")
    columns: dict[str, None] = {}
    rows = {}
    for key, said in content.items():
        row = said if isinstance(said, dict) else {"value": said}
        rows[_text(key)] = {str(column): _text(value) for column, value in row.items() if value is not None}
        columns.update(dict.fromkeys(map(str, row)))
    return Table(name, tuple(columns), rows)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
