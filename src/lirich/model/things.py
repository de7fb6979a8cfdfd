"""What a lab has: samples, cells, files and tests, as frozen values."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, field_validator

from lirich.model._base import Frozen
from lirich.model.composition import Composition
from lirich.model.finding import Finding
from lirich.model.value import Scalar

Morphology = Literal["SC", "PC"]
"""Single crystal or polycrystal."""

Electrode = Literal["cathode", "anode", "full"]
"""What the working electrode is: a cathode against Li, an anode material against Li, or a full cell.

It fixes the convention of the Coulombic efficiency: discharge/charge for ``cathode`` and ``full``,
charge/discharge for ``anode`` (delithiation over lithiation)."""

_PATTERN = r"^[^\s/\\][^/\\\x00-\x1f\x7f-\x9f]{0,118}[^\s/\\]$|^[^\s/\\]$"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _name(key: str) -> str:
    if key in (".", ".."):
        raise ValueError(f"{key!r} is no name: it means a folder")
    unseen = _UNSEEN.search(key)
    if unseen is not None:
        raise ValueError(f"a name has no control character such as U+{ord(unseen[0]):04X}: it would look like another")
    return key


Key = Annotated[str, Field(pattern=_PATTERN), AfterValidator(_name)]
"""The name of a sample or cell: 1 to 120 characters that are seen, no slash, no blank at an end."""


class Recipe(Frozen):
    """How a sample was made. Composition, charged Li/TM and excess are apart."""

    route: str | None = None
    charged_li_tm_ratio: PositiveFloat | None = None
    calcination_temperature_celsius: float | None = None
    calcination_time_h: PositiveFloat | None = None
    atmosphere: str | None = None
    flux: str | None = None
    extra: dict[str, Scalar] = Field(default_factory=dict)


class Sample(Frozen):
    """A material from one synthesis. ``sources`` says of each fact who stated it, as in a `Cell`."""

    key: Key
    composition: str | None = None
    morphology: Morphology | None = None
    dopant: str | None = None
    dopant_percent: float | None = Field(default=None, ge=0, le=100)
    coating: str | None = None
    coating_percent: float | None = Field(default=None, ge=0, le=100)
    particle_diameter_um: PositiveFloat | None = None
    batch: str | None = None
    recipe: Recipe | None = None
    extra: dict[str, Scalar] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)

    @field_validator("composition")
    @classmethod
    def _readable(cls, formula: str | None) -> str | None:
        if formula is not None:
            Composition.parse(formula)
        return formula


class Cell(Frozen):
    """One electrochemical cell. ``None`` means not given: it is asked for when it is needed, never assumed.

    ``nominal_specific_capacity_mah_g`` and ``one_c_ma_g`` (the specific current that *1C* means here) are two
    facts: Li-rich papers state 1C = 200, 250 or 280 mA/g for materials of any capacity.

    ``sources`` says of each fact who stated it: ``you`` (by hand), ``/folder/cells.csv, line 2``, ``file SC-1.ndax``.
    """

    key: Key
    sample: str | None = None
    electrode: Electrode | None = None
    active_mass_mg: PositiveFloat | None = None
    nominal_specific_capacity_mah_g: PositiveFloat | None = None
    one_c_ma_g: PositiveFloat | None = None
    electrode_area_cm2: PositiveFloat | None = None
    counter_electrode: str | None = None
    electrolyte: str | None = None
    temperature_celsius: float | None = Field(default=None, ge=-273.15)
    simulated: bool = False
    extra: dict[str, Scalar] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)


TestKind = Literal["cycling", "impedance"]
"""What was measured. Tests of cycling may continue each other; a test of impedance stands for itself."""


class RawFile(Frozen):
    """A file as the instrument wrote it, kept by the SHA-256 of its bytes."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str
    size: int = Field(ge=0)


class Test(Frozen):
    """One raw file, read: which curve it became, who read it, what was repaired and what was noticed.

    ``key`` is the content hash of raw file, reader, repairs and mapping, so that the same file added twice is the same
    test. ``beside`` are the mapping files that the reading depended on, kept as raw files too; ``mapping`` is the hash
    of the one among them that was given by hand, ``None`` where none was or they lay beside the file. ``curve`` is the
    content hash of the table in the workspace: a standard table, or for the kind ``impedance`` one of
    `lirich.model.spectra`. Without a time axis ``duration_second`` is ``None``. ``replaces`` are raw files of which it
    has all rows: exports of the same test while it ran. ``added_unix_second`` is when the *add* that entered it in the
    catalogue began, ``written_unix_second`` the time that the file itself had then.
    """

    __test__ = False  # pytest must not collect it

    key: str
    cell: str
    kind: TestKind = "cycling"
    raw: RawFile
    beside: tuple[RawFile, ...] = ()
    replaces: tuple[RawFile, ...] = ()
    added_unix_second: float | None = None
    written_unix_second: float | None = None
    reader: str
    reader_version: str
    confidence: float = Field(ge=0, le=1)
    curve: str
    rows: int = Field(ge=1)
    start_unix_second: float | None = None
    end_unix_second: float | None = None
    start_time_second: float | None = None
    duration_second: float | None = None
    first_cycle_count: int | None = None
    last_cycle_count: int | None = None
    repairs: tuple[str, ...] = ()
    mapping: str | None = None
    findings: tuple[Finding, ...] = ()
    metadata: dict[str, Scalar] = Field(default_factory=dict)

    @property
    def files(self) -> tuple[RawFile, ...]:
        """All raw files that are kept for it."""
        return (self.raw, *self.beside, *self.replaces)
