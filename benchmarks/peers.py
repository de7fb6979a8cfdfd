"""The peers: which release of which tool, each in a virtual environment of its own under ``.peers/``."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".peers"


@dataclass(frozen=True)
class Peer:
    """A tool that is measured.

    ``table`` tells whether it makes a table with one row per cycle, ``only`` names the formats that it is for (all,
    where empty).
    """

    name: str
    requirement: str
    table: bool
    only: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """The interpreter that has the tool."""
        if self.requirement == "":
            return Path(sys.executable)
        return PEERS / self.name / "bin" / "python"


ALL = (
    Peer("lirich", "", table=True),
    Peer("cellpy", "cellpy==1.0.3", table=True),
    Peer("navani", "navani==0.1.22", table=True),
    Peer("pyprobe", "PyProBE-Data==2.6.1", table=True),
    Peer("newarenda", "NewareNDA==2026.6.11", table=False, only=("neware-ndax",)),
    Peer("fastnda", "fastnda==1.3.1", table=False, only=("neware-ndax",)),
    Peer("polars", "polars==2.1.0", table=False, only=("neware-csv", "bdf-csv")),
)
"""The tools, lirich first. Extras: ``mdb-export`` (Debian's mdbtools) is what cellpy and navani read .res with."""


def install(names: list[str]) -> list[Peer]:
    """Make the environments that are not there yet; return the peers that can be run, lirich first."""
    ready = []
    for peer in ALL:
        if peer.requirement and peer.name not in names:
            continue
        if peer.requirement and not _installed(peer):
            print(f"installing {peer.requirement} into {PEERS / peer.name}", flush=True)
            venv.create(PEERS / peer.name, with_pip=True, clear=True)
            done = subprocess.run(
                [str(peer.python), "-m", "pip", "install", "--quiet", peer.requirement],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(f"  cannot be installed: {done.stderr.strip().splitlines()[-1:]}", flush=True)
                continue
            (PEERS / peer.name / "requirement.txt").write_text(peer.requirement)
        ready.append(peer)
    return ready


def _installed(peer: Peer) -> bool:
    mark = PEERS / peer.name / "requirement.txt"
    return mark.exists() and mark.read_text().strip() == peer.requirement and peer.python.exists()
