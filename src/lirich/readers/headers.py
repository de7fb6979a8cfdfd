"""The one header-alias table: what a cycler calls a column → which column it is, in which unit.

A header is taken apart into a *name* and a *unit* (``Current(mA)``, ``Ecell/V``, ``voltage_V``, ``Test Time / s``,
``U[V]``). The name, reduced to its letters and digits, is looked up in `ALIASES`; the unit in `UNITS`. A reader of
one vendor passes its own aliases where the vendor uses a word differently (``Time`` is the time of the *step* in a
Neware export, and of the test elsewhere).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lirich.model import Finding, Severity
from lirich.model import table as std

# Roles of columns that are not columns of the standard table, but become some.
CLOCK = "clock"
STEP_TIME = "step_time"
CAPACITY = "capacity"
ENERGY = "energy"
SPECIFIC_CAPACITY = "specific_capacity"
RECORD = "record"

DIMENSION = {
    std.TIME: "time",
    STEP_TIME: "time",
    CLOCK: "clock",
    std.UNIX_TIME: "time",
    std.VOLTAGE: "voltage",
    std.CURRENT: "current",
    std.CYCLE: "count",
    std.STEP: "count",
    std.STEP_INDEX: "count",
    RECORD: "count",
    std.STEP_TYPE: "text",
    std.TEMPERATURE: "temperature",
    std.CELL_TEMPERATURE: "temperature",
    std.CHARGED: "charge",
    std.DISCHARGED: "charge",
    CAPACITY: "charge",
    SPECIFIC_CAPACITY: "specific charge",
    std.CHARGED_ENERGY: "energy",
    std.DISCHARGED_ENERGY: "energy",
    ENERGY: "energy",
    std.RESISTANCE: "resistance",
    **dict.fromkeys(std.OTHER_TEMPERATURES, "temperature"),
    std.POWER: "power",
    std.AMBIENT_PRESSURE: "pressure",
    std.APPLIED_PRESSURE: "pressure",
}
"""The dimension of each role."""

DEFAULT_UNIT = {
    "time": "s",
    "clock": "",
    "voltage": "V",
    "current": "A",
    "count": "",
    "text": "",
    "temperature": "degC",
    "charge": "Ah",
    "specific charge": "mAh/g",
    "energy": "Wh",
    "resistance": "ohm",
    "power": "W",
    "pressure": "Pa",
}
"""The unit of the standard table, per dimension; what a column without unit is taken to be in."""

# Factors to the unit of the standard table. Exact by definition of the units (1 h = 3600 s; 1 mAh = 3.6 C).
UNITS: dict[str, dict[str, float]] = {
    "time": {
        "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0,
        "mins": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0,
        "hours": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0,
    },
    "voltage": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6},
    "current": {"a": 1.0, "amp": 1.0, "amps": 1.0, "ampere": 1.0, "ma": 1e-3, "ua": 1e-6, "na": 1e-9},
    "charge": {
        "ah": 1.0, "mah": 1e-3, "uah": 1e-6, "as": 1 / 3600, "c": 1 / 3600, "mas": 1e-3 / 3600,
        "amphr": 1.0, "mamphr": 1e-3,
    },
    "specific charge": {"mah/g": 1.0, "mahg": 1.0, "ah/kg": 1.0, "ah/g": 1e3},
    "energy": {
        "wh": 1.0, "mwh": 1e-3, "uwh": 1e-6, "kwh": 1e3, "j": 1 / 3600, "ws": 1 / 3600, "watthr": 1.0,
        "mwatthr": 1e-3,
    },
    "temperature": {
        "c": 1.0, "degc": 1.0, "celsius": 1.0, "oc": 1.0, "°c": 1.0, "deg": 1.0, "�c": 1.0, "�": 1.0, "?": 1.0,
        "?c": 1.0,
    },
    "resistance": {"ohm": 1.0, "ohms": 1.0, "ω": 1.0, "mohm": 1e-3, "mω": 1e-3, "mo": 1e-3, "kohm": 1e3},
    "power": {"w": 1.0, "watt": 1.0, "mw": 1e-3, "uw": 1e-6, "kw": 1e3},
    "pressure": {"pa": 1.0, "kpa": 1e3, "mpa": 1e6, "bar": 1e5, "mbar": 1e2},
    "count": {"1": 1.0},
    "text": {"1": 1.0},
    "clock": {},
}  # fmt: skip
_CLOCK_UNIT = re.compile(r"^(h+|hh)[:.]?(m+|min|mm)[:.]?(s+|ss)?([:.]?(ms|fff))?$")

Alias = tuple[str, str]
"""Role, and the unit that the name itself states ("" where it states none)."""


def _spell(role: str, names: str, unit: str = "") -> dict[str, Alias]:
    return dict.fromkeys(names.split(), (role, unit))


ALIASES: dict[str, Alias] = {
    **_spell(std.TIME, "testtime totaltime cumulativetime time elapsedtime runtime proctime "
                       "测试时间 总时间 累计时间 relativetimeoftest testsec test progtime"),
    **_spell(std.TIME, "seconds", "s"),
    **_spell(std.TIME, "hours", "h"),
    **_spell(STEP_TIME, "steptime stepduration tstep relativetime statetime 工步时间 步时间"),
    **_spell(CLOCK, "date datetime dpttime dptime dpt realtime realtimeclock systime absolutetime timestamp "
                    "dateandtime datetimeisostring datestamp 系统时间 绝对时间 日期 真实时间"),
    **_spell(std.UNIX_TIME, "unixtime"),
    **_spell(std.VOLTAGE, "voltage volt potential cellvoltage ecell ewe u vol 电压 v"),
    **_spell(std.VOLTAGE, "volts", "V"),
    **_spell(std.VOLTAGE, "mvolts millivolts", "mV"),
    **_spell(std.CURRENT, "current i cur cellcurrent 电流"),
    **_spell(std.CURRENT, "amps amp", "A"),
    **_spell(std.CURRENT, "mamps milliamps", "mA"),
    **_spell(std.CYCLE, "cycle cyc cyc# cycle# cycleindex cycleid cyclenumber cyclecount cyclec cyccount 循环号 "
                        "循环序号 循环 cycleno"),
    **_spell(std.STEP, "stepcount stepnumber stepno 工步序号"),
    **_spell(std.STEP_INDEX, "step step# stepindex stepid stepposition line ns 工步号 工步"),
    **_spell(std.STEP_TYPE, "steptype stepname state status md mode command direction workmode 工步类型 工步名称 "
                            "状态 stepstate"),
    **_spell(RECORD, "datapoint record rec rec# record# recordid recordnumber recordindex index dataset 数据序号 "
                     "记录序号 recordno point"),
    **_spell(std.TEMPERATURE, "ambienttemperature ambienttemp tenv chambertemperature temperaturechamber evtemp"),
    **_spell(std.CELL_TEMPERATURE, "temperature temp temp1 t1 t temperature1 temperaturet1 auxtemperature1 "
                                   "celltemperature temperaturecell surfacetemperature cellsurfacetemperature 温度 "
                                   "auxtemperature logtemp001"),
    **_spell(std.CHARGED, "chargecapacity chargingcapacity chgcap chgcapacity capchg qcharge ahcha "
                          "cyclechargingcapacity stepchargingcapacity schedulechargingcapacity 充电容量"),
    **_spell(std.CHARGED, "ahcyccharge ahcharge ahchg", "Ah"),
    **_spell(std.DISCHARGED, "dischargecapacity dischargingcapacity dchgcap dchgcapacity dischgcap dischargecap "
                             "capdchg qdischarge ahdch cycledischargingcapacity stepdischargingcapacity "
                             "scheduledischargingcapacity 放电容量"),
    **_spell(std.DISCHARGED, "ahcycdischarge ahdischarge ahdchg", "Ah"),
    **_spell(CAPACITY, "capacity cap 容量 stepcumulativecapacity"),
    **_spell(CAPACITY, "amphr ahstep ah", "Ah"),
    **_spell(CAPACITY, "mamphr mah", "mAh"),
    **_spell(SPECIFIC_CAPACITY, "speccap spccap specap specificcapacity capacitydensity cmpcap 比容量"),
    **_spell(SPECIFIC_CAPACITY, "mahg capacitymahg", "mAh/g"),
    **_spell(std.CHARGED_ENERGY, "chargeenergy chargingenergy chgenergy chgeng whcha cyclechargingenergy "
                                 "stepchargingenergy energycharge schedulechargingenergy 充电能量"),
    **_spell(std.CHARGED_ENERGY, "whcyccharge", "Wh"),
    **_spell(std.DISCHARGED_ENERGY, "dischargeenergy dischargingenergy dchgenergy dchgeng whdch "
                                    "cycledischargingenergy stepdischargingenergy energydischarge "
                                    "scheduledischargingenergy 放电能量"),
    **_spell(std.DISCHARGED_ENERGY, "whcycdischarge", "Wh"),
    **_spell(ENERGY, "energy ener eng 能量 stepcumulativeenergy"),
    **_spell(ENERGY, "watthr whstep wh", "Wh"),
    **_spell(ENERGY, "mwatthr", "mWh"),
    **_spell(std.RESISTANCE, "internalresistance dcir dcinternalresistance ir contactresistanceofcell"),
}  # fmt: skip
"""Reduced name → role and implied unit, for names that mean the same in every file."""


_LONGEST = 120
"""No header of a column that is known here is longer."""
_ONLY_WITH_UNIT = {"test", "t", "ir", "i", "u", "v"}
"""Names too short to mean something on their own."""


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """Column *index* of a file, recognised: header *text* means *role*, in *unit*, times *factor* is the standard.

    ``unit`` is "" where the file does not state one; ``clock_unit`` holds e.g. ``h:min:s.ms``.
    """

    index: int
    text: str
    role: str
    unit: str
    factor: float
    clock_unit: str = ""

    @property
    def dimension(self) -> str:
        """The dimension of the role."""
        return DIMENSION[self.role]


@lru_cache(maxsize=2048)
def reduce_name(text: str) -> str:
    """Return the letters, digits and ``#`` of *text*, lower case: what `ALIASES` is keyed by."""
    text = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in text if c.isalnum() or c == "#")


@lru_cache(maxsize=2048)
def unit_key(unit: str) -> str:
    """Return *unit* as `UNITS` spells it: lower case, without blanks, dots and stars, µ as u."""
    unit = unicodedata.normalize("NFKC", unit).strip().lower().replace("μ", "u").replace("µ", "u")
    return re.sub(r"[\s.·*_-]", "", unit).replace("°c", "degc").replace("℃", "degc")


def unit_factor(unit: str, dimension: str) -> float | None:
    """Return the factor from *unit* to the standard unit of *dimension*; ``None`` for a unit that does not fit."""
    return UNITS[dimension].get(unit_key(unit))


def stated_unit(text: str, role: str) -> HeaderMatch | None:
    """Return the unit that header *text* states for a column known to be *role*; ``None`` where it states none."""
    dimension = DIMENSION[role]
    for _, unit in split_header(text):
        if not unit or dimension in ("text", "clock", "count"):
            continue
        if dimension == "time" and _CLOCK_UNIT.match(unit_key(unit)):
            return HeaderMatch(0, text, role, "", 1.0, clock_unit=unit.lower())
        factor = unit_factor(unit, dimension)
        if factor is not None:
            return HeaderMatch(0, text, role, unit, factor)
    return None


_BRACKETS = re.compile(r"^(.*?)\s*[(\[{（【#]\s*([^()\[\]{}（）【】]*?)\s*[)\]}）】]?\s*$")
_SLASH = re.compile(r"^(.+?)\s*/\s*(.+)$")
_SUFFIX = re.compile(r"^(.+)[_\s]([A-Za-zµμ°]+)$")
_LONG_UNITS = {"second": "s", "volt": "V", "ampere": "A", "celsius": "degC", "ohm": "ohm", "watt": "W"}


@lru_cache(maxsize=2048)
def split_header(text: str) -> tuple[tuple[str, str], ...]:
    """Return the ways in which *text* may be a name and a unit, the likeliest first."""
    if len(text) > _LONGEST:
        return ((text, ""),)
    text = text.strip().strip("\"'").lstrip("~").strip()
    ways: list[tuple[str, str]] = []
    found = _BRACKETS.match(text)
    if found and found.group(1) and ("(" in text or "[" in text or "{" in text or "（" in text or "【" in text):
        ways.append((found.group(1), found.group(2)))
    slash = _SLASH.match(text)
    if slash:
        ways.append((slash.group(1), slash.group(2)))
    ways.append((text, ""))
    suffix = _SUFFIX.match(text)
    if suffix:
        unit = suffix.group(2)
        ways.append((suffix.group(1), _LONG_UNITS.get(unit.lower(), unit)))
    return tuple(ways)


def match_header(index: int, text: str, aliases: Mapping[str, Alias] | None = None) -> HeaderMatch | None:
    """Recognise one header; ``None`` when it is not in the table or its unit does not fit."""
    for name, unit in split_header(text):
        key = reduce_name(name)
        alias = (aliases or {}).get(key) or ALIASES.get(key)
        if alias is None:
            continue
        if not alias[0]:
            return None
        role, implied = alias
        unit = unit or implied
        if key in _ONLY_WITH_UNIT and not unit:
            continue
        if key == "t" and unit_factor(unit, "time") is not None:
            role = std.TIME
        dimension = DIMENSION[role]
        if role in (CAPACITY, ENERGY, std.CHARGED, std.DISCHARGED) and _per_gram(unit):
            if role != CAPACITY:
                continue
            role, dimension = SPECIFIC_CAPACITY, "specific charge"
        if not unit or dimension in ("text", "clock", "count"):
            return HeaderMatch(index, text.strip(), role, "", 1.0)
        if dimension == "time" and _CLOCK_UNIT.match(unit_key(unit).replace("milli", "")):
            return HeaderMatch(index, text.strip(), role, "", 1.0, clock_unit=unit.lower())
        factor = unit_factor(unit, dimension)
        if factor is not None:
            return HeaderMatch(index, text.strip(), role, unit, factor)
    return None


def _per_gram(unit: str) -> bool:
    key = unit_key(unit)
    return "/g" in key or key.endswith(("mahg", "/kg", "g-1"))


def match_headers(
    headers: Sequence[str], aliases: Mapping[str, Alias] | None = None
) -> tuple[dict[str, HeaderMatch], tuple[int, ...]]:
    """Recognise a row of headers.

    Returns the match of each role (the first column that has it wins) and the indices of the other columns.
    *aliases* overrule `ALIASES`; an alias with the role "" makes a header unknown.
    """
    matches, others = _match_headers(tuple(headers), frozenset((aliases or {}).items()))
    return {match.role: match for match in matches}, others


@lru_cache(maxsize=256)
def _match_headers(
    headers: tuple[str, ...], aliases: frozenset[tuple[str, Alias]]
) -> tuple[tuple[HeaderMatch, ...], tuple[int, ...]]:
    own = dict(aliases)
    matches: dict[str, HeaderMatch] = {}
    others: list[int] = []
    for index, text in enumerate(headers):
        first = text.strip()[:1]
        likely = first and first not in "0123456789+-." and len(text) <= _LONGEST
        match = match_header(index, text, own) if likely else None
        if match is None or match.role in matches:
            others.append(index)
        else:
            matches[match.role] = match
    return tuple(matches.values()), tuple(others)


def duplicate_columns(path: Path, headers: Sequence[str], used: Iterable[str]) -> tuple[Finding, ...]:
    """Say which of the *used* headers stand more than once among the *headers* of a file."""
    counts = Counter(headers)
    twice = sorted(name for name in set(used) if counts[name] > 1)
    return tuple(
        Finding(
            code="duplicate-column",
            severity=Severity.WARNING,
            message=f"{path.name} has more than one column {name!r}; the first was used",
            advice="Delete the wrong one if it is not the first",
        )
        for name in twice
    )
