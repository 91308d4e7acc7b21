"""Conditions: Tocsin's own small compiler for the Common Expression Language (cel-spec), for one signal at a time.

    condition = compile('source == "sentry" && labels.env == "prod"', schema=schema)
    condition.matches(signal)

The text is parsed once into one form (`syntax`), which two back ends run: `closures`, fast, true or false; and
`evaluate`, with values and the reasons of failures. docs/conditions.md is the language as users see it.
"""

from rules.cel.condition import Condition, Expression, compile, compile_value  # noqa: A004
from rules.cel.equalities import Alternative, Equalities, Path
from rules.cel.faults import CelError, CelFailure, Fault
from rules.cel.functions import FUNCTIONS, MACROS, SEVERITIES
from rules.cel.lifted import MISSING
from rules.cel.schema import FieldKind, FieldSchema
from rules.cel.values import CelMap, CelType, Duration, Timestamp, Uint, Value

__all__ = [
    "FUNCTIONS",
    "MACROS",
    "MISSING",
    "SEVERITIES",
    "Alternative",
    "CelError",
    "CelFailure",
    "CelMap",
    "CelType",
    "Condition",
    "Duration",
    "Equalities",
    "Expression",
    "Fault",
    "FieldKind",
    "FieldSchema",
    "Path",
    "Timestamp",
    "Uint",
    "Value",
    "compile",
    "compile_value",
]
