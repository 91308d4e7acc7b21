"""The image and the compose file: what they name exists, and what makes a container safe is there."""

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Name and arguments of each, comments left out and continued lines joined, as Docker reads them."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", kept)
    parts = [line.strip().split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), arguments) for name, arguments in parts]


def stages() -> list[list[Instruction]]:
    found: list[list[Instruction]] = []
    for instruction in instructions(DOCKERFILE.read_text()):
        if instruction[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def last(name: str) -> str:
    return [arguments for found, arguments in stages()[-1] if found == name][-1]


def copies() -> Iterator[tuple[int, str | None, list[str], str]]:
    """Stage number, the stage copied from, sources, target."""
    for number, stage in enumerate(stages()):
        for name, arguments in stage:
            if name == "COPY":
                words = shlex.split(arguments)
                origin = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
                paths = [word for word in words if not word.startswith("--")]
                yield number, origin, paths[:-1], paths[-1]


def ignored(path: str) -> bool:
    """As the builder decides it: the last pattern that fits the path or a folder above it wins."""
    verdict = False
    for line in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            bare = pattern.removeprefix("!").removeprefix("**/")
            above = [path, *map(str, Path(path).parents)]
            if any(fnmatch.fnmatch(one, bare) for one in above):
                verdict = not pattern.startswith("!")
    return verdict


def test_everything_the_image_copies_exists_and_reaches_the_builder() -> None:
    sources = [source for _, origin, sources, _ in copies() if origin is None for source in sources]
    assert len(sources) > 8
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), f"{source} is left out by Dockerfile.dockerignore"
    assert ignored("tests") and ignored(".git") and ignored(".venv") and ignored("deploy/compose.yaml")


def test_a_stage_copies_from_an_earlier_stage_alone() -> None:
    names = [re.search(r" AS (\S+)$", stage[0][1], re.I) for stage in stages()]
    known = [name.group(1) if name else "" for name in names]
    for number, origin, _, _ in copies():
        assert origin is None or origin in known[:number], origin


def test_every_package_of_ours_goes_into_the_image() -> None:
    copied = {source for _, _, sources, _ in copies() for source in sources}
    text = (ROOT / "pyproject.toml").read_text()
    packages = json.loads(re.search(r"^packages = (\[.*\])$", text, re.M)[1])  # type: ignore[index]
    assert set(packages) <= copied


def test_the_program_runs_without_root_and_is_told_to_stop_by_sigterm() -> None:
    user = last("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), f"{user!r}: a number, so that runAsNonRoot can be checked"
    after = [name for name, _ in stages()[-1]]
    assert "RUN" not in after[after.index("USER") :]
    assert last("STOPSIGNAL") == "SIGTERM"
    assert json.loads(last("ENTRYPOINT")) == ["/opt/tocsin/bin/tocsin"], (
        "no shell stands between the signal and the program"
    )
    assert json.loads(last("CMD")) == ["up"]
    assert last("WORKDIR").startswith("/")


def test_the_image_says_where_it_listens_what_it_keeps_and_whether_it_lives() -> None:
    assert last("EXPOSE") == "8710"
    assert json.loads(last("VOLUME")) == ["/var/lib/tocsin"]
    assert "TOCSIN_CONFIG=/etc/tocsin/tocsin.yaml" in last("ENV")
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert command[0].endswith("python") and "/healthz" in command[-1]
    compile(command[-1], "HEALTHCHECK", "exec")


def test_what_is_installed_is_pinned_by_hash_and_nothing_for_development_is() -> None:
    text = DOCKERFILE.read_text()
    installs = re.findall(r"pip install [^&\n]*", text)
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps /wheels/" in line for line in installs)
    assert "requirements.lock" not in text.replace("requirements.run.lock", "")
    assert "--no-build-isolation" in text, "the build backend comes from its lock, not from wherever pip finds it"


def test_the_dockerfile_keeps_the_rules_a_linter_would_ask_for() -> None:
    for stage in stages():
        image = stage[0][1].split()[0]
        assert image == "${PYTHON_IMAGE}"
        for name, arguments in stage:
            assert name not in ("ADD", "MAINTAINER"), name
            assert name != "RUN" or not re.search(r"\bsudo\b|(^|&& )cd |curl [^|]*\|", arguments), arguments
            if "apt-get install" in arguments:
                assert "--no-install-recommends" in arguments and "rm -rf /var/lib/apt/lists/*" in arguments
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.M)
    assert base and ":" in base[1] and not base[1].endswith(":latest")


def compose() -> dict[str, Any]:
    return YAML(typ="safe").load((ROOT / "deploy" / "compose.yaml").read_text())  # type: ignore[no-any-return]


def test_the_compose_file_runs_one_hardened_service_on_loopback() -> None:
    services = compose()["services"]
    assert list(services) == ["tocsin"]
    service = services["tocsin"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "data:/var/lib/tocsin" in service["volumes"] and "data" in compose()["volumes"]
    assert "/healthz" in service["healthcheck"]["test"][-1]
    assert service["healthcheck"]["test"][1:] == json.loads(last("HEALTHCHECK").partition("CMD ")[2])


def test_the_compose_file_builds_from_where_the_dockerfile_is() -> None:
    build = compose()["services"]["tocsin"]["build"]
    context = (ROOT / "deploy" / build["context"]).resolve()
    assert context == ROOT and (context / build["dockerfile"]) == DOCKERFILE


def test_secrets_are_files_declared_and_used_alike() -> None:
    used = compose()["services"]["tocsin"]["secrets"]
    declared = compose()["secrets"]
    assert {one["source"] for one in used} == set(declared)
    assert all(Path(one["target"]).name == one["source"] for one in used)
    assert all(set(one) == {"file"} for one in declared.values())
    assert "environment" not in compose()["services"]["tocsin"]
