"""Small file systems and child processes for what a journal must survive."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """Mounts a tmpfs of so many KiB; skips, saying why, where that is not allowed."""
    mounted: list[Path] = []

    def mount(kibibytes: int) -> Path:
        # Outside of pytest's folders, which other sessions tidy up at their end.
        folder = Path(tempfile.mkdtemp(prefix="tocsin-disk-"))
        try:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tocsin-test", folder],
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            folder.rmdir()
            pytest.skip("no mount command: run on Linux with util-linux")
        if done.returncode:
            folder.rmdir()
            pytest.skip(f"cannot mount a tmpfs ({done.stderr.strip()}): run as root, or in `unshare -rm`")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill_up(folder: Path) -> Path:
    """Leave not one block free; delete the file that is returned to make room again."""
    ballast = folder / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1 << 16, 4096):
            block = b"b" * size
            while True:
                try:
                    if os.write(descriptor, block) < size:
                        break
                except OSError:
                    break
    finally:
        os.close(descriptor)
    return ballast


@pytest.fixture(name="fill_up")
def fill_up_fixture() -> Callable[[Path], Path]:
    return fill_up
