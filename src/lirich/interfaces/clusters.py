"""Clusters of candidates and the pick of each: variety among what is tried first.

Many good candidates are near relatives. K-means over their descriptors divides them into groups that are unlike, and
the best of each group is picked, as Huang et al., Nature 644 (2025) 660 did for electrolytes (ref. 119 of Yang et al.,
EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f).

Descriptors are standardised (mean 0, standard deviation 1). The number of clusters is the one with the largest mean
silhouette, Rousseeuw, J. Comput. Appl. Math. 20 (1987) 53, doi:10.1016/0377-0427(87)90125-7; of equal ones the smaller.
Below a silhouette of 0.25 there is no substantial structure (Kaufman & Rousseeuw, Finding Groups in Data, 1990, table
4), and all candidates are one cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lirich.errors import InputError, NotEnoughDataError, OptionalDependencyError

NO_STRUCTURE = 0.25
"""Mean silhouette below which clusters are not real; see the module."""
MOST_CLUSTERS = 12
"""More groups than this are no overview; a convention of lirich."""
STARTS = 10
"""Starts of K-means, of which the best is kept."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group: its members (best score first), the pick, and the mean of each descriptor in its own unit."""

    pick: str
    members: tuple[str, ...]
    centre: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Clusters:
    """All groups, that of the best pick first.

    ``silhouettes`` gives the mean silhouette of every number of clusters that was tried, ``silhouette`` that of the
    chosen one (0 for one cluster). ``constant`` names descriptors that are alike for all and were left out.
    """

    clusters: tuple[Cluster, ...]
    silhouette: float
    silhouettes: Mapping[int, float]
    constant: tuple[str, ...]
    note: str

    @property
    def picks(self) -> list[str]:
        """The pick of each cluster, best score first."""
        return [cluster.pick for cluster in self.clusters]


def pick_per_cluster(
    names: Sequence[str],
    descriptors: Mapping[str, ArrayLike],
    scores: ArrayLike,
    *,
    clusters: int | None = None,
    seed: int = 0,
) -> Clusters:
    """Divide candidates into clusters and pick the best of each.

    Parameters
    ----------
    names:
        The candidates, n of them, unlike each other.
    descriptors:
        Each an array of shape (n,), finite.
    scores:
        Shape (n,), larger is better, finite.
    clusters:
        Their number; by the silhouette where it is not given.
    seed:
        Of K-means.

    Raises
    ------
    lirich.errors.InputError
        For arrays of other length, missing numbers, names that occur twice, or more clusters than unlike candidates.
    lirich.errors.NotEnoughDataError
        With fewer than three candidates, or when all descriptors are constant.
    lirich.errors.OptionalDependencyError
        Without scikit-learn.
    """
    table, merits = _checked(names, descriptors, scores)
    spread = table.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(table).max(axis=0), 1e-300)
    constant = tuple(key for key, moves in zip(descriptors, varies, strict=True) if not moves)
    if not varies.any():
        raise NotEnoughDataError("No descriptor differs among the candidates", expected="one at least that does")
    points = (table[:, varies] - table[:, varies].mean(axis=0)) / spread[varies]
    unlike = len(np.unique(np.round(points, 9), axis=0))
    if clusters is not None:
        if not 1 <= clusters <= unlike:
            raise InputError(f"{clusters} clusters of {unlike} unlike candidates", expected=f"1 to {unlike}")
        labels = _labels(points, clusters, seed)
        quality = _silhouette(points, labels)
        return _made(
            names, descriptors, table, merits, labels, quality, {clusters: quality}, constant, "number as given"
        )
    tried = {k: _labels(points, k, seed) for k in range(2, min(MOST_CLUSTERS, unlike - 1, len(names) - 1) + 1)}
    qualities = {k: _silhouette(points, labels) for k, labels in tried.items()}
    best = max(qualities, key=lambda k: (round(qualities[k], 6), -k), default=1)
    if best == 1 or qualities[best] < NO_STRUCTURE:
        why = f"largest silhouette {max(qualities.values(), default=0.0):.2f}, below {NO_STRUCTURE}: no clusters"
        one = np.zeros(len(names), dtype=np.int64)
        return _made(names, descriptors, table, merits, one, 0.0, qualities, constant, why)
    why = f"largest silhouette of 2 to {max(qualities)} clusters"
    return _made(names, descriptors, table, merits, tried[best], qualities[best], qualities, constant, why)


def _checked(
    names: Sequence[str], descriptors: Mapping[str, ArrayLike], scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(names) < 3:
        raise NotEnoughDataError(f"{len(names)} candidates", expected="at least three to divide")
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if list(names).count(n) > 1})
        raise InputError(f"Names occur twice: {', '.join(twice)}", expected="each candidate once")
    if not descriptors:
        raise InputError("No descriptors", expected="one at least")
    columns = {**descriptors, "scores": scores}
    for key, column in columns.items():
        values = np.asarray(column, dtype=float)
        if values.shape != (len(names),):
            raise InputError(f"{key} has the shape {values.shape}", expected=f"({len(names)},), one per candidate")
        if not np.isfinite(values).all():
            lacking = [n for n, v in zip(names, values, strict=True) if not np.isfinite(v)]
            raise InputError(
                f"{key} is missing for {', '.join(lacking[:5])}",
                expected="a number for every candidate",
                advice="Leave these candidates or this descriptor out: no number is filled in",
            )
    table = np.column_stack([np.asarray(c, dtype=float) for c in descriptors.values()])
    return table, np.asarray(scores, dtype=float)


def _labels(points: NDArray[np.float64], clusters: int, seed: int) -> NDArray[np.int64]:
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise OptionalDependencyError.of("Clusters of candidates", "learn") from error
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(points)
    return np.asarray(fitted.labels_, dtype=np.int64)


def _silhouette(points: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(points):
        return 0.0
    return float(silhouette_score(points, labels))


def _made(
    names: Sequence[str],
    descriptors: Mapping[str, ArrayLike],
    table: NDArray[np.float64],
    merits: NDArray[np.float64],
    labels: NDArray[np.int64],
    quality: float,
    qualities: Mapping[int, float],
    constant: tuple[str, ...],
    note: str,
) -> Clusters:
    groups = []
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=lambda i: (-merits[i], names[i]))
        centre = dict(zip(descriptors, map(float, table[members].mean(axis=0)), strict=True))
        groups.append((merits[members[0]], Cluster(names[members[0]], tuple(names[i] for i in members), centre)))
    groups.sort(key=lambda pair: (-pair[0], pair[1].pick))
    return Clusters(tuple(cluster for _, cluster in groups), quality, dict(qualities), constant, note)
