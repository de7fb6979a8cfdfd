"""The verb *doctor*: whether everything is there that lirich needs, and whether the workspace is whole."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lirich import __version__
from lirich.errors import LirichError, WorkspaceNotFoundError
from lirich.model import Finding, Severity
from lirich.workbench.outdated import out_of_date

EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "cells": (("pybamm",), "physics of particles and cells: simulate, fit, study, design-cell --ragone"),
    "atoms": (
        ("ase", "chgnet", "icet", "numba", "pymatgen", "sklearn", "spglib", "threadpoolctl", "torch"),
        "crystals: screen dopants, next and phases, atoms (--shipped results need no extra)",
    ),
    "interfaces": (("pymatgen",), "interface, screen coatings, screen electrolytes"),
    "learn": (("sklearn",), "learn drivers"),
    "mp": (("mp_api",), "energies of the Materials Project with a key of one's own"),
    "biologic": (("galvani",), "Biologic .mpr files (GPL-3, a plug-in of your own choice)"),
    "distributed": (("dask", "distributed"), "work on Dask, beyond one machine"),
    "postgres": (("psycopg",), "a catalogue that a team shares"),
}
"""The extras that lirich uses today: the modules of each, all of which it needs, and what it is for."""

READER_EXTRAS = {"biologic-mpr": "biologic"}
"""The readers that read nothing without an extra."""


@dataclass(slots=True)
class Health:
    """What was found: the installation, the plug-ins, the workspace if there is one."""

    python: str
    extras: dict[str, bool]
    readers: dict[str, str]
    workspace: str | None = None
    catalogue: str | None = None
    cells: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nothing is broken; what is only doubtful are the `warnings`."""
        return not any(f.severity is Severity.ERROR for f in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return sum(f.severity is Severity.WARNING for f in self.findings)

    @property
    def verdict(self) -> str:
        """The state in a sentence."""
        if not self.well:
            return "Something is wrong."
        if self.warnings:
            several = "is a warning" if self.warnings == 1 else f"are {self.warnings} warnings"
            return f"Nothing is broken, but there {several}."
        return "All is well."

    def rows(self) -> list[tuple[str, str, str]]:
        """Return part, state and remark, one row each."""
        rows = [("lirich", __version__, ""), ("Python", self.python, "")]
        rows += [
            (f"extra [{name}]", "installed" if there else "not installed", EXTRAS[name][1])
            for name, there in self.extras.items()
        ]
        for name, description in self.readers.items():
            extra = READER_EXTRAS.get(name)
            ready = extra is None or self.extras[extra]
            rows.append((f"reader {name}", "ready" if ready else f"needs the extra [{extra}]", description))
        rows.append(("workspace", self.workspace or "none here", self.catalogue or ""))
        if self.workspace:
            rows.append(("cells", str(self.cells), ""))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the state as the object that ``--json`` prints."""
        return {
            "lirich": __version__,
            "python": self.python,
            "extras": self.extras,
            "readers": self.readers,
            "workspace": self.workspace,
            "catalogue": self.catalogue,
            "cells": self.cells,
            "well": self.well,
            "warnings": self.warnings,
            "verdict": self.verdict,
            "findings": [f.model_dump(mode="json") for f in self.findings],
        }


def examine(folder: Path | None = None) -> Health:
    """Examine the installation and the workspace in *folder*, or the one the current folder lies in."""
    from lirich.readers import plugin_findings, readers
    from lirich.workbench.workspace import Workspace

    health = Health(
        python=platform.python_version(),
        extras={name: all(map(find_spec, modules)) for name, (modules, _) in EXTRAS.items()},
        readers={name: reader.description for name, reader in readers().items()},
        findings=list(plugin_findings()),
    )
    health.findings += _requirement_findings()
    try:
        workspace = Workspace.find() if folder is None else Workspace.open(folder)
    except WorkspaceNotFoundError:
        if folder is not None:
            raise
        return health
    except LirichError as error:
        health.findings.append(
            Finding(code="workspace-unusable", severity=Severity.ERROR, message=str(error), advice=error.advice)
        )
        return health
    with workspace:
        health.workspace = str(workspace.root)
        health.catalogue = workspace.store.settings.database
        health.cells = len(workspace.cells)
        health.findings += workspace.check()
        if not any(f.code == "catalogue-damaged" for f in health.findings):
            health.findings += out_of_date(workspace.store)
    return health


def _requirement_findings() -> list[Finding]:
    findings = []
    for line in metadata.requires("lirich") or []:
        if "extra ==" in line:
            continue
        name = line.split(";")[0].strip()
        for end in " <>=!~[(":
            name = name.split(end)[0]
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            findings.append(
                Finding(
                    code="dependency-missing",
                    severity=Severity.ERROR,
                    message=f"{name} is not installed",
                    advice="Install lirich again with pip",
                )
            )
    return findings
