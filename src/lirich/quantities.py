"""The vocabulary: every quantity that lirich knows. Nothing else names a quantity.

A key of a quantity with a dimension ends in its unit; ratios carry no suffix and are in percent unless the
unit says otherwise. Voltages are vs the counter electrode (Li/Li⁺ in a half-cell). Charge is positive.
Capacities per gram are per gram of active mass. A definition that is a formula is computed exactly so;
``reference`` says where it comes from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from lirich.errors import UnitError, UnknownNameError

Scope = Literal["cycle", "cell", "material", "device"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One entry of the vocabulary.

    ``scope`` says what a value is about by nature: one ``cycle``, a whole ``cell`` test, a ``material``, a
    ``device``. ``better`` is the direction that is an improvement, ``None`` where that is no question. ``decades`` says
    that it spreads over orders of magnitude, so that two values are compared by their ratio, on the scale of log10.
    ``below_zero`` says what a negative value means where its name does not tell.
    """

    key: str
    name: str
    symbol: str
    unit: str
    scope: Scope
    definition: str
    reference: str
    better: Literal["higher", "lower"] | None = None
    decades: bool = False
    below_zero: str = ""


_FIELD = "Common definition of the field; Bettge et al., J. Electrochem. Soc. 160 (2013) A2046, doi:10.1149/2.034311jes"
_BETTGE = "Bettge et al., J. Electrochem. Soc. 160 (2013) A2046, doi:10.1149/2.034311jes"
_LU_DAHN = "Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815, doi:10.1149/1.1480014"
_REVIEW = "Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f"
_CROY = "Croy et al., J. Electrochem. Soc. 161 (2014) A318, doi:10.1149/2.049403jes"
_SEN = "Sen, J. Am. Stat. Assoc. 63 (1968) 1379, doi:10.1080/01621459.1968.10480934"
_GITT = "Weppner & Huggins, J. Electrochem. Soc. 124 (1977) 1569, doi:10.1149/1.2133112"
_ICI = "Chien et al., Nat. Commun. 14 (2023), doi:10.1038/s41467-023-37989-6 (intermittent current interruption)"
_RANDLES = "Randles, Discuss. Faraday Soc. 1 (1947) 11, doi:10.1039/df9470100011"
_SPHERE = "Jacobsen & West, Electrochim. Acta 40 (1995) 255, doi:10.1016/0013-4686(94)E0192-3 (diffusion in a sphere)"
_BROAD_ARC = "Hsu & Mansfeld, Corrosion 57 (2001) 747, doi:10.5006/1.3280607"
_LIN_KK = "Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi:10.1149/1.2044210 (linear Kramers–Kronig test)"
_KIM = "Kim et al., Energy Environ. Sci. 18 (2025) 4222 (PCA of Li-rich charge curves)"
_STACK = "Betz et al., Adv. Energy Mater. 9 (2019) 1803170, doi:10.1002/aenm.201803170 (levels of energy calculation)"
_TM_HOPS = "Reed, Ceder & Van der Ven, Electrochem. Solid-State Lett. 4 (2001) A78, doi:10.1149/1.1368896"
_LI_HOPS = "Van der Ven & Ceder, J. Power Sources 97-98 (2001) 529, doi:10.1016/S0378-7753(01)00638-3"
_NEB = "Henkelman, Uberuaga & Jónsson, J. Chem. Phys. 113 (2000) 9901, doi:10.1063/1.1329672"
_AYDINOL = "Aydinol et al., Phys. Rev. B 56 (1997) 1354, doi:10.1103/PhysRevB.56.1354"
_HULL = "Ong et al., Chem. Mater. 20 (2008) 1798, doi:10.1021/cm702327g"
_DEFECTS = "Freysoldt et al., Rev. Mod. Phys. 86 (2014) 253, doi:10.1103/RevModPhys.86.253 (formation energies of point defects)"
_BRAGG = "Bragg & Bragg, Proc. R. Soc. Lond. A 88 (1913) 428, doi:10.1098/rspa.1913.0040 (spacing of lattice planes)"
_ORDERS = "Mishra & Ceder, Phys. Rev. B 59 (1999) 6120, doi:10.1103/PhysRevB.59.6120 (layered against spinel)"
_DISORDER = (
    "Urban et al., Phys. Rev. Lett. 119 (2017) 176402, doi:10.1103/PhysRevLett.119.176402 (disordered over layered)"
)
_PAIRS = "Chen & Islam, Chem. Mater. 28 (2016) 6656 (dimers of oxygen in charged Li2MnO3)"
_BREATHING = "Kondrakov et al., J. Phys. Chem. C 121 (2017) 3286, doi:10.1021/acs.jpcc.6b12885 (cells of layered oxides on charge)"
_WINDOW = "Zhu, He & Mo, ACS Appl. Mater. Interfaces 7 (2015) 23685, doi:10.1021/acsami.5b07517"
_CONTACT = "Richards et al., Chem. Mater. 28 (2016) 266, doi:10.1021/acs.chemmater.5b04082 (reaction of two solids)"
_CONTACT_V = "Xiao et al., Joule 3 (2019) 1252, doi:10.1016/j.joule.2019.02.006 (what each does alone is taken off)"
_WATER = "Zhu & Mo, Angew. Chem. Int. Ed. 59 (2020) 17472, doi:10.1002/anie.202007621"
_GUTMANN = "Gutmann, Coord. Chem. Rev. 18 (1976) 225, doi:10.1016/S0010-8545(00)82045-7"
_XU = "Xu, Chem. Rev. 104 (2004) 4303, doi:10.1021/cr030203g"
_BORODIN = "Borodin et al., J. Phys. Chem. C 117 (2013) 8661, doi:10.1021/jp400527c"
_IUPAC = "IUPAC Compendium of Chemical Terminology, doi:10.1351/goldbook"
_SEN_SLOPE = f"Slope by Theil–Sen: {_SEN}"

DIFFUSION_VALIDITY_LIMIT = 0.03
"""τD̃/R² above which a square-root-of-time diffusivity is flagged (definition of ``diffusion_validity_number``)."""
INTERRUPT_VALIDITY_LIMIT = 0.002
"""τD̃/R² above which a diffusivity by interrupts is flagged, τ the end of the window. With the drift of a long current
the response of a sphere is 2√(θ/π) − 2θ, so that √t takes the slope for too small and D̃ for too large: 1.1 of the truth
at 0.0005, 1.4 at 0.005 and 3.1 at 0.05 (the crystal model of `lirich.cells`, tests/test_cells_impedance.py)."""
INTERRUPT_STEADY_LIMIT = 0.2
"""tD̃/R² below which an interrupt comes too early, t the time under current up to it: dE/dt is not yet that of the
equilibrium. At the surface of a sphere under constant flux it is 1 + ⅔·Σ exp(−λ²θ) times as steep, tan λ = λ (Crank 1975,
eq. 6.45): D̃ is 1.02 of the truth at θ = 0.2, 1.18 at 0.1 and 1.6 at 0.05. It is read with the biased D̃ itself, which for
θ → 0 goes to 1/9π = 0.035 and so stays below the limit."""

# fmt: off
_LIST = (
    # --- one cycle ------------------------------------------------------------------------------------------
    Quantity("charge_capacity_mah", "charge capacity", "Q_ch", "mAh", "cycle",
             "∫I dt over the charging steps of the cycle, constant-voltage parts included", _FIELD),
    Quantity("discharge_capacity_mah", "discharge capacity", "Q_dis", "mAh", "cycle",
             "∫|I| dt over the discharging steps of the cycle, constant-voltage parts included", _FIELD, "higher"),
    Quantity("charge_specific_capacity_mah_g", "specific charge capacity", "q_ch", "mAh/g", "cycle",
             "charge capacity / active mass", _FIELD),
    Quantity("discharge_specific_capacity_mah_g", "specific discharge capacity", "q_dis", "mAh/g", "cycle",
             "discharge capacity / active mass", _FIELD, "higher"),
    Quantity("coulombic_efficiency", "Coulombic efficiency", "CE", "%", "cycle",
             "100·Q_dis/Q_ch of the same cycle (cathode and full cell); 100·Q_ch/Q_dis for an anode material "
             "against Li (delithiation over lithiation). The convention is a condition of the value", _FIELD, "higher"),
    Quantity("charge_energy_mwh", "charge energy", "E_ch", "mWh", "cycle",
             "∫V dQ over the charging steps", _FIELD),
    Quantity("discharge_energy_mwh", "discharge energy", "E_dis", "mWh", "cycle",
             "∫V dQ over the discharging steps", _FIELD, "higher"),
    Quantity("discharge_specific_energy_wh_kg", "specific discharge energy", "e_dis", "Wh/kg", "cycle",
             "discharge energy / active mass of the cathode (not of a cell)", _FIELD, "higher"),
    Quantity("charge_specific_energy_wh_kg", "specific charge energy", "e_ch", "Wh/kg", "cycle",
             "charge energy / active mass of the cathode (not of a cell)", _FIELD),
    Quantity("energy_efficiency", "energy efficiency", "η_E", "%", "cycle",
             "100·E_dis/E_ch of the same cycle: what the cell gives over what it takes, whatever the working electrode. "
             "A Coulombic efficiency is the material's, an energy efficiency the cell's: for an anode material against Li, "
             "where discharge is lithiation, the two run opposite ways and η_E = 100·(V̄_dis/V̄_ch)·(100/CE). "
             "None where E_dis or E_ch is not positive (symmetric cells, plated lithium): nothing is given back then", _FIELD, "higher"),
    Quantity("mean_charge_voltage_v", "mean charge voltage", "V̄_ch", "V", "cycle",
             "∫V dQ / ∫dQ over the charge half-cycle, constant-voltage parts included", _BETTGE),
    Quantity("mean_discharge_voltage_v", "mean discharge voltage", "V̄_dis", "V", "cycle",
             "∫V dQ / ∫dQ over the discharge half-cycle, constant-voltage parts included", _BETTGE, "higher"),
    Quantity("median_charge_voltage_v", "median charge voltage", "V_ch(Q/2)", "V", "cycle",
             "voltage at half of the capacity of the charge half-cycle; not the mean voltage", _FIELD),
    Quantity("median_discharge_voltage_v", "median discharge voltage", "V_dis(Q/2)", "V", "cycle",
             "voltage at half of the capacity of the discharge half-cycle; not the mean voltage", _FIELD, "higher"),
    Quantity("mid_voltage_v", "mid voltage", "V̄_mid", "V", "cycle",
             "(V̄_ch + V̄_dis)/2: the part of the mean voltage that polarisation cancels from; its fade is structural",
             _BETTGE, "higher"),
    Quantity("voltage_gap_v", "mean-voltage gap", "ΔV̄", "V", "cycle",
             "V̄_ch − V̄_dis: hysteresis plus polarisation", _BETTGE, "lower"),
    Quantity("hysteresis_loop_energy_wh_kg", "hysteresis loop area", "E_ch − E_dis", "Wh/kg", "cycle",
             "(E_ch − E_dis) / active mass", _CROY, "lower"),
    Quantity("hysteresis_loop_energy_mwh", "hysteresis loop area (absolute)", "E_ch − E_dis", "mWh", "cycle",
             "E_ch − E_dis", _CROY, "lower"),
    Quantity("capacity_retention", "capacity retention", "R_n", "%", "cycle",
             "100·Q_dis,n / Q_dis,ref; the reference cycle is a condition of the value", _FIELD, "higher"),
    Quantity("energy_retention", "energy retention", "R_E,n", "%", "cycle",
             "100·E_dis,n / E_dis,ref; the reference cycle is a condition of the value", _FIELD, "higher"),
    Quantity("low_voltage_capacity_mah_g", "low-voltage capacity", "q_dis(V<V_low)", "mAh/g", "cycle",
             "specific discharge capacity delivered below the threshold voltage (3.5 V unless stated): the "
             "spinel-like, Mn³⁺/⁴⁺ share", _KIM),
    Quantity("low_voltage_capacity_mah", "low-voltage capacity (absolute)", "Q_dis(V<V_low)", "mAh", "cycle",
             "discharge capacity delivered below the threshold voltage (3.5 V unless stated)", _KIM),
    Quantity("low_voltage_share", "low-voltage share", "x_low", "%", "cycle",
             "100 · low-voltage capacity / discharge capacity", _KIM, "lower"),
    Quantity("high_voltage_capacity_mah_g", "high-voltage capacity", "q_ch(V>V_high)", "mAh/g", "cycle",
             "specific charge capacity taken up above the threshold voltage (4.40 V unless stated)", _KIM),
    Quantity("interrupt_resistance_ohm", "interrupt resistance", "R̄", "Ω", "cycle",
             "capacity-weighted mean of |ΔV/ΔI| at the current interrupts and rests of the cycle's half-cycles, of those that have "
             "three or more; the time after the interrupt at which ΔV is read is a condition", _BETTGE, "lower"),
    Quantity("end_resistance_ohm", "resistance at the end of the half-cycles", "R_end", "Ω", "cycle",
             "|ΔV/ΔI| at the rests that end the cycle's charge and its discharge, capacity-weighted mean of both (none without "
             "both): at the cut-off voltages, where relaxation is largest, and no mean over the half-cycle", _BETTGE, "lower"),
    Quantity("corrected_charge_voltage_v", "interrupt-corrected mean charge voltage", "V̄_ch,cor", "V", "cycle",
             "V̄_ch − |I|·R̄, V̄_ch without constant-voltage parts", _BETTGE),
    Quantity("corrected_discharge_voltage_v", "interrupt-corrected mean discharge voltage", "V̄_dis,cor", "V", "cycle",
             "V̄_dis + |I|·R̄, V̄_dis without constant-voltage parts", _BETTGE, "higher"),
    Quantity("charge_rate_c", "charge rate", "C_ch", "1/h", "cycle",
             "charge-weighted median specific current of the charge without constant-voltage parts / the current that 1C means", _FIELD),
    Quantity("discharge_rate_c", "discharge rate", "C_dis", "1/h", "cycle",
             "charge-weighted median specific current of the discharge without constant-voltage parts / the current that 1C means", _FIELD),
    Quantity("charge_current_ma", "charge current", "I_ch", "mA", "cycle",
             "charge-weighted median current of the charge without constant-voltage parts", _FIELD),
    Quantity("discharge_current_ma", "discharge current", "I_dis", "mA", "cycle",
             "magnitude of the charge-weighted median current of the discharge without constant-voltage parts", _FIELD),
    Quantity("upper_cutoff_voltage_v", "highest voltage of the cycle", "V_max", "V", "cycle",
             "highest voltage under current in the cycle", _FIELD),
    Quantity("lower_cutoff_voltage_v", "lowest voltage of the cycle", "V_min", "V", "cycle",
             "lowest voltage under current in the cycle", _FIELD),
    Quantity("constant_voltage_share", "constant-voltage share", "x_CV", "%", "cycle",
             "100 · charge passed at constant voltage / charge capacity", _FIELD, "lower"),
    Quantity("temperature_celsius", "temperature", "T", "°C", "cycle",
             "recorded temperature, mean over the time of the cycle", _FIELD),
    # --- a whole test of a cell -----------------------------------------------------------------------------
    Quantity("initial_coulombic_efficiency", "initial Coulombic efficiency", "ICE", "%", "cell",
             "100·Q_dis,1/Q_ch,1 of the first full cycle (cathode and full cell); 100·Q_ch,1/Q_dis,1 for an anode material. "
             "The convention is a condition of the value", _FIELD, "higher"),
    Quantity("irreversible_capacity_mah_g", "first-cycle irreversible capacity", "q_irr", "mAh/g", "cell",
             "q_ch,1 − q_dis,1 (cathode and full cell); q_dis,1 − q_ch,1 for an anode material", _FIELD, "lower"),
    Quantity("median_coulombic_efficiency", "median Coulombic efficiency in cycling", "CE_med", "%", "cell",
             "median of CE over the ageing cycles at one rate and window, formation and check-ups left out. The convention "
             "of CE is a condition of the value", _FIELD, "higher"),
    Quantity("voltage_decay_mv_per_cycle", "voltage decay", "−dV̄_dis/dn", "mV/cycle", "cell",
             "−slope of V̄_dis against cycle number, Theil–Sen, over ageing cycles at one rate and window, without "
             "formation, rate steps, check-ups and constant-voltage parts; positive is decay", f"{_REVIEW}; {_SEN_SLOPE}", "lower"),
    Quantity("voltage_decay_endpoint_mv_per_cycle", "voltage decay between end points", "(V̄_ref − V̄_n)/(n − n_ref)",
             "mV/cycle", "cell", "(V̄_dis,ref − V̄_dis,n)/(n − n_ref) between the first and the last ageing cycle at one "
             "rate and window, constant-voltage parts left out; positive is decay", _REVIEW, "lower"),
    Quantity("structural_voltage_decay_mv_per_cycle", "structural voltage decay", "−dV̄_mid/dn", "mV/cycle", "cell",
             "−slope of V̄_mid against cycle number, Theil–Sen: the thermodynamic part of the voltage decay, since "
             "dV̄_dis = dV̄_mid − dΔV̄/2. Both mean voltages are over the range that charge and discharge pass off constant "
             "voltage, in cycles that follow a like one", f"{_BETTGE}; {_SEN_SLOPE}", "lower",
             below_zero="the middle between charge and discharge rises, which makes up for polarisation that grows. Lower is better "
             "for this part alone; the voltage decay is both parts"),
    Quantity("polarisation_voltage_decay_mv_per_cycle", "polarisation voltage decay", "½·dΔV̄/dn", "mV/cycle", "cell",
             "half of the slope of ΔV̄ against cycle number, Theil–Sen: the part of the voltage decay that is growth of "
             "polarisation (plus hysteresis). Range and cycles as for the structural part", f"{_BETTGE}; {_SEN_SLOPE}", "lower",
             below_zero="the gap between charge and discharge closes (less resistance or hysteresis), which makes up for a part of "
             "the structural decay. Lower is better for this part alone; the voltage decay is both parts"),
    Quantity("structural_share_of_voltage_decay", "structural share of the voltage decay", "x_struct", "%", "cell",
             "100 · structural / (structural + polarisation) voltage decay; given only where both are ≥ 0. Interval: "
             "Fieller, J. R. Stat. Soc. B 16 (1954) 175, doi:10.1111/j.2517-6161.1954.tb00159.x", _BETTGE),
    Quantity("corrected_voltage_decay_mv_per_cycle", "interrupt-corrected voltage decay", "−dV̄_dis,cor/dn", "mV/cycle",
             "cell", "−slope of the interrupt-corrected mean discharge voltage against cycle number, Theil–Sen",
             f"{_BETTGE}; {_SEN_SLOPE}", "lower"),
    Quantity("capacity_fade_percent_per_cycle", "capacity fade", "−dR/dn", "%/cycle", "cell",
             "−slope of capacity retention against cycle number, Theil–Sen, over ageing cycles at one rate and window; "
             "positive is fade", _SEN_SLOPE, "lower"),
    Quantity("capacity_fade_knee_cycle", "knee of the capacity fade", "n_knee", "cycle", "cell",
             "break point of a two-segment linear fit of capacity against cycle number, given only where it is preferred "
             "to one line by BIC and the fade after it is at least twice the fade before, without any one cycle too; not where "
             "the best break is an end of the search or a jump of the capacity leaves less",
             "Fermín-Cueto et al., Energy and AI 1 (2020) 100006, doi:10.1016/j.egyai.2020.100006 "
             "(who fit a Bacon–Watts model; here two straight segments that meet, by least squares)", "higher"),
    Quantity("activation_voltage_v", "activation voltage", "V*", "V", "cell",
             "valley of dQ/dV between the transition-metal peak (~3.9 V) and the plateau peak (~4.5 V) of the first charge, "
             "searched from 4.2 to 4.5 V; 4.4 V where there is no valley, flagged. The interval is of noise (quarters of the "
             "rows) and of the smoothing window", f"{_KIM}; {_LU_DAHN}"),
    Quantity("slope_capacity_mah_g", "slope capacity of the first charge", "q_slope", "mAh/g", "cell",
             "specific capacity of the first charge below V*; V* is a condition of the value", _LU_DAHN),
    Quantity("plateau_capacity_mah_g", "plateau capacity of the first charge", "q_plateau", "mAh/g", "cell",
             "specific capacity of the first charge above V*: the activation of Li2MnO3-like domains; V* is a condition of the "
             "value", _LU_DAHN),
    Quantity("formal_tm_capacity_mah_g", "formal transition-metal capacity", "q_TM", "mAh/g", "cell",
             "n_e·F/(3.6·M), n_e the electrons from the oxidation states as made (neutral: Mn⁴⁺, Co³⁺, Ni²⁺ to ³⁺) to Ni⁴⁺, "
             "Co⁴⁺, Mn⁴⁺. Formal", _LU_DAHN),
    Quantity("formal_oxygen_capacity_mah_g", "formal oxygen capacity", "q_O", "mAh/g", "cell",
             "max(0, q_ch,1 − q_TM): an upper bound on what oxygen gives in the first charge. Formal", _LU_DAHN),
    Quantity("theoretical_capacity_mah_g", "theoretical capacity", "q_theo", "mAh/g", "material",
             "capacity if all lithium is taken out: x_Li·F/(3.6·M)", _FIELD, "higher"),
    Quantity("low_voltage_capacity_growth_mah_g_per_cycle", "growth of the low-voltage capacity", "dq_low/dn",
             "mAh/g/cycle", "cell", "slope of the low-voltage capacity against cycle number, Theil–Sen, ageing cycles at one "
             "rate and window", f"{_KIM}; {_SEN_SLOPE}", "lower"),
    Quantity("low_voltage_share_growth_percent_per_cycle", "growth of the low-voltage share", "dx_low/dn", "%/cycle", "cell",
             "slope of the low-voltage share against cycle number, Theil–Sen, ageing cycles at one rate and window",
             f"{_KIM}; {_SEN_SLOPE}", "lower"),
    Quantity("hysteresis_at_soc_v", "voltage hysteresis at a state of charge", "ΔV(q)", "V", "cell",
             "V_ch(q) − V_dis(q) at the same capacity counted from the discharged end of the cycle, normalised to the discharge "
             "capacity; soc_percent is a condition", _CROY, "lower"),
    Quantity("dqdv_peak_voltage_v", "dQ/dV peak position", "V_p", "V", "cell",
             "voltage of a maximum of the smoothed dQ/dV; grid and smoothing are conditions, the interval is of noise "
             "(quarters of the rows) and of the smoothing window", _CROY),
    Quantity("dqdv_peak_height_mah_g_v", "dQ/dV peak height", "h_p", "mAh/g/V", "cell",
             "height of a maximum of the smoothed dQ/dV; grid and smoothing are conditions", _CROY),
    Quantity("dqdv_peak_area_mah_g", "dQ/dV peak area", "A_p", "mAh/g", "cell",
             "integral of dQ/dV between the minima on both sides of the peak", _CROY),
    Quantity("dqdv_peak_shift_mv_per_cycle", "shift of a dQ/dV peak", "dV_p/dn", "mV/cycle", "cell",
             "slope of the position of a tracked dQ/dV peak against cycle number, Theil–Sen; followed over 60 curves spread "
             "evenly where there are more (then a condition of the value)", f"{_CROY}; {_SEN_SLOPE}"),
    Quantity("spinel_peak_voltage_v", "spinel-like discharge peak", "V_sp", "V", "cell",
             "position of the discharge dQ/dV peak between 2.7 and 3.4 V: it stands at 3.0 to 3.3 V at low current, and lower "
             "by the polarisation of a fast or aged cell", _CROY),
    Quantity("spinel_peak_area_mah_g", "area of the spinel-like discharge peak", "A_sp", "mAh/g", "cell",
             "discharge capacity of the peak between 2.7 and 3.4 V, between the minima on its sides", _CROY, "lower"),
    Quantity("rate_capability", "rate capability", "q(C)/q(C_ref)", "%", "cell",
             "100 · mean discharge capacity of the cycles at a rate / that at the lowest rate of the same rate test; the rate and "
             "reference rate are conditions", _FIELD, "higher"),
    Quantity("rate_capacity_mah_g", "capacity at a rate", "q(C)", "mAh/g", "cell",
             "mean specific discharge capacity of the cycles at one rate of a rate test", _FIELD, "higher"),
    Quantity("rate_recovery", "recovery after a rate test", "R_rec", "%", "cell",
             "100 · discharge capacity back at the first rate after a rate test / that before it at the same rate", _FIELD, "higher"),
    Quantity("lithium_diffusivity_m2_s", "chemical diffusivity of lithium", "D̃", "m²/s", "cell",
             "by GITT, ICI or EIS for a sphere of the stated radius; method, radius and state of charge or voltage are conditions",
             f"{_GITT}; ICI: {_ICI}; EIS: {_SPHERE}", "higher"),
    Quantity("diffusion_validity_number", "validity number of a diffusivity", "τD/R²", "1", "cell",
             "τ·D̃/R² of the pulse, or of the window of rest of an interrupt; unless it is ≪ 1 the square root of time is biased, in GITT low (flagged above 0.03), in ICI high (above 0.002)", _GITT, "lower"),
    Quantity("interrupt_resistance_growth_ohm_per_cycle", "growth of the interrupt resistance", "dR̄/dn", "Ω/cycle", "cell",
             "slope of the interrupt resistance against cycle number, Theil–Sen", f"{_BETTGE}; {_SEN_SLOPE}", "lower"),
    Quantity("end_resistance_growth_ohm_per_cycle", "growth of the resistance at the end of the half-cycles", "dR_end/dn", "Ω/cycle",
             "cell", "slope of the resistance at the end of the half-cycles against cycle number, Theil–Sen", f"{_BETTGE}; {_SEN_SLOPE}", "lower"),
    Quantity("series_resistance_ohm", "series resistance", "R_0", "Ω", "cell",
             "R_0 of Z = R_0 + arcs: what the impedance tends to at high frequency; electrolyte, contacts, and films without an "
             "arc of their own", _RANDLES, "lower"),
    Quantity("charge_transfer_resistance_ohm", "charge-transfer resistance", "R_ct", "Ω", "cell",
             "resistance of the arc that diffusion follows in series: R_ct + Z_d, with the double layer beside both. Of the whole "
             "electrode; with two electrodes nothing in the spectrum alone says whose it is", f"{_RANDLES}; {_SPHERE}", "lower"),
    Quantity("double_layer_capacitance_f", "double-layer capacitance", "C_dl", "F", "cell",
             "capacitance beside the charge transfer; of a depressed arc that of a capacitor with the same time constant, "
             "τ/R_ct", f"{_RANDLES}; {_BROAD_ARC}"),
    Quantity("second_arc_resistance_ohm", "resistance of the second arc", "R_a", "Ω", "cell",
             "resistance of the other arc of a spectrum: a counter electrode or a film", _RANDLES, "lower"),
    Quantity("diffusion_time_s", "time of diffusion", "R²/D̃", "s", "cell",
             "R²/D̃ of the sphere whose impedance stands in series with the charge transfer: what a spectrum tells of D̃ "
             "without a radius", _SPHERE, "lower"),
    Quantity("kramers_kronig_residual", "Kramers–Kronig residual", "χ_KK", "%", "cell",
             "100 · root mean square of |Z − Z_KK|/|Z|, Z_KK the linear test's fit: noise, drift and non-linearity", _LIN_KK, "lower"),
    # --- a material, as papers and instruments give it ------------------------------------------------------
    Quantity("specific_capacity_mah_g", "specific capacity (unspecified)", "q", "mAh/g", "material",
             "specific capacity as a source states it, charge or discharge not said", _REVIEW, "higher"),
    Quantity("material_energy_density_wh_kg", "specific energy of the material", "e_mat", "Wh/kg", "material",
             "energy per mass of active material, vs Li/Li⁺", _REVIEW, "higher"),
    Quantity("volumetric_energy_density_wh_l", "volumetric energy density", "u", "Wh/L", "material",
             "energy per volume of the electrode or material, as the source states", _REVIEW, "higher"),
    Quantity("volumetric_capacity_mah_cm3", "volumetric capacity", "q_V", "mAh/cm³", "material",
             "capacity per volume of the electrode or material", _REVIEW, "higher"),
    Quantity("particle_diameter_um", "particle size", "d", "µm", "material",
             "diameter of a particle as the source states it", _REVIEW),
    Quantity("d50_um", "median particle size", "D50", "µm", "material",
             "volume-median particle diameter", "ISO 9276-2"),
    Quantity("primary_crystallite_size_um", "primary crystallite size", "d_prim", "µm", "material",
             "size of the primary crystallites of a polycrystal", _REVIEW),
    Quantity("bet_surface_area_m2_g", "BET surface area", "S_BET", "m²/g", "material",
             "specific surface area by gas adsorption", "ISO 9277"),
    Quantity("tap_density_g_cm3", "tap density", "ρ_tap", "g/cm³", "material", "powder density after tapping", "ISO 3953", "higher"),
    Quantity("d_spacing_003_nm", "(003) spacing", "d_003", "nm", "material",
             "spacing of the (003) planes of the layered R-3m cell", _BRAGG),
    Quantity("li_tm_charge_ratio", "Li/TM ratio", "Li/TM", "1", "material",
             "lithium over transition metals as charged in the synthesis, mol/mol", _REVIEW),
    Quantity("calcination_temperature_celsius", "calcination temperature", "T_calc", "°C", "material",
             "highest hold temperature of the synthesis", _REVIEW),
    Quantity("calcination_time_h", "calcination time", "t_calc", "h", "material", "hold time at the calcination temperature", _REVIEW, "lower"),
    Quantity("total_heat_treatment_time_h", "total heat-treatment time", "t_heat", "h", "material", "sum of all heat treatments", _REVIEW, "lower"),
    Quantity("coating_thickness_nm", "coating thickness", "d_coat", "nm", "material", "thickness of a coating layer", _REVIEW),
    Quantity("thermal_degradation_temperature_celsius", "thermal degradation temperature", "T_deg", "°C", "material",
             "temperature at which a layer degrades", _REVIEW, "higher"),
    Quantity("volume_change", "volume change", "ΔV/V", "%", "material", "relative volume change of the material in a cycle", _BREATHING, "lower"),
    Quantity("oxygen_vacancy_formation_energy_ev", "oxygen-vacancy formation energy", "E_vac(O)", "eV", "material",
             "E(with vacancy) + ½E(O2) − E(perfect); the O2 reference and state of charge are conditions", _DEFECTS, "higher"),
    Quantity("oxygen_vacancy_formation_energy_change_ev", "oxygen-vacancy formation energy over the host's", "ΔE_vac(O)", "eV", "material",
             "that of a doped cell less that of the undoped host: same ordering, same oxygen, same lithium out", _DEFECTS, "higher"),
    Quantity("metal_migration_energy_ev", "metal migration energy", "E_mig(M)", "eV", "material",
             "E(metal in a place of the lithium layer) − E(metal at home) of the charged cell, both relaxed; metal, place and "
             "state of charge are conditions", _TM_HOPS, "higher"),
    Quantity("metal_migration_energy_change_ev", "metal migration energy over the host's", "ΔE_mig(M)", "eV", "material",
             "that of a doped cell less that of the undoped host: same metal, same way, same lithium out", _TM_HOPS, "higher"),
    Quantity("metal_migration_barrier_ev", "metal migration barrier", "E_a(M)", "eV", "material",
             "highest energy of the climbing-image band to a place of the lithium layer − E(metal at home)", _NEB, "higher"),
    Quantity("lithium_hop_barrier_ev", "lithium hop barrier", "E_a(Li)", "eV", "material",
             "energy at the saddle of a lithium's hop into a vacancy − that of the lower end; cheap path or band is a condition",
             _LI_HOPS, "lower"),
    Quantity("lithium_hop_barrier_change_ev", "lithium hop barrier over the host's", "ΔE_a(Li)", "eV", "material",
             "that of a doped cell less that of the undoped host: same ordering, same two places", _LI_HOPS, "lower"),
    Quantity("computed_average_voltage_v", "average voltage from energies", "V̄_0K", "V", "material",
             "−[E(rich) − E(poor) − ΔN·E(Li)]/ΔN of ΔN lithium taken out, energies at 0 K for free energies", _AYDINOL),
    Quantity("delithiation_strain", "lattice strain on delithiation", "ε_eq", "%", "material",
             "equivalent (von Mises) strain √(2/3 ε′:ε′) of the charged against the discharged cell, ε′ the deviator of the "
             "Green strain", "von Mises, Nachr. Ges. Wiss. Göttingen, Math.-Phys. Kl. (1913) 582", "lower"),
    Quantity("spinel_over_layered_mev_atom", "spinel over layered", "ΔE(sp)", "meV/atom", "material",
             "energy of the spinel-type order of the same atoms less that of the layered cell, both relaxed", _ORDERS, "higher"),
    Quantity("rock_salt_over_layered_mev_atom", "rock salt over layered", "ΔE(rs)", "meV/atom", "material",
             "energy of the disordered rock salt of the same atoms less that of the layered cell, both relaxed", _DISORDER, "higher"),
    Quantity("dopant_site_energy_ev", "site energy of a dopant", "ΔE_site", "eV", "material",
             "energy of the cell with the dopant on another kind of site less that with the dopant on its own; same ions",
             _DEFECTS, "higher"),
    Quantity("energy_above_hull_mev_atom", "energy above the hull", "E_hull", "meV/atom", "material",
             "energy of the cell less that of the lowest mixture of competing phases of its composition", _HULL, "lower"),
    Quantity("dopant_solution_energy_ev", "solution energy of a dopant", "E_sol", "eV", "material",
             "energy per dopant of host + phases that the doped cell falls apart into → doped cell + phases that the host "
             "falls apart into", _HULL, "lower"),
    Quantity("oxygen_pairing_energy_ev", "oxygen pairing energy", "E(O-O)", "eV", "material",
             "energy of the lowest charged cell found with two oxygens within 1.6 Å less that of the lowest without", _PAIRS, "higher"),
    Quantity("dopant_size_mismatch", "size mismatch of a dopant", "Δr/r", "%", "material",
             "100·(radius of the dopant's ion − that of the replaced one)/that of the replaced one, effective ionic radii; of a set "
             "the mean over its ions, whose signs may cancel",
             "Shannon, Acta Cryst. A 32 (1976) 751, doi:10.1107/S0567739476001551"),
    Quantity("reduction_limit_v", "reduction limit", "V_red,eq", "V", "material",
             "highest potential against Li at which the solid takes up lithium, products in equilibrium", _WINDOW, "lower"),
    Quantity("oxidation_limit_v", "oxidation limit", "V_ox,eq", "V", "material",
             "lowest potential against Li at which the solid gives lithium, products in equilibrium", _WINDOW, "higher"),
    Quantity("decomposition_energy_mev_atom", "decomposition energy at a voltage", "E_dec(V)", "meV/atom", "material",
             "Φ(lowest mixture of phases open to lithium at µ = −V) − Φ(solid), per atom of the solid; 0 is stable", _WINDOW,
             "higher"),
    Quantity("cathode_contact_energy_mev_atom", "reaction energy with the cathode", "ΔE(cathode)", "meV/atom", "material",
             "most that a closed mixture with the cathode gains per atom of both, at the worst state of charge; negative where "
             "it gains", _CONTACT, "higher"),
    Quantity("cathode_contact_energy_at_voltage_mev_atom", "reaction energy with the cathode at a voltage", "ΔE_V(cathode)",
             "meV/atom", "material", "the same with lithium free at µ = −V, without what either would gain alone", _CONTACT_V, "higher"),
    Quantity("electrolyte_contact_energy_mev_atom", "reaction energy with the electrolyte", "ΔE(electrolyte)", "meV/atom", "material",
             "most that a closed mixture with the solid electrolyte gains per atom of both, the worst of several electrolytes",
             _CONTACT, "higher"),
    Quantity("electrolyte_contact_energy_at_voltage_mev_atom", "reaction energy with the electrolyte at a voltage",
             "ΔE_V(electrolyte)", "meV/atom", "material",
             "the same with lithium free at µ = −V, without what either would gain alone", _CONTACT_V, "higher"),
    Quantity("inner_contact_energy_mev_atom", "reaction energy within a coating", "ΔE(inner)", "meV/atom", "material",
             "most that a closed mixture of the two layers of a coating gains per atom of both; 0 of one layer", _CONTACT, "higher"),
    Quantity("coating_strain", "lattice strain of a coating", "ε_c", "%", "material",
             "von Mises strain of the smallest coincidence cell of coating and facet; the facet is a condition",
             "Zur & McGill, J. Appl. Phys. 55 (1984) 378, doi:10.1063/1.333084", "lower"),
    Quantity("lithium_conductivity_s_cm", "lithium-ion conductivity", "σ(Li)", "S/cm", "material",
             "total ionic conductivity at room temperature, middle of the measurements of a formula on the scale of "
             "log10", "Therrien et al., OBELiX, arXiv:2502.14234 (2025), CC-BY 4.0", "higher", decades=True),
    Quantity("lithium_share", "share of lithium", "x_Li", "%", "material", "100·atoms of lithium / all atoms of the formula",
             "Cheng, Fong & Persson, J. Mater. Chem. A 10 (2022), doi:10.1039/D2TA06051E (diffusion in compounds with Li)", "higher"),
    Quantity("element_cost_usd_per_kg", "cost of the elements", "c_el", "USD/kg", "material",
             "Σ mass fraction × price of the element in its cheapest traded form, per kg of the formula; no synthesis",
             "U.S. Geological Survey, Mineral Commodity Summaries, and others (lirich.interfaces.elements)", "lower", decades=True),
    Quantity("scarcest_element_mg_kg", "abundance of the scarcest element", "w_crust", "mg/kg", "material",
             "mass of the scarcest element of the formula per mass of the continental crust",
             "CRC Handbook of Chemistry and Physics, 85th ed., section 14", "higher", decades=True),
    Quantity("element_toxicity", "toxicity of the elements", "T_el", "1", "material",
             "worst class of an element's common compound: 0 low, 1 moderate, 2 high (lirich.interfaces.elements)",
             "Regulation (EC) 1272/2008, annex VI", "lower"),
    Quantity("oxygen_release_onset_v", "onset voltage of oxygen release", "V_on(O2)", "V", "material",
             "voltage in charge at which O2 is first detected", _REVIEW, "higher"),
    Quantity("oxygen_release_intensification_v", "voltage of intense oxygen release", "V_int(O2)", "V", "material",
             "voltage in charge above which O2 release intensifies", _REVIEW, "higher"),
    Quantity("carbon_dioxide_onset_v", "onset voltage of CO2 release", "V_on(CO2)", "V", "material",
             "voltage in charge at which a regime of CO2 release begins; the regime is a condition", _REVIEW, "higher"),
    Quantity("side_reaction_voltage_v", "onset voltage of interfacial side reactions", "V_side", "V", "material",
             "voltage above which side reactions with the electrolyte are reported", _REVIEW, "higher"),
    Quantity("oxidative_instability_voltage_v", "oxidative instability voltage", "V_ox", "V", "material",
             "voltage above which an electrolyte is reported to oxidise", _REVIEW, "higher"),
    Quantity("interfacial_resistance_rise_v", "voltage of the interfacial-resistance rise", "V_R", "V", "material",
             "voltage in charge at which the interfacial resistance rises", _REVIEW, "higher"),
    Quantity("anode_contact_energy_mev_atom", "reaction energy with the anode", "ΔE(anode)", "meV/atom", "material",
             "most that a closed mixture with the anode (lithium metal unless a condition says another) gains per atom of both",
             _CONTACT, "higher"),
    Quantity("water_contact_energy_mev_atom", "reaction energy with water", "ΔE(H2O)", "meV/atom", "material",
             "most that a closed mixture with H2O gains per atom of both; hydrates that a table lacks are not seen", _WATER,
             "higher"),
    # --- a molecule of a liquid electrolyte ------------------------------------------------------------------------
    Quantity("homo_energy_ev", "HOMO energy", "E_HOMO", "eV", "material",
             "energy of the highest occupied orbital of a molecule against the vacuum; lower resists oxidation. Functional, basis "
             "and surroundings are conditions", _BORODIN),
    Quantity("lumo_energy_ev", "LUMO energy", "E_LUMO", "eV", "material",
             "energy of the lowest empty orbital of a molecule against the vacuum; higher resists reduction. Functional, basis "
             "and surroundings are conditions", _BORODIN),
    Quantity("oxidation_potential_v", "oxidation potential of a molecule", "E_ox", "V", "material",
             "potential at which a molecule gives an electron, measured or computed: a condition says which", _BORODIN),
    Quantity("reduction_potential_v", "reduction potential of a molecule", "E_red", "V", "material",
             "potential at which a molecule takes an electron, measured or computed: a condition says which", _BORODIN),
    Quantity("lithium_binding_energy_ev", "binding energy to lithium", "E_b(Li)", "eV", "material",
             "E(complex) − E(molecule) − E(Li⁺ or Li salt), negative binds; ion or salt and surroundings are conditions", _XU),
    Quantity("adsorption_energy_ev", "adsorption energy", "E_ads", "eV", "material",
             "E(surface with molecule) − E(surface) − E(molecule), negative binds; the surface is a condition", _IUPAC),
    Quantity("relative_permittivity", "relative permittivity", "ε_r", "1", "material",
             "static dielectric constant of the liquid; temperature is a condition", _XU, "higher"),
    Quantity("donor_number_kcal_mol", "donor number", "DN", "kcal/mol", "material",
             "−ΔH of the adduct of the molecule with SbCl5 in 1,2-dichloroethane", _GUTMANN),
    Quantity("acceptor_number", "acceptor number", "AN", "1", "material",
             "³¹P shift of triethylphosphine oxide in the solvent, hexane 0, SbCl5 in 1,2-dichloroethane 100", _GUTMANN),
    Quantity("dipole_moment_debye", "dipole moment", "µ", "debye", "material", "dipole moment of the molecule", _IUPAC),
    Quantity("viscosity_mpa_s", "viscosity", "η", "mPa·s", "material",
             "dynamic viscosity of the liquid; temperature is a condition", _XU, "lower", decades=True),
    Quantity("melting_point_celsius", "melting point", "T_m", "°C", "material", "temperature of melting at 1 bar", _XU, "lower"),
    Quantity("boiling_point_celsius", "boiling point", "T_b", "°C", "material", "temperature of boiling at 1 bar", _XU, "higher"),
    Quantity("flash_point_celsius", "flash point", "T_f", "°C", "material",
             "lowest temperature at which the vapour over the liquid can be lit", _XU, "higher"),
    Quantity("molar_mass_g_mol", "molar mass", "M", "g/mol", "material", "mass of one mole", _IUPAC),
    Quantity("price_usd_kg", "price", "c", "USD/kg", "material", "price of a substance as bought; purity and year are conditions",
             "quotation of a supplier", "lower", decades=True),
    # --- a device, or the circumstances that a source states --------------------------------------------------
    Quantity("cell_energy_density_wh_kg", "specific energy of a cell", "e_cell", "Wh/kg", "device",
             "energy per mass of a whole cell", _REVIEW, "higher"),
    Quantity("cell_energy_density_wh_l", "energy density of a cell", "u_cell", "Wh/L", "device",
             "energy per volume of a whole charged cell", _STACK, "higher"),
    Quantity("stack_energy_density_wh_kg", "specific energy of a stack", "e_stack", "Wh/kg", "device",
             "areal capacity × mean cell voltage / mass of one pair of electrodes with separator, electrolyte and half of "
             "each foil, without packaging; assembled, discharged", _STACK, "higher"),
    Quantity("stack_energy_density_wh_l", "energy density of a stack", "u_stack", "Wh/L", "device",
             "areal capacity × mean cell voltage / thickness of the same pair of electrodes, charged", _STACK, "higher"),
    Quantity("test_current_ma_g", "specific current of a test", "i", "mA/g", "device", "specific current that a source states for a test", _REVIEW),
    Quantity("test_cycles", "cycles of a test", "n", "cycle", "device", "number of cycles that a source states for a test", _REVIEW),
    Quantity("storage_temperature_celsius", "storage temperature", "T_st", "°C", "device", "temperature of a storage test", _REVIEW),
    Quantity("mass_to_charge_ratio", "mass-to-charge ratio", "m/z", "1", "device", "channel of a mass spectrometer", _REVIEW),
    Quantity("dataset_curves", "curves in a data set", "N", "1", "device", "number of curves in a data set that a source states", _REVIEW, "higher"),
)
# fmt: on

QUANTITIES: MappingProxyType[str, Quantity] = MappingProxyType({q.key: q for q in _LIST})
"""Every quantity by key."""

RENAMED: MappingProxyType[str, str] = MappingProxyType({"mean_coulombic_efficiency": "median_coulombic_efficiency"})
"""Keys of quantities that have another name now, as they stand in older workspaces."""

if len(QUANTITIES) != len(_LIST):
    raise RuntimeError("two quantities share a key")


def quantity(key: str) -> Quantity:
    """Return the quantity of that key. Raises `UnknownNameError` with the nearest keys."""
    try:
        return QUANTITIES[key]
    except KeyError:
        meant = _known_as(key)
        if meant:
            advice = "Did you mean " + " or ".join(map(repr, meant)) + "?"
            raise UnknownNameError(f"Unknown quantity {key!r}", advice=advice) from None
        raise UnknownNameError.of("quantity", key, QUANTITIES) from None


def _known_as(text: str) -> list[str]:
    """Return the keys of the quantities whose name, initials or symbol is *text*: ``ICE``, ``voltage decay``."""

    def plain(name: str) -> str:
        return "".join(c for c in name.casefold() if c.isalnum())

    wanted = plain(text)
    return [
        key
        for key, what in QUANTITIES.items()
        if wanted and wanted in (plain(what.name), plain(what.symbol), plain("".join(w[0] for w in what.name.split())))
    ][:3]


def convert(value: float, unit: str, key: str) -> float:
    """Convert *value* from *unit* into the unit of the quantity *key*; an energy per mole is one per particle too.

    Raises `UnitError` where the dimensions differ or the unit is unknown, `UnknownNameError` on the key.
    """
    target = quantity(key).unit
    given, wanted = _spelled(unit), _spelled(target)
    if given == wanted:
        return value
    if given in _METRES and wanted in _METRES:  # the literature's lengths; pint takes a quarter of a second to load
        power = _METRES[given] - _METRES[wanted]
        return value * 10.0**power if power > 0 else value / 10.0**-power
    import pint

    registry = _registry()
    try:
        measured = registry.Quantity(value, given)
        if measured.check("[energy]/[substance]") and registry.Quantity(1.0, wanted).check("[energy]"):
            measured = measured / registry.avogadro_constant
        converted = measured.to(wanted)
    except (pint.errors.PintError, AttributeError, ValueError, TypeError, AssertionError) as error:
        raise UnitError(
            f"{unit!r} is no unit of {quantity(key).name}",
            expected=f"{target!r} or a multiple of it",
            advice=str(error),
        ) from error
    return float(converted.magnitude)


_CYCLE = re.compile(r"\bcycles?\b")  # in pint a cycle is 2π rad, so that mV would turn into 6.28 mV/cycle

_METRES = {"nm": -9, "um": -6, "mm": -3, "m": 0}
"""Powers of ten of lengths."""

_SPELLINGS = {
    "°C": "degC",
    "Ω": "ohm",
    "µm": "um",
    "²": "**2",
    "³": "**3",
    "%": "percent",
    "m2": "m**2",
    "cm3": "cm**3",
}


def _spelled(unit: str) -> str:
    for field, plain in _SPELLINGS.items():
        unit = unit.replace(field, plain)
    return _CYCLE.sub("charge_discharge_cycle", unit) or "dimensionless"


@cache
def _registry() -> Any:
    # pint's registry is built from strings at run time and has no static type
    import pint

    registry: Any = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    registry.define("charge_discharge_cycle = [charge_discharge_cycle]")
    registry.define("atom = [atom]")
    registry.define("USD = [currency]")
    return registry
