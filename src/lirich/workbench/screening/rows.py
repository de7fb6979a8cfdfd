"""The rows of a screening as JSON, whatever was screened."""

from __future__ import annotations

from typing import Any

from lirich.screening.judgement import Judgement


def candidate_rows(judgement: Judgement) -> list[dict[str, Any]]:
    """Return each candidate with place, intervals, reasons and figures, in the order of a report."""
    rows = []
    for candidate, row in judgement.rows:
        place = judgement.place(candidate.name)
        reasons = row["reasons"]
        assert isinstance(reasons, tuple)
        rows.append(
            {
                "name": candidate.name,
                "rank": row["rank"],
                "rank_interval_90": None if place is None else [place.rank_low, place.rank_high],
                "score": row["score"],
                "score_interval_90": None if place is None else [place.score_low, place.score_high],
                "first_share": None if place is None else place.first_share,
                "pareto_front": None if place is None else place.on_front,
                "fell_at": row["fell_at"],
                "reasons": list(reasons),
                "notes": list(candidate.notes),
                "figures": {key: figure.model_dump(mode="json") for key, figure in candidate.figures.items()},
                "changes": {key: change.model_dump(mode="json") for key, change in candidate.changes.items()},
                "missing": dict(candidate.missing),
            }
        )
    return rows
