"""Where a condition's own lines and columns stand in the file that holds it."""

from collections.abc import Sequence

from schemas.document import Document, Path


def inside(document: Document, lines: Sequence[str], path: Path, *, line: int, column: int) -> tuple[int, int]:
    """Line and column in the file of a place in the text at `path`. In quoted text with escapes, and in text that is folded
    with uneven spaces, it is near the place."""
    start_line, start_column = document.value_at(path)
    source = lines[start_line - 1][start_column - 1 :] if start_line <= len(lines) else ""
    if source[:1] in ("|", ">"):
        return _in_block(lines, start_line, line, column)
    if source[:1] in ("'", '"'):
        start_column += 1
    return (start_line, start_column + column - 1) if line == 1 else (start_line + line - 1, column)


def _in_block(lines: Sequence[str], start_line: int, line: int, column: int) -> tuple[int, int]:
    first = lines[start_line] if start_line < len(lines) else ""
    indent = len(first) - len(first.lstrip(" "))
    at = start_line + line
    # Folded text (`>`) is one line to its reader and several in the file.
    while at < len(lines) and column > (width := len(lines[at - 1]) - indent + 1) > 0:
        column, at = column - width, at + 1
    return at, indent + column
