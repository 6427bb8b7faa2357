"""Which machine this is, in a few lines, without a name or a path of it."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe() -> list[str]:
    """The machine as the results tell it."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return [
        *size(),
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        f"load average before the first run: {load}",
    ]


def size() -> list[str]:
    """How large the machine is."""
    return [
        f"{_field('/proc/cpuinfo', 'model name') or platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        f"{_gigabytes(_field('/proc/meminfo', 'MemTotal'))} of memory",
    ]


def _field(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _gigabytes(text: str) -> str:
    return f"{int(text.removesuffix(' kB')) / 1024**2:.0f} GiB" if text else "an unknown amount"
