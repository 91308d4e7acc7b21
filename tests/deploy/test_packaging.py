"""What is shipped: a wheel with everything in it, and locks that pin what was tested."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def pins(lock: str) -> dict[str, str]:
    """Name to version, and marker when there are several."""
    lines = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; ([^\\\n]+))? \\$", (ROOT / lock).read_text(), re.M)
    return {f"{plain(name)} {marker.strip()}".strip(): version for name, version, marker in lines}


def names(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[<>=~!; \[]", requirement)[0]) for requirement in requirements}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def without_markers(lock: str) -> set[tuple[str, str]]:
    return {(name.split()[0], version) for name, version in pins(lock).items()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel, built as the image builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run(
        [*command, "--disable-pip-version-check", "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("tocsin-*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_every_file_of_every_package_is_in_the_wheel(wheel: set[str]) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours - wheel == set()


@pytest.mark.parametrize(
    "pattern",
    [
        r"rules/packs/.+\.yaml",
        r"playbooks/packs/.+\.md",
        r"playbooks/(.+/)?.+\.j2",
        r"schemas/json/.+\.json",
        r"tocsin/samples/.+",
    ],
)
def test_what_is_no_python_is_in_the_wheel_too(wheel: set[str], pattern: str) -> None:
    assert any(re.fullmatch(pattern, name) for name in wheel), f"nothing like {pattern} is in the wheel"


def test_nothing_else_takes_a_top_level_name(wheel: set[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_what_runs_is_what_was_tested() -> None:
    assert without_markers("requirements.run.lock") <= without_markers("requirements.lock")
    assert without_markers("deploy/requirements.build.lock") <= without_markers("requirements.lock")


def test_the_run_time_lock_has_every_dependency_and_none_for_development() -> None:
    locked = {name.split()[0] for name in pins("requirements.run.lock")}
    needed = names(PROJECT["project"]["dependencies"])
    assert needed <= locked
    assert locked & (names(PROJECT["dependency-groups"]["dev"]) - needed) == set()


def test_the_build_lock_is_the_build_backend_s() -> None:
    locked = {name.split()[0] for name in pins("deploy/requirements.build.lock")}
    assert names(PROJECT["build-system"]["requires"]) <= locked
    (asked,) = PROJECT["build-system"]["requires"]
    assert asked in (ROOT / "Makefile").read_text(), (
        "`make lock` locks another build backend than pyproject.toml asks for"
    )


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.run.lock", "deploy/requirements.build.lock"])
def test_every_pin_has_its_hashes(lock: str) -> None:
    requirements = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert len(requirements) > 3
    assert all("==" in one and "--hash=sha256:" in one for one in requirements)
