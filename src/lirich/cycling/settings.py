"""Every threshold of the cycling analysis, with its meaning and where it comes from."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from lirich.cycling.lowvoltage import HIGH_VOLTAGE_V, LOW_VOLTAGE_V
from lirich.cycling.pulses import REST_FRACTION
from lirich.model import Frozen


class CyclingSettings(Frozen):
    """How a cycling table is taken apart. An analysis keeps all of these; each value states those that are no default.

    Defaults that are choices of lirich (not of a paper) are marked *choice*; they were set so that every file of
    the reference data (rests, CC-CV, GITT, ICI, HPPC, rate tests, formation) is taken apart as its programme says.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)  # the reference page shows them

    rest_current_fraction: float = Field(default=REST_FRACTION, gt=0, lt=0.1)
    """A row is at rest where |I| is at most this fraction of the largest current of the test (its 99.9th percentile; of
    fewer than 1,000 rows the second largest). *Choice*: above the noise of a cycler (0.02–0.05 % of range), below a
    C/100 tail in a 10C test."""

    constant_voltage_tolerance_v: float = Field(default=0.005, gt=0)
    """A voltage is held where it stays within this of the end of its step, V. *Choice*: 1–5 mV is the control
    accuracy that makers of cyclers state."""

    constant_voltage_decay: float = Field(default=0.9, gt=0, lt=1)
    """…and the current falls below this fraction of what it was when the hold began. *Choice*."""

    current_level_change: float = Field(default=0.10, gt=0)
    """A step of a constant current by more than this fraction, flat on both sides, begins a new step. *Choice*."""

    reversal_fraction: float = Field(default=0.05, gt=0, lt=0.5)
    """A reversal of the current is a pulse within a half-cycle, not a new half-cycle, where its charge is less than
    this fraction of the half-cycle around it, unless it goes from one voltage limit to the other. *Choice*: HPPC pulses
    are ≤ 3 %, cycles of 5 % depth within the window still count."""

    reversal_net_share: float = Field(default=0.2, gt=0, lt=1)
    """…and where the half-cycle around it moves at least this share of its throughput one way. *Choice*: keeps a
    long test of many cycles with CE ≠ 1 from looking like one drifting half-cycle."""

    leading_fraction: float = Field(default=0.8, gt=0, le=1)
    """Where the electrode is not given: a first discharge smaller than this fraction of the charge after it took out
    what was left in the cell (cycle 0) and is not half of cycle 1. *Choice*."""

    boundary_gap_s: float = Field(default=60.0, gt=0)
    """At the first row of a step the current is taken to have flowed since the row before, but no longer than this,
    or ten times the sampling interval of the step (once, after a gap in the recording). *Choice*: a pause between
    two files must not become charge."""

    recording_gap_s: float = Field(default=3600.0, gt=0)
    """Longer than this without a row under current, and 20 times the usual interval, is a gap in the recording, s; over
    the end of a step a tenth of the longer step beside it is enough, or what capacity columns saw pass. *Choice*."""

    capacity_agreement: float = Field(default=0.05, gt=0, lt=1)
    """The cycler's own capacity columns are used where they agree with ∫I dt within this fraction. *Choice*."""

    incomplete_voltage_v: float = Field(default=0.05, gt=0)
    """The last half-cycle is cut short where it ends under current, further than this from where the like ones end, V;
    any other where it ends so within the window, at no multiple of 50 mV. *Choice*."""

    low_voltage_threshold_v: float = LOW_VOLTAGE_V
    """Discharge below it is the spinel-like, Mn³⁺/⁴⁺ share: Croy et al., doi:10.1149/2.049403jes; Kim et al., Energy
    Environ. Sci. 18 (2025) 4222."""

    high_voltage_threshold_v: float = HIGH_VOLTAGE_V
    """Charge above it is counted as high-voltage capacity: Kim et al., Energy Environ. Sci. 18 (2025) 4222."""

    interrupt_time_s: float = Field(default=10.0, gt=0)
    """The voltage of an interrupt is read this long after the current stopped, s (interpolated; at the end of a shorter
    rest). Short interrupts (10 s) as in Chien et al., Nat. Commun. 14 (2023),
    doi:10.1038/s41467-023-37989-6."""

    interrupt_current_fraction: float = Field(default=0.2, gt=0, lt=1)
    """An interrupt counts where the current before it was at least this fraction of the half-cycle's. *Choice*:
    after a constant-voltage part ΔV/ΔI is mostly noise."""

    minimum_interrupts: int = Field(default=3, ge=1)
    """The mean resistance of a half-cycle, and the voltage that is corrected by it, are given only where it has at
    least this many interrupts. *Choice*: one rest at the end says nothing of the middle."""

    minimum_pulses: int = Field(default=5, ge=3)
    """A half-cycle with at least this many stops is GITT, ICI or a pulse test. *Choice*."""

    interrupt_max_s: float = Field(default=60.0, gt=0)
    """Longer stops, if they are long against the pulses too, are GITT; all others are interrupts (ICI), s. ICI uses
    1–10 s (Chien et al., Nat. Commun. 14 (2023),
    doi:10.1038/s41467-023-37989-6)."""

    gitt_rest_ratio: float = Field(default=0.5, gt=0)
    """…where the median stop is at least this fraction of the median pulse. *Choice*."""

    pseudo_ocv_h: float = Field(default=18.0, gt=0)
    """A half-cycle that takes at least this long without stops is pseudo-OCV, h: C/20 and slower is the usage of the
    field (Barai et al., Prog. Energy Combust. Sci. 72 (2019) 1). A C/20 of the nominal capacity takes 18 to 19 h where
    the cell gives less than that."""

    pseudo_ocv_rate_c: float = Field(default=0.05, gt=0)
    """…as is one at this C-rate or a lower one, within ``rate_tolerance``, where the current that 1C means is given:
    C/20 as above, however little of its capacity the cell still has."""

    pseudo_ocv_alone_h: float = Field(default=10.0, gt=0)
    """…as is one of at least this long where the whole test, cycle 0 aside, is at most two half-cycles. *Choice*."""

    rate_tolerance: float = Field(default=0.10, gt=0, lt=1)
    """Currents within this fraction are the same rate (as `lirich.model.Conditions.unlike` has it)."""

    window_tolerance_v: float = Field(default=0.020, gt=0)
    """Cut-off voltages within this are the same window, V. *Choice*: twice the 10 mV of `Conditions.unlike`, since a
    cut-off is read from sampled rows. Where the last row is further than this from the one before, the window is known
    no better than that, and ends within that step are one window, up to ``incomplete_voltage_v``."""

    cv_share_drift: float = Field(default=2.0, gt=0)
    """A change of the constant-voltage share over the ageing cycles by more than this is said, percentage points.
    *Choice*: over a window of 2 V, one point less at one end moves a mean voltage by 10 mV."""

    formation_max_cycles: int = Field(default=10, ge=1)
    """Slower or wider first cycles up to this many are formation. *Choice*."""

    check_up_max_cycles: int = Field(default=3, ge=1)
    """Up to this many cycles at another rate between ageing cycles are a check-up. *Choice*."""

    rate_step_max_cycles: int = Field(default=20, ge=1)
    """A rate step of a rate test has at most this many cycles. *Choice*."""

    rate_test_min_rates: int = Field(default=3, ge=2)
    """A rate test has at least this many different rates. *Choice*."""

    long_rest_s: float = Field(default=3600.0, gt=0)
    """Rests at least this long are shown as segments, s. *Choice*."""
