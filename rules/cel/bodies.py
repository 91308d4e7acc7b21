"""Which bodies of macros the fast back end writes as Python: those whose cost is bounded by the item they look at."""

from __future__ import annotations

from typing import Any

from rules.cel.syntax import And, Binary, Call, Has, Index, ListOf, Literal, Local, Node, Not, Or, Select

# Up to here int and double are ordered alike by Python and as doubles.
EXACT = 2**53


def constants_of(node: Node) -> tuple[Any, ...] | None:
    """The items of a list of constants, or None for anything else."""
    if isinstance(node, ListOf) and all(isinstance(item, Literal) for item in node.items):
        return tuple(item.value for item in node.items if isinstance(item, Literal))
    return None


def is_simple(node: Node, number: int) -> bool:
    """Whether a loop's body is made of tests whose cost is bounded by the item they look at."""
    match node:
        case Literal(value=bool()):
            return True
        case And() | Or():
            return all(is_simple(operand, number) for operand in node.operands)
        case Not():
            return is_simple(node.operand, number)
        case Has():
            return _below(node.operand, number)
        case Binary(operator="in"):
            constants = constants_of(node.right)
            return _below(node.left, number) and bool(constants) and all(type(item) is str for item in constants or ())
        case Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">="):
            sides = (node.left, node.right) if isinstance(node.right, Literal) else (node.right, node.left)
            return (
                _below(sides[0], number) and isinstance(sides[1], Literal) and _ordered(node.operator, sides[1].value)
            )
        case Call(
            function="contains" | "startsWith" | "endsWith" | "matches" | "glob",
            arguments=(subject, Literal(value=str())),
        ):
            return _below(subject, number)
        case Select() | Index() | Local():
            return _below(node, number)
    return False


def _ordered(operator: str, constant: object) -> bool:
    """Whether a comparison with this constant is written in Python: equality with any plain one, order with text and small numbers."""
    if operator in ("==", "!="):
        return constant is None or type(constant) in (str, int, float, bool)
    return type(constant) is str or (type(constant) in (int, float) and -EXACT <= constant <= EXACT)  # type: ignore[operator]


def _below(node: Node, number: int) -> bool:
    while isinstance(node, Select) or (
        isinstance(node, Index) and isinstance(node.key, Literal) and type(node.key.value) is str
    ):
        node = node.operand
    return isinstance(node, Local) and node.number == number
