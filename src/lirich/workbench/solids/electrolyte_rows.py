"""From what is known and computed of an electrolyte to its row: figures with their origins, reasons, facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lirich.interfaces.knowledge import Electrolyte, Fact
from lirich.model import Origin, Value
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.electrolytes import COMPUTED, OFFERED, ElectrolyteStudy, Named
from lirich.screening.solids_found import ALONE, CONDUCTIVITY, COST, SCARCEST, TOXICITY, Layer
from lirich.store import literature
from lirich.workbench.screening.answer import Told
from lirich.workbench.solids.electrolytes import class_records
from lirich.workbench.solids.properties import conductivity_words, of_conductivity, of_elements

CODE = "lirich.screening.electrolytes"
"""The code that the values of such a screening name."""
FLAG = "equilibrium"
"""The flag of every computed value (`lirich.model.flags`)."""
_OBELIX = "OBELiX, Therrien et al., arXiv:2502.14234 (2025), CC-BY 4.0"
_POLYMER = "a polymer: it has no crystal, so that no phase energies say what it becomes"
_ELEMENTS = "sources in lirich.interfaces.elements"


@dataclass(frozen=True)
class Known:
    """A candidate with what is known of it beside energies: its class, measurements, facts of the class."""

    named: Named
    kind: str
    known: Electrolyte | None
    facts: tuple[Fact, ...]
    failure: str = ""


def candidate_of(known: Known, layer: Layer | None) -> Candidate:
    """Return the candidate: figures of its layer, its elements and its measurements, and why one is missing."""
    named = known.named
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    notes = [f"class {known.kind}"] if known.kind else []
    if layer is None:
        missing |= dict.fromkeys(OFFERED, known.failure or _POLYMER)
    elif layer.failure:
        missing |= dict.fromkeys(COMPUTED, layer.failure)
    else:
        figures, missing = dict(layer.figures), dict(layer.missing)
        notes += [f"coverage {layer.grade}: {layer.coverage}", *layer.notes]
    if layer is not None:
        of, lacking = of_elements(named.formula)
        figures, missing = {**figures, **of}, {**missing, **lacking}
    sigma, why = _conductivity(known)
    if sigma is None:
        missing[CONDUCTIVITY] = why
    else:
        figures[CONDUCTIVITY] = sigma
        missing.pop(CONDUCTIVITY, None)
    if known.known is not None and known.known.known:
        notes.append(conductivity_words(known.known.measurements))
    notes += [f"{fact.topic}: {fact.statement}" for fact in known.facts]
    return Candidate(name=named.formula, figures=figures, missing=missing, notes=tuple(notes))


def _conductivity(known: Known) -> tuple[Estimate | None, str]:
    named = known.named
    if named.conductivity_s_cm is not None:
        return Estimate(value=named.conductivity_s_cm, doubts=(f"as {named.source} states it",)), ""
    if known.kind == "polymer":
        return None, "OBELiX has no polymers; give conductivity_s_cm with its source"
    if known.known is None:
        return None, known.failure
    return of_conductivity(known.known.measurements), known.known.note


def told_of(study: ElectrolyteStudy, known: Known, layer: Layer | None, key: str) -> Told:
    """Return where a figure of an electrolyte is from."""
    if key == CONDUCTIVITY:
        if known.named.conductivity_s_cm is not None:
            return Told(Origin.LITERATURE, known.named.source)
        of = () if known.known is None else known.known.measurements
        dois = dict.fromkeys(doi for one in of for doi in one.dois)
        return Told(
            Origin.LITERATURE,
            f"{_OBELIX}: " + ", ".join(f"doi:{doi}" for doi in dois),
            interval="spread of repeated measurements over the root of their number",
            conditions={"of": "median", "temperature": "room temperature"},
        )
    if key in (COST, SCARCEST, TOXICITY):
        return Told(Origin.LITERATURE, _ELEMENTS, conditions={"of": "elements"})
    conditions: dict[str, str | float] = {"grade": layer.grade if layer else ""}
    worst = _worst_contact(layer, key)
    if worst is not None:
        conditions |= {"with": worst}
    if "cathode" in key:
        conditions |= {"cathode": study.cathode}
    if "voltage" in key or key == ALONE:
        conditions |= {"at_voltage_v": study.voltage}
    return Told(
        Origin.COMPUTED, interval="Monte Carlo over the errors of the energies", conditions=conditions, flags=(FLAG,)
    )


def _worst_contact(layer: Layer | None, key: str) -> str | None:
    touching = [c for c in (layer.contacts if layer else ()) if c.quantity == key]
    return min(touching, key=lambda c: c.energy.value).name if touching else None


def details_of(known: Known, layer: Layer | None) -> dict[str, Any]:
    """Return what an electrolyte says beside its figures: class, facts, measurements, relatives, contacts."""
    found = known.known
    return {
        "name": known.named.formula,
        "class": known.kind,
        "failure": known.failure or (layer.failure if layer else ""),
        "facts": [{"topic": f.topic, "statement": f.statement, "source": f.source} for f in known.facts],
        "measurements": [
            {"conductivity_s_cm": m.conductivity_s_cm, "bound": m.bound, "dois": list(m.dois)}
            for m in (found.measurements if found else ())
        ],
        "relatives": [
            {"formula": r.formula, "distance": r.distance, "median_s_cm": r.median_s_cm}
            for r in (found.relatives if found and not found.known else ())
        ],
        "contacts": [c.model_dump(mode="json") for c in (layer.contacts if layer else ())],
        "becomes": {key: dict(products) for key, products in (layer.becomes if layer else {}).items()},
        "grade": layer.grade if layer else "",
    }


def published(everyone: Iterable[Known], records: Sequence[Value] | None) -> list[dict[str, Any]]:
    """Return the literature records about the classes of the candidates, or about any solid electrolyte, as JSON.

    What an earlier screening kept of its own sources is no record beside it.
    """
    values = literature.load() if records is None else [v for v in records if v.provenance.code != CODE]
    kinds = dict.fromkeys(known.kind for known in everyone if known.kind)
    found = {id(v): v for kind in kinds for v in class_records(kind, values)}
    return [
        {
            "about": v.subject.key,
            "quantity": v.quantity,
            "value": v.value,
            "unit": v.unit,
            "source": v.provenance.source,
        }
        for v in found.values()
    ]
