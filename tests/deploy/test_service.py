"""The systemd unit: systemd itself finds nothing wrong with it, and little that it leaves exposed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "tocsin.service"
EXPOSED_MOST = 1.5
"""Of 10, as `systemd-analyze security` counts it; 1.1 with systemd 252."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is on this machine; systemd looks whether it is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here: `apt-get install systemd`")
    program = Path(sys.executable).with_name("tocsin")
    found = program if program.exists() else Path(sys.executable)
    copy = tmp_path / "tocsin.service"
    copy.write_text(UNIT.read_text().replace("/opt/tocsin/bin/tocsin", str(found)))
    return copy


def analyzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_systemd_finds_no_fault_in_the_unit(unit: Path) -> None:
    found = analyzed("verify", unit)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_systemd_finds_the_fault_in_a_broken_unit(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=very"))
    found = analyzed("verify", unit)
    assert "protect system" in found.stderr


def test_little_is_left_exposed(unit: Path) -> None:
    found = analyzed("security", "--offline=yes", unit)
    if "unrecognized option" in found.stderr:
        pytest.skip("this systemd-analyze cannot look at units that are not loaded: systemd 250 or newer does")
    level = re.search(r"Overall exposure level for tocsin.service: ([0-9.]+)", found.stdout)
    assert level, found.stderr
    assert float(level[1]) <= EXPOSED_MOST, found.stdout


def test_the_unit_stops_by_sigterm_restarts_on_failure_and_writes_its_own_folder_alone() -> None:
    lines = UNIT.read_text().splitlines()
    for wanted in (
        "ExecStart=/opt/tocsin/bin/tocsin up",
        "DynamicUser=yes",
        "StateDirectory=tocsin",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "Restart=on-failure",
        "KillSignal=SIGTERM",
        "TimeoutStopSec=30s",
    ):
        assert wanted in lines, wanted
    assert not [line for line in lines if line.startswith(("ReadWritePaths=", "User=root"))]
