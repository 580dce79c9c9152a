"""Look for known vulnerabilities in the locked requirements: ``python tools/audit.py FILE...``.

Asks the advisory service of the Python Package Index, through pip-audit. Exit code 1 for a package
with a known vulnerability. Where the service cannot be asked, or does not know the packages, this
says so and ends with 0: a check that needs the network must not fail for lack of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

SECONDS = 120
JUSTIFIED: dict[str, str] = {}
"""Advisories that do not concern us: id -> why."""


def main(files: list[str]) -> int:
    """Return the exit code."""
    worst = 0
    for file in files:
        report = _report(file)
        if isinstance(report, str):
            print(f"audit: {file} NOT checked: {report}")
            continue
        worst = max(worst, _tell(file, report))
    return worst


def _report(file: str) -> list[dict[str, Any]] | str:
    """Return what pip-audit found of each package, or why it could not look.

    One package is asked about first, so that an index without advisories is not asked about all.
    """
    pinned = next(line for line in Path(file).read_text().splitlines() if "==" in line)
    with NamedTemporaryFile("w", suffix=".txt") as probe:
        probe.write(pinned.split()[0])
        probe.flush()
        first = _asked(probe.name, "--no-deps")
    return first if isinstance(first, str) else _asked(file)


def _asked(file: str, *more: str) -> list[dict[str, Any]] | str:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off"]
    options = ["--timeout", "10", "--format", "json", "--requirement", file, *more]
    try:
        done = subprocess.run(  # noqa: S603 (our own tool on our own file)
            [*command, *options], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the advisory service did not answer within {SECONDS} s"
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return f"the advisory service cannot be asked from here ({last[:120]})"
    if all("skip_reason" in package for package in found):
        return "the package index of this machine gives no advisories"
    return found


def _tell(file: str, report: list[dict[str, Any]]) -> int:
    open_advisories = [
        f"{package['name']} {package['version']}: {advisory['id']}"
        for package in report
        for advisory in package.get("vulns", [])
        if advisory["id"] not in JUSTIFIED
    ]
    for line in open_advisories:
        print(f"audit: {line}")
    unknown = [package["name"] for package in report if "skip_reason" in package]
    if unknown:
        print(f"audit: {file}: {len(unknown)} packages NOT checked: {', '.join(unknown)}")
    if not open_advisories:
        print(f"audit: {file}: no known vulnerability in {len(report) - len(unknown)} packages")
    return 1 if open_advisories else 0


if __name__ == "__main__":
    sys.exit(main([Path(file).as_posix() for file in sys.argv[1:]]))
