"""A real repository whose commits are dated from the checkout story's start."""

import os
import subprocess
from pathlib import Path

from schemas import to_rfc3339
from schemas.time import SECOND
from tests.support.checkout_story import START


class Repository:
    """A clone made for a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def commit(self, title: str, days_before: float, **files: str) -> str:
        """Write files (`__` in a name is a slash) and commit them; returns the id."""
        for name, content in files.items():
            path = self.folder / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        at = to_rfc3339(START - round(days_before * 86_400) * SECOND)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", title, date=at)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, date: str = "2026-01-01T00:00:00Z") -> str:
        """Run git here, as Ada."""
        person = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
                  (("NAME", "Ada"), ("EMAIL", "ada@shop.example"), ("DATE", date))}  # fmt: skip
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **person}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()
