"""What `moa doctor` says of this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version

from rich.table import Table
from rich.text import Text

from benchmarks.common import Part
from benchmarks.models import setup, there_is
from moa_cli.jobs import usable_cores
from moa_cli.words import bytes_words

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Machine(Part):
    """What there is for moa to work with."""

    python: str
    system: str
    devices: tuple[str, ...]
    """GPUs with their memory; else the processor."""
    cores: int
    """That this process may use."""
    threads: str
    memory: int
    """Bytes that this machine has, or that its container may use."""
    free_disk: int
    """Bytes, in the current folder."""
    hub_cache: str
    """Where models and data of the hub are kept."""
    offline: bool
    """Whether the hub is not asked."""
    project: str
    """The project file of the current folder, or what is wrong with it."""
    browser: str | None
    """Prints reports as PDF; moa itself needs none."""
    versions: dict[str, str]
    """Of the libraries that moa is made with."""
    missing: tuple[str, ...]
    """What moa needs and is not there, and what to type."""

    def page(self) -> Table:
        """It to read."""
        grid = Table.grid(padding=(0, 2))
        hub = f"{self.hub_cache}{', offline' if self.offline else ''}"
        facts = {
            "Python": f"{self.python}, {self.system}", "devices": ", ".join(self.devices), "cores": str(self.cores),
            "threads": self.threads, "memory": bytes_words(self.memory),
            "disk": f"{bytes_words(self.free_disk)} free here", "hub": hub, "project": self.project,
            "browser": self.browser or "none; reports open in any, and none is needed here",
            "libraries": ", ".join(f"{name} {number}" for name, number in self.versions.items()),
            "missing": "nothing",
        }  # fmt: skip
        for name, told in facts.items():
            bad = name == "missing" and self.missing
            cell = Text("\n".join(self.missing), style="bold red") if bad else Text(told, overflow="fold")
            grid.add_row(Text(name, style="bold"), cell)
        return grid


def examine(project: str) -> Machine:
    """Looks at this machine, from a folder with this project. Nothing is downloaded, and the hub is not asked."""
    versions = {name: _version(name) for name in needed()}
    missing = [f"{name}: pip install {name}" for name, number in versions.items() if number is None]
    devices: list[str] = []
    try:
        devices = _devices()
    except Exception as error:  # whatever a broken installation raises when it is imported
        missing.append(f"torch cannot be used: {type(error).__name__}: {error}".splitlines()[0])
    wanted = os.environ.get("OMP_NUM_THREADS")
    return Machine(
        python=platform.python_version(), system=f"{platform.system()} {platform.machine()}",
        devices=tuple(devices or [platform.processor() or "CPU"]), cores=usable_cores(),
        threads=f"{wanted} (OMP_NUM_THREADS)" if wanted else "1 a worker for small policies, else the cores' share",
        memory=there_is(), free_disk=shutil.disk_usage(".").free, hub_cache=_hub_cache(),
        project=project, offline=os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"),
        browser=next((found for name in BROWSERS if (found := shutil.which(name))), None),
        versions={name: number or "not installed" for name, number in versions.items()}, missing=tuple(missing),
    )  # fmt: skip


def needed() -> list[str]:
    """The packages that moa needs, without those for its development. Some where it is used without being installed."""
    try:
        told = requires("moa-cli") or []
    except PackageNotFoundError:
        return ["torch", "transformers", "trl", "peft", "datasets", "moocore", "optuna"]
    names = (re.match(r"[\w.-]+", line) for line in told if "extra ==" not in line)
    return [found.group() for found in names if found]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    import torch

    if setup() == "mps":
        return ["Apple GPU, whose memory is the machine's"]
    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    return [f"{one.name}, {bytes_words(one.total_memory)}" for one in found]


def _hub_cache() -> str:
    """As huggingface_hub has it, without the seconds of its import."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    return os.path.expanduser(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub"))
