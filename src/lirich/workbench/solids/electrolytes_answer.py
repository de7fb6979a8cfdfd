"""What is said of the best electrolyte of a screening, and of the anode that most electrolytes do not bear.

That what forms on lithium may conduct electrons, so that the reaction goes on, was seen on phosphates with titanium and
with germanium: Hartmann et al., J. Phys. Chem. C 117 (2013) 21064, doi:10.1021/jp4051275 (from memory).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lirich.model.listing import name_some
from lirich.screening.candidate import Candidate
from lirich.screening.coatings_judged import reaction_words
from lirich.screening.electrolytes import ElectrolyteStudy
from lirich.screening.judgement import Judgement
from lirich.screening.solids_found import ALONE, CATHODE, CONDUCTIVITY, Contacted, Layer

ANODE = "anode_contact_energy_mev_atom"
LIKELY_MEV = -100.0
"""Beyond it a reaction is likely, unless slow: Xiao et al., Joule 3 (2019) 1252, doi:10.1016/j.joule.2019.02.006."""
MOST_OTHERS = 3
"""So many of those that bear the anode are named."""


def why_first(study: ElectrolyteStudy, judgement: Judgement, layers: Mapping[str, Layer]) -> tuple[str, ...]:
    """Return what the first conducts, how it touches both electrodes, and who bears the anode, in sentences."""
    if judgement.ranking is None:
        return ()
    best = judgement.ranking.places[0].name
    candidate, layer = judgement.candidate(best), layers.get(best)
    said = [_conducts(candidate)]
    if layer is not None:
        worst = [
            min(there, key=lambda c: c.energy.value)
            for key in (CATHODE, ANODE)
            if (there := [c for c in layer.contacts if c.quantity == key])
        ]
        if worst:
            said.append(
                f"{best}: worst contacts {'; '.join(map(reaction_words, worst))}{_decomposes(candidate, study)}."
            )
        said += _against_anode(study, judgement, worst)
    return tuple(said)


def _conducts(candidate: Candidate) -> str:
    figure = candidate.figures.get(CONDUCTIVITY)
    if figure is None:
        return f"How well {candidate.name} conducts lithium is not known here."
    interval = "" if figure.low is None else f" ({figure.low:.1e} … {figure.high:.1e})"
    if any("OBELiX" in note for note in candidate.notes):
        source = (
            "measured, OBELiX, which does not say of most whether it is within the grains or across their boundaries"
        )
    else:
        source = "as the study states it"
    return f"{candidate.name} conducts {figure.value:.1e}{interval} S/cm ({source})."


def _decomposes(candidate: Candidate, study: ElectrolyteStudy) -> str:
    alone = candidate.figures.get(ALONE)
    if alone is None or alone.value > -1:
        return ""
    return f"; alone at {study.voltage:g} V it would gain {-alone.value:.0f} meV/atom by decomposing"


def _against_anode(study: ElectrolyteStudy, judgement: Judgement, worst: Sequence[Contacted]) -> list[str]:
    """Say how many of the ranked bear the anode, and that what forms on the others may not stop."""
    if not study.anode or judgement.ranking is None:
        return []
    known = [
        (place, figure.value)
        for place in judgement.ranking.places
        if (figure := judgement.candidate(place.name).figures.get(ANODE)) is not None
    ]
    bear = [f"{place.name} ({place.rank})" for place, value in known if value >= LIKELY_MEV]
    named = f", with their ranks: {name_some(bear, MOST_OTHERS)}" if bear else ""
    said = [f"Within {LIKELY_MEV:g} meV/atom of {study.anode} stay {len(bear)} of {len(known)} ranked{named}."]
    if any(c.quantity == ANODE and c.energy.value < LIKELY_MEV for c in worst):
        said.append(
            f"The first is not among them: it needs a layer between it and {study.anode}. Where what forms conducts "
            "electrons, as with titanium or germanium, the reaction does not end; no number here knows of it."
        )
    return said
