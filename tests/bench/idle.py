"""What `tocsin up` costs while nothing happens: resident memory and the share of a core: `python tests/bench/idle.py [--json]`. Linux only."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALM_S = 5.0


def cpu_seconds(pid: int) -> float:
    """User and system time so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tocsin.yaml").write_text("listen: 127.0.0.1:0\n")
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "up"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not (Path(folder) / ".tocsin/address.json").exists():
                time.sleep(0.01)
            start = time.perf_counter() - began
            time.sleep(CALM_S)
            before = cpu_seconds(child.pid)
            time.sleep(chosen.seconds)
            share = (cpu_seconds(child.pid) - before) / chosen.seconds
            memory = resident_mb(child.pid)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(20)
    rows = [
        ("idle: resident memory", memory, "MB"),
        ("idle: share of one core", share * 100, "%"),
        ("idle: seconds until it serves", start, "s"),
    ]
    for name, value, unit in rows:
        row = {"name": name, "median": value, "best": value, "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:44} {value:>12,.2f} {unit}")


if __name__ == "__main__":
    main()
