"""What a Neware .nda or .ndax file says of the test and the cell, beside the data."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import polars as pl

from lirich.model import Finding, Scalar, Severity

NO_MASS_MG = (0.0, 1.0)
"""What Neware writes as active mass in a .nda file where nobody entered one (seen in versions 8, 22, 29 and 130)."""


def described(file: Path, kind: str) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    """Return what the file says of the cell; a damaged description costs a finding, not the data."""
    try:
        if kind == ".ndax":
            return _ndax_metadata(_configurations(file))
        from fastnda import read_metadata

        return _nda_metadata(read_metadata(file))
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - as in _fastnda
        return {}, (
            Finding(
                code="metadata-unreadable",
                severity=Severity.INFO,
                message=f"The description of the test in the file cannot be read ({type(error).__name__})",
            ),
        )


def _configurations(file: Path) -> dict[str, Element]:
    """Return the element ``config`` of each XML member of a .ndax, by the name of the member."""
    found = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.namelist():
            if member.endswith(".xml"):
                config = _root(archive.read(member).decode(errors="ignore")).find("config")
                if config is None:
                    raise LookupError(f"{member} has no config")
                found[member.split("/")[-1].split(".")[0]] = config
    return found


def _root(xml: str) -> Element:
    """Return the root of an XML text; only a declaration can define entities, and ``defusedxml`` takes such a text."""
    if "<!" not in xml:
        return fromstring(xml)
    from defusedxml import ElementTree

    root: Element = ElementTree.fromstring(xml)
    return root


def _nda_metadata(raw: dict[str, Any]) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    metadata = {k: v for k, v in raw.items() if isinstance(v, int | float | str) and v not in ("", 0, 0.0)}
    metadata = {k: v for k, v in metadata.items() if not k.startswith("UNKNOWN")}
    mass = metadata.pop("active_mass_mg", None)
    if isinstance(mass, int | float) and np.isfinite(mass) and mass > 0 and mass not in NO_MASS_MG:
        metadata["active_mass_mg"] = float(mass)
        return metadata, (_mass_finding(float(mass), "header"),)
    return metadata, ()


def _ndax_metadata(configurations: Mapping[str, Element]) -> tuple[dict[str, Scalar], tuple[Finding, ...]]:
    info = _only(configurations.get("TestInfo"), "TestInfo")
    heads = [_only(configurations.get(name), "Head_Info") for name in ("Step", "EditStep")]
    head = next((h for h in heads if h is not None and len(h)), None)
    metadata: dict[str, Scalar] = {}
    for key, name in (
        ("barcode", "Barcode"),
        ("start_time", "StartTime"),
        ("end_time", "EndTime"),
        ("device", "DevID"),
        ("unit", "UnitID"),
        ("channel", "ChlID"),
        ("test_id", "TestID"),
        ("step_file", "StepName"),
    ):
        value = "" if info is None else info.get(name, "").strip()
        if value:
            metadata[key] = value
    said = {name: _only(head, name) for name in ("Creator", "Remark", "PN", "SCQ", "SCQ_F")}
    values = {name: "" if element is None else element.get("Value", "").strip() for name, element in said.items()}
    for key, name in (("creator", "Creator"), ("remarks", "Remark"), ("part_number", "PN"), ("scq", "SCQ")):
        if values[name]:
            metadata[key] = values[name]
    findings: tuple[Finding, ...] = ()
    try:
        # Step.xml names no unit. Kilograms are the only one that gives sense: 40, 30.4 and 5.91 mg in the files of the
        # fastnda project, the last of which has 1C = 225 mA/g in its own programme.
        milligram = float(values["SCQ_F"] or 0.0) * 1e6
    except ValueError:
        milligram = 0.0
    if np.isfinite(milligram) and milligram > 0:
        metadata["active_mass_mg"] = round(milligram, 9)
        findings = (_mass_finding(milligram, "SCQ_F in Step.xml, kg"),)
    return metadata, findings


def _only(parent: Element | None, name: str) -> Element | None:
    """Return the child called *name*, ``None`` where there is none or are several."""
    found = [] if parent is None else parent.findall(name)
    return found[0] if len(found) == 1 else None


def _mass_finding(milligram: float, where: str) -> Finding:
    return Finding(
        code="active-mass-from-file",
        severity=Severity.INFO,
        message=f"The file says that the active mass is {milligram:.6g} mg ({where})",
        advice="Say active_mass_mg in cells.csv if that is not so",
    )
