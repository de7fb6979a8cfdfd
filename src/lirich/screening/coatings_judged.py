"""From numbers of layers to candidates: single coatings and double layers, beside the bare contact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lirich.model.format import format_number
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.coatings import LAYERS
from lirich.screening.coatings_found import OFFERED, CoatingsFound
from lirich.screening.judgement import Judgement, judge
from lirich.screening.solids_found import (
    ALONE,
    CATHODE,
    CATHODE_AT_VOLTAGE,
    CONDUCTIVITY,
    ELECTROLYTE,
    ELECTROLYTE_AT_VOLTAGE,
    INNER,
    LITHIUM_SHARE,
    NO_LITHIUM,
    OXIDATION,
    SCARCEST,
    STRAIN,
    Contacted,
    Joined,
    Layer,
)

NONE_INSIDE = Estimate(value=0.0, low=0.0, high=0.0)
"""One layer has no contact within it."""
OF_INSIDE = (CATHODE, CATHODE_AT_VOLTAGE, STRAIN)
"""What the layer on the cathode decides."""
OF_OUTSIDE = (ELECTROLYTE, ELECTROLYTE_AT_VOLTAGE)
"""What the layer on the electrolyte decides."""
LEAST = (ALONE, OXIDATION, CONDUCTIVITY, LITHIUM_SHARE, SCARCEST)
"""Of the rest, those of which the lower one decides; of the others the higher one does."""


@dataclass(frozen=True)
class CoatingsJudged(Judgement):
    """A screening of coatings with its judgement."""

    found: CoatingsFound

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        return {layer.formula: layer for layer in self.found.layers}

    def layers_of(self, name: str) -> tuple[Layer, ...]:
        """Return the layers of a candidate, the one on the cathode first."""
        return tuple(self._layers[part] for part in name.split(LAYERS))

    def contacts_of(self, name: str) -> tuple[Contacted, ...]:
        """Return the contacts of a candidate from the cathode outwards."""
        layers = self.layers_of(name)
        if len(layers) == 1:
            return layers[0].contacts
        inside, outside = layers
        joined = next(j for j in self.found.joined if f"{j.inside}{LAYERS}{j.outside}" == name)
        return (
            *(c for c in inside.contacts if c.neighbour == "cathode"),
            *joined.contacts,
            *(c for c in outside.contacts if c.neighbour == "electrolyte"),
        )


def judged_coatings(found: CoatingsFound) -> CoatingsJudged:
    """Judge what was computed by the gates and weights of its study; a coating that does nothing at all scores 0."""
    candidates = candidates_of(found)
    reference = reference_of(found.bare)
    # energies are measured from 0, where nothing reacts: against the bare contact all coatings would look alike
    result = judge(candidates, found.study, {})
    return CoatingsJudged(result.candidates, reference, result.funnel, result.ranking, result.no_ranking, found)


def candidates_of(found: CoatingsFound) -> tuple[Candidate, ...]:
    """Return the single coatings and then the double layers, each with its figures."""
    by_name = {layer.formula: layer for layer in found.layers}
    doubles = [_double(by_name[j.inside], by_name[j.outside], j) for j in found.joined]
    singles = set(found.singles)
    return (*(_single(layer) for layer in found.layers if layer.formula in singles), *doubles)


def reference_of(bare: Sequence[Layer]) -> Mapping[str, Estimate]:
    """Return the figures of the bare contact: the electrolyte on the cathode, the worst where there are several."""
    figures: dict[str, Estimate] = {}
    for key in (CATHODE, CATHODE_AT_VOLTAGE, ALONE, OXIDATION):
        of_bare = [layer.figures[key] for layer in bare if key in layer.figures]
        if of_bare:
            figures[key] = worst(of_bare, min)
    # without a coating the electrolyte is what the cathode touches: one contact, which a coating makes two of
    for key, same in ((ELECTROLYTE, CATHODE), (ELECTROLYTE_AT_VOLTAGE, CATHODE_AT_VOLTAGE)):
        if same in figures:
            figures[key] = figures[same]
    return figures


def worst(estimates: Sequence[Estimate], pick: Callable[[Sequence[float]], float]) -> Estimate:
    """Return the lowest or highest (*pick* ``min`` or ``max``) of some figures, with an interval that holds it.

    The ends are the picked ones too: the lowest of some numbers is nowhere above the lowest of their upper ends. There
    is an interval only where all of them have one.
    """
    value = pick([e.value for e in estimates])
    doubts = tuple(dict.fromkeys(doubt for e in estimates for doubt in e.doubts))
    ends = [(e.low, e.high) for e in estimates if e.low is not None and e.high is not None]
    if len(ends) < len(estimates):
        return Estimate(value=value, doubts=doubts)
    return Estimate(value=value, low=pick([a for a, _ in ends]), high=pick([b for _, b in ends]), doubts=doubts)


def _single(layer: Layer) -> Candidate:
    if layer.failure:
        return Candidate(name=layer.formula, missing=dict.fromkeys(OFFERED, layer.failure))
    return Candidate(
        name=layer.formula,
        figures={**layer.figures, INNER: NONE_INSIDE},
        missing=layer.missing,
        notes=(*_coverage(layer), *layer.notes),
    )


def _double(inside: Layer, outside: Layer, joined: Joined) -> Candidate:
    name = f"{inside.formula}{LAYERS}{outside.formula}"
    failure = inside.failure or outside.failure or joined.failure
    if failure:
        return Candidate(name=name, missing=dict.fromkeys(OFFERED, failure))
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    layers = (inside, outside)
    for key in dict.fromkeys(k for layer in layers for k in (*layer.figures, *layer.missing)):
        deciding = (inside,) if key in OF_INSIDE else (outside,) if key in OF_OUTSIDE else layers
        there = [layer.figures[key] for layer in deciding if key in layer.figures]
        lacking = [layer for layer in deciding if key not in layer.figures]
        if key == OXIDATION and there:  # a layer without lithium has no limit of its own
            lacking = [layer for layer in lacking if layer.missing.get(key) != NO_LITHIUM]
        if lacking:
            missing[key] = f"{lacking[0].formula}: {lacking[0].missing.get(key, 'not computed')}"
        else:
            figures[key] = worst(there, min if key in LEAST or key in OF_INSIDE[:2] or key in OF_OUTSIDE else max)
    closed = [c.energy for c in joined.contacts if c.quantity == INNER]
    if closed:
        figures[INNER] = worst(closed, min)
    notes = tuple(f"{layer.formula}: {note}" for layer in layers for note in (*_coverage(layer), *layer.notes))
    return Candidate(name=name, figures=figures, missing=missing, notes=notes)


def _coverage(layer: Layer) -> tuple[str, ...]:
    return (f"coverage {layer.grade}: {layer.coverage}",) if layer.grade else ()


def reaction_words(contact: Contacted) -> str:
    """Say a contact in words: ``with the discharged cathode, closed: −23 meV/atom → 0.1 NiO + …``."""
    neighbour = {"cathode": f"the cathode, {contact.name}", "layer": f"the layer {contact.name}"}
    how = "closed" if contact.voltage is None else f"at {contact.voltage:g} V"
    energy = format_number(contact.energy.value, decimals=0)
    said = f"with {neighbour.get(contact.neighbour, contact.name)}, {how}: {energy} meV/atom"
    if not contact.products:
        return f"{said}, no reaction"
    return said + " → " + " + ".join(f"{n:.2g} {formula}" for formula, n in contact.products.items())
