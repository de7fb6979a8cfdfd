"""What all domain values share: frozen, strict about unknown fields, exact through JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value object: immutable, validated eagerly, equal by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def to_json(self) -> str:
        """Return canonical JSON: sorted keys, no blanks, fields at their default left out."""
        return canonical_json(self.model_dump(mode="json", exclude_defaults=True))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote. Raises ``pydantic.ValidationError`` on anything else."""
        return cls.model_validate_json(text)

    def content_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON, as 64 hex digits."""
        return content_hash(self.model_dump(mode="json", exclude_defaults=True))


def canonical_json(data: Any) -> str:
    """Return *data* as the one JSON text that equal data share. Raises ``ValueError`` on NaN or infinity."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(data: Any) -> str:
    """Return the SHA-256 of JSON-able *data*, as 64 hex digits."""
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()
