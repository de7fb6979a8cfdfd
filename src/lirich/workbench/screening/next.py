"""What to compute next of a study of dopants, as a study that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lirich.errors import NotEnoughDataError
from lirich.screening.study import DopantSet, DopingStudy, Ion
from lirich.workbench.screening.predict import FEWEST, predict, too_few
from lirich.workbench.screening.predicted import ScreenPrediction
from lirich.workbench.screening.result import ScreenResult


def need_enough(study: DopingStudy) -> None:
    """Raise `NotEnoughDataError` where a study has too few dopants to learn from, before any of them is computed."""
    there = len({"+".join(sorted(dopants.elements)) for dopants in study.dopants})
    if there < FEWEST:
        raise NotEnoughDataError(f"What to compute next cannot be learned: {too_few(there, there)}")


def what_next(result: ScreenResult, count: int = 3) -> ScreenPrediction:
    """Return what was learned from a screening with *count* dopants to compute next.

    Raises `NotEnoughDataError` where nothing could be learned, or every sensible dopant is computed.
    """
    found = predict(result.judged, following=count)
    if found.why_not:
        raise NotEnoughDataError(f"What to compute next cannot be learned: {found.why_not}")
    if not found.following:
        raise NotEnoughDataError(
            "All sensible dopants on the places of this study are computed, left out, or would fall"
        )
    return found


def next_study(study: DopingStudy, found: ScreenPrediction) -> DopingStudy:
    """Return the study with the dopants to compute next behind its own: what is computed is not computed again."""
    new = tuple(DopantSet(ions=(place.ion,)) for place in found.following)
    return study.model_copy(update={"dopants": (*study.dopants, *new)})


def study_text(study: DopingStudy, found: ScreenPrediction) -> str:
    """Return the study of `next_study` as the text of a YAML file that stands alone, with why at its top."""
    import yaml

    data = study.model_dump(mode="json", exclude_defaults=True)
    if study.host.crystal:
        data["host"].pop("file", None)
    data["dopants"] = [_short(dopants) for dopants in study.dopants]
    said = [
        f"To compute next: {', '.join(place.name for place in found.following)}.",
        f"By: {found.how}.",
        *(f"{place.name}: {place.element_words}." for place in found.following),
        *(each.words for each in found.learned),
        *([found.too_few] if found.too_few else []),
        "The dopants of the study before are still here: in the same workspace they are read back.",
    ]
    head = "".join(f"# {line}\n" for line in said)
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def _short(dopants: DopantSet) -> Any:
    """Return a set as people write it: ``W``, ``[Na, W]``, ``{element: B, sites: [tetrahedral]}``."""
    ions: Sequence[Any] = [_ion(ion) for ion in dopants.ions]
    own = dopants.model_dump(mode="json", exclude_defaults=True, exclude={"ions"})
    if own:
        return {"ions": list(ions), **own}
    return ions[0] if len(ions) == 1 else list(ions)


def _ion(ion: Ion) -> Any:
    data = ion.model_dump(mode="json", exclude_defaults=True)
    return ion.element if set(data) == {"element"} else data
