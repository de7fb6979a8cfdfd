"""What a Neware .nda or .ndax file says of the test and the cell, beside the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lirich.model import Finding, Scalar, Severity

NO_MASS_MG = (0.0, 1.0)
"""What Neware writes as active mass in a .nda file where nobody entered one (seen in versions 8, 22, 29 and 130)."""


def described(file: Path, kind: str) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    """Return what the file says of the cell; a damaged description costs a finding, not the data."""
    import fastnda

    try:
        raw: dict[str, Any] = fastnda.read_metadata(file)
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - as in _fastnda
        return {}, (
            Finding(
                code="metadata-unreadable",
                severity=Severity.INFO,
                message=f"The description of the test in the file cannot be read ({type(error).__name__})",
            ),
        )
    return _ndax_metadata(raw) if kind == ".ndax" else _nda_metadata(raw)


def _nda_metadata(raw: dict[str, Any]) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    metadata = {k: v for k, v in raw.items() if isinstance(v, int | float | str) and v not in ("", 0, 0.0)}
    metadata = {k: v for k, v in metadata.items() if not k.startswith("UNKNOWN")}
    mass = metadata.pop("active_mass_mg", None)
    if isinstance(mass, int | float) and np.isfinite(mass) and mass > 0 and mass not in NO_MASS_MG:
        metadata["active_mass_mg"] = float(mass)
        return metadata, (_mass_finding(float(mass), "header"),)
    return metadata, ()


def _ndax_metadata(raw: dict[str, Any]) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    info = _dig(raw, "TestInfo", "TestInfo")
    head = _dig(raw, "Step", "Head_Info") or _dig(raw, "EditStep", "Head_Info")
    metadata: dict[str, Scalar] = {}
    for key, source, name in (
        ("barcode", info, "Barcode"),
        ("start_time", info, "StartTime"),
        ("end_time", info, "EndTime"),
        ("device", info, "DevID"),
        ("unit", info, "UnitID"),
        ("channel", info, "ChlID"),
        ("test_id", info, "TestID"),
        ("step_file", info, "StepName"),
    ):
        value = source.get(name) if isinstance(source, dict) else None
        if isinstance(value, str) and value.strip():
            metadata[key] = value.strip()
    for key, name in (("creator", "Creator"), ("remarks", "Remark"), ("part_number", "PN"), ("scq", "SCQ")):
        value = _dig(head, name, "Value")
        if isinstance(value, str) and value.strip():
            metadata[key] = value.strip()
    mass = _dig(head, "SCQ_F", "Value")
    findings: tuple[Finding, ...] = ()
    try:
        # Step.xml names no unit. Kilograms are the only one that gives sense: 40, 30.4 and 5.91 mg in the files of the
        # fastnda project, the last of which has 1C = 225 mA/g in its own programme.
        milligram = float(mass) * 1e6 if isinstance(mass, str) else 0.0
    except ValueError:
        milligram = 0.0
    if np.isfinite(milligram) and milligram > 0:
        metadata["active_mass_mg"] = round(milligram, 9)
        findings = (_mass_finding(milligram, "SCQ_F in Step.xml, kg"),)
    return metadata, findings


def _dig(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _mass_finding(milligram: float, where: str) -> Finding:
    return Finding(
        code="active-mass-from-file",
        severity=Severity.INFO,
        message=f"The file says that the active mass is {milligram:.6g} mg ({where})",
        advice="Say active_mass_mg in cells.csv if that is not so",
    )
