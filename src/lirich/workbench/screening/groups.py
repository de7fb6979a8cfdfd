"""The ranked candidates of a screening in groups, with a pick of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lirich.errors import NotEnoughDataError, OptionalDependencyError
from lirich.interfaces.clusters import Clusters, pick_per_cluster
from lirich.quantities import QUANTITIES
from lirich.screening.asked import Clustering
from lirich.screening.judgement import Judgement
from lirich.screening.ranking import on_scale

NOT_ASKED = "not asked for"
"""The note where a study wants no groups."""


@dataclass(frozen=True)
class Groups:
    """The groups, or why there are none; ``left_out`` are ranked candidates that lack a descriptor, with what."""

    clusters: Clusters | None
    left_out: Mapping[str, tuple[str, ...]]
    note: str

    def of(self, name: str) -> int | None:
        """Return the number of a candidate's group, from 1; ``None`` where it is in none."""
        groups = self.clusters.clusters if self.clusters else ()
        return next((i for i, group in enumerate(groups, start=1) if name in group.members), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the groups as JSON."""
        found = self.clusters
        return {
            "groups": [
                {"pick": g.pick, "members": list(g.members), "centre": dict(g.centre)}
                for g in (found.clusters if found else ())
            ],
            "silhouette": found.silhouette if found else None,
            "left_out": {name: list(keys) for name, keys in self.left_out.items()},
            "note": self.note,
        }


def groups_of(judgement: Judgement, asked: Clustering | None, seed: int = 0) -> Groups:
    """Divide the ranked candidates by the descriptors of a study; the best by score is the pick of its group.

    Quantities over decades are compared as log10. Nothing is filled in: who lacks a descriptor is left out, by name.
    Without scikit-learn there are no groups, and the note says what to install.
    """
    if asked is None or judgement.ranking is None:
        return Groups(None, {}, NOT_ASKED if asked is None else judgement.no_ranking)
    ranked = [(place, judgement.candidate(place.name)) for place in judgement.ranking.places]
    left_out = {
        c.name: lacking for _, c in ranked if (lacking := tuple(k for k in asked.descriptors if k not in c.figures))
    }
    whole = [(place, c) for place, c in ranked if c.name not in left_out]
    try:
        found = pick_per_cluster(
            [c.name for _, c in whole],
            {key: np.array([on_scale(key, c.figures[key].value) for _, c in whole]) for key in asked.descriptors},
            [place.score for place, _ in whole],
            clusters=asked.number,
            seed=seed,
        )
    except (NotEnoughDataError, OptionalDependencyError) as error:
        return Groups(None, left_out, str(error))
    groups = tuple(
        replace(g, centre={k: 10**v if QUANTITIES[k].decades else v for k, v in g.centre.items()})
        for g in found.clusters
    )
    return Groups(replace(found, clusters=groups), left_out, found.note)
