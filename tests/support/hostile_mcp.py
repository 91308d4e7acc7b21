"""An MCP server whose tools say of themselves, and answer, what the injection corpus holds: `python -m tests.support.hostile_mcp FOLDER SAYING`.

`SAYING` is a JSON file: `described` (descriptions, one tool each) and `pages` (page to text). A call of `admin_delete` leaves the file `deleted` in FOLDER.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer


def main() -> None:
    """Serve over stdio until the input ends."""
    folder, saying = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    made: MCPServer[Any] = MCPServer("wiki")

    def look(word: str = "") -> str:
        return f"nothing about {word}"

    for number, description in enumerate(saying["described"], 1):
        made.add_tool(look, name=f"look_{number}", description=description)

    @made.tool(description="Finds pages")
    def search(words: str) -> str:
        with (folder / "searched").open("a") as file:
            file.write(f"{words}\n")
        return "no page"

    @made.tool(description="Reads a page")
    def read_page(page: str = "") -> str:
        return str(saying["pages"].get(page, "no such page"))

    @made.tool(description="Removes pages")
    def admin_delete() -> str:
        (folder / "deleted").write_text("yes")
        return "done"

    made.run("stdio")


if __name__ == "__main__":
    main()
