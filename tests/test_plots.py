"""Figures: what they show is what the data say, with units, marked by origin, and safe to embed."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lirich.plots
from lirich import plots
from lirich.model import Origin
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
from lirich.plots import Band, CellSeries, EnergyLoss, Figure, GroupPoints, style
from lirich.plots.figure import PLOTLY_VERSION, script_json
from lirich.plots.learning import moved
from lirich.plots.overcycles import robust_range
from lirich.plots.page import page
from lirich.plots.periodic import Tile, periodic_table
from lirich.plots.thinning import choose_cycles, thin, thin_rows
from lirich.plots.traces import stacked
from lirich.reports.html import page_parts
from report_material import made_up_cell, made_up_curves, made_up_cycles, made_up_value

AGEING = [Band("formation", 1, 3), Band("ageing", 4, 60)]
STATIC = Path(lirich.plots.__file__).parent / "static"


def every_figure(origin: Origin = Origin.MEASURED) -> list[Figure]:
    cycles = made_up_cycles()
    curves, slopes, gaps = made_up_curves(cycles.head(8), points=60)
    cell = made_up_cell("SC-1", curves=False, simulated=origin is Origin.SIMULATED)
    series = [CellSeries("a", "SC", cycles, origin), CellSeries("b", "PC", cycles, origin)]
    found = [
        plots.voltage_profiles(curves, origin=origin),
        plots.dqdv_curves(slopes, origin=origin),
        plots.hysteresis(gaps, origin=origin),
        plots.capacity(cycles, bands=AGEING, origin=origin),
        plots.mean_voltages(cycles, bands=AGEING, origin=origin),
        plots.low_voltage(cycles, bands=AGEING, origin=origin),
        plots.protocol(cycles, bands=AGEING, origin=origin),
        plots.rate_test(cell.values, origin=origin),
        plots.diffusivity(cell.values, origin=origin),
        plots.overlay(series, "capacity_retention"),
        plots.group_points(
            "capacity_retention", [GroupPoints("SC", (("a", 95.0), ("b", 96.0)), 95.5, 94.0, 97.0, origin)]
        ),
        plots.energy_losses([EnergyLoss("a", "SC", 4, 60, 4.0, 1.0, 0.5, origin)]),
    ]
    assert all(f is not None for f in found)
    return [f for f in found if f is not None]


@pytest.mark.parametrize("figure", every_figure(), ids=lambda f: f.title)
def test_every_axis_states_its_unit_or_counts(figure: Figure) -> None:
    titles = [a["title"]["text"] for name, a in figure.layout.items() if re.match(r"[xy]axis", name)]
    for title in titles:
        bare = title in ("Cycle", "Rate", "")  # counts and spoken rates carry none; empty: named categories
        assert bare or re.search(r"\((mAh/g|mAh|V|mV|%|C|mA|mAh/g/V|m²/s|mV/cycle|% .*)\)", title), title
    assert figure.alt
    assert figure.title


@pytest.mark.parametrize("figure", every_figure(), ids=lambda f: f.title)
def test_specification_is_strict_json(figure: Figure) -> None:
    assert json.loads(figure.to_json()) == json.loads(json.dumps(figure.to_dict(), allow_nan=False))


def test_simulated_is_dashed_or_open_and_says_so() -> None:
    for figure in every_figure(Origin.SIMULATED):
        for trace in figure.data:
            line, marker = trace.get("line", {}), trace.get("marker", {})
            if trace["type"] == "scatter" and "lines" in trace["mode"]:
                assert line.get("dash", "solid") != "solid", figure.title
            if trace["type"] == "bar":
                assert set(marker["pattern"]["shape"]) == {"/"}
        assert figure.layout.get("annotations") is None or any(
            "SIMULATED" in a["text"] for a in figure.layout["annotations"]
        )
    measured = every_figure()
    assert not any("SIMULATED" in f.to_json() for f in measured)


def test_only_measured_and_published_are_drawn_solid() -> None:
    solid = {o for o, dash in style.DASHES.items() if dash == "solid"}
    filled = {o for o, symbol in style.MARKERS.items() if not symbol.endswith("-open")}
    assert solid == {Origin.MEASURED, Origin.LITERATURE}
    assert filled == {Origin.MEASURED, Origin.LITERATURE}
    assert set(style.DASHES) == set(style.MARKERS) == set(Origin)


@given(st.lists(st.text(max_size=8), max_size=6))
def test_sc_and_pc_have_their_colours_in_any_company(others: list[str]) -> None:
    colours = style.group_colours(["PC", *others, "SC"])
    assert colours["SC"] == style.SC_COLOUR
    assert colours["PC"] == style.PC_COLOUR
    assert all(colours[g] not in (style.SC_COLOUR, style.PC_COLOUR) for g in others if g not in ("SC", "PC"))


def relative_luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_cycle_scale_runs_from_dark_to_light() -> None:
    levels = [relative_luminance(style.cycle_colour(x)) for x in np.linspace(0, 1, 25)]
    assert all(b > a for a, b in pairwise(levels))
    assert 1.05 / (levels[-1] + 0.05) > 2  # the lightest still reads on white


@given(st.text(max_size=60))
def test_no_text_leaves_a_script_element(text: str) -> None:
    inside = script_json({"name": text})
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == {"name": text}


@given(st.text(alphabet=st.sampled_from("<>&%{}ab\n\t/"), max_size=30))
def test_plotly_shows_a_users_text_letter_by_letter(text: str) -> None:
    shown = style.plain(text)
    assert "<" not in shown
    assert ">" not in shown
    assert "%{" not in shown
    back = shown.replace("&#123;", "{").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == "".join(c if c.isprintable() else " " for c in text)


def test_symbols_get_their_subscripts() -> None:
    assert style.symbol("−dV̄_dis/dn") == "−dV̄<sub>dis</sub>/dn"
    assert style.symbol("q_dis(V<V_low)") == "q<sub>dis</sub>(V&lt;V<sub>low</sub>)"


def test_vendored_plotly_is_the_file_that_the_readme_names() -> None:
    readme = (STATIC / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((STATIC / "plotly-basic.min.js").read_bytes()).hexdigest()
    assert digest in readme
    assert f"| {PLOTLY_VERSION} |" in readme
    assert f"v{PLOTLY_VERSION}" in (STATIC / "plotly-basic.min.js").read_text(encoding="utf-8")[:200]
    assert "Permission is hereby granted" in (STATIC / "LICENSE.plotly.txt").read_text(encoding="utf-8")


def test_figure_stands_alone_in_a_file_and_a_notebook(tmp_path: Path) -> None:
    figure = Figure("<i>title</i>", 'alt "quoted"', [{"type": "scatter", "x": [1], "y": [2], "name": "</script>"}])
    text = figure.write_html(tmp_path / "f.html").read_text(encoding="utf-8")
    without_plotly = text.replace((STATIC / "plotly-basic.min.js").read_text(encoding="utf-8"), "")
    assert len(text) - len(without_plotly) > 1_000_000  # it carries plotly.js
    assert "http" not in without_plotly
    assert "src=" not in without_plotly
    assert "<i>title" not in without_plotly
    assert without_plotly.count("</script>") == 1
    bundle = figure._repr_mimebundle_()
    assert bundle["application/vnd.plotly.v1+json"]["data"][0]["y"] == [2]
    assert "Plotly.newPlot" in figure._repr_html_()


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=300), st.integers(1, 40))
def test_chosen_cycles_are_real_few_and_keep_the_ends(cycles: list[int], most: int) -> None:
    chosen = choose_cycles(cycles, most)
    known = sorted(set(cycles))
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(known)
    assert len(chosen) <= most
    assert chosen[0] == known[0]
    if most > 1:
        assert chosen[-1] == known[-1]
    if most > 2 and len(known) > 1:
        assert chosen[1] == known[1]  # the second cycle of a Li-rich cell is unlike its first


@given(st.integers(2, 400), st.integers(2, 100), st.integers(0, 5))
def test_thinning_keeps_ends_and_order(n: int, most: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=n)
    keep = thin(np.arange(n), y, most)
    assert keep[0] == 0
    assert keep[-1] == n - 1
    assert np.all(np.diff(keep) > 0)
    assert len(keep) <= max(most, 2)


@pytest.mark.data
def test_thinned_real_curve_is_drawn_within_a_pixel(shared_data: Path) -> None:
    table = pl.read_csv(shared_data / "cycling" / "lrlo_posco_cycle1_cycle10_digitized.csv")
    part = table.filter((pl.col("cycle") == 1) & (pl.col("direction") == "charge"))
    q, v = part["capacity_mAh_g"].to_numpy(), part["voltage_V"].to_numpy()
    keep = thin(q, v, 120)
    rows = np.arange(len(q))
    away = np.hypot((np.interp(rows, keep, q[keep]) - q) / np.ptp(q), (np.interp(rows, keep, v[keep]) - v) / np.ptp(v))
    assert away.max() < 1 / 300  # the plot area is about 300 px high


@pytest.mark.data
def test_voltage_profile_of_the_real_cell_ends_where_the_paper_says(shared_data: Path) -> None:
    table = pl.read_csv(shared_data / "cycling" / "lrlo_posco_cycle1_cycle10_digitized.csv")
    curves = table.select(
        "cycle",
        "direction",
        pl.col("voltage_V").alias("voltage_volt"),
        pl.col("capacity_mAh_g").alias("capacity_mah"),
        pl.col("capacity_mAh_g").alias("specific_capacity_mah_g"),
    )
    figure = plots.voltage_profiles(curves)
    ends = sorted(max(t["x"]) for t in figure.data if len(t["x"]) > 1)
    assert ends == pytest.approx([170.6, 172.3, 233.5, 280.0], abs=0.3)
    assert [t["name"] for t in figure.data if t["showlegend"]] == ["cycle 1", "cycle 10"]


def test_many_cycles_get_a_colour_scale_and_few_a_legend() -> None:
    curves, _, _ = made_up_curves(made_up_cycles(), points=10)
    many = plots.voltage_profiles(curves)
    assert many.data[-1]["marker"]["colorbar"]["title"]["text"] == "cycle"
    assert many.data[-1]["marker"]["cmax"] == 60
    assert "24 of 60 cycles shown" in many.note
    few = plots.voltage_profiles(curves.filter(pl.col("cycle") < 4))
    assert few.layout["showlegend"]


def test_without_masses_nothing_is_called_specific() -> None:
    curves, slopes, _ = made_up_curves(made_up_cycles(4), points=20)
    bare = curves.with_columns(specific_capacity_mah_g=pl.lit(None, dtype=pl.Float64))
    figure = plots.voltage_profiles(bare)
    assert figure.layout["xaxis"]["title"]["text"] == "Capacity (mAh)"
    assert "mass not given" in figure.note
    assert "mAh/g" not in plots.dqdv_curves(slopes.drop("dqdv_mah_g_v")).layout["yaxis"]["title"]["text"]


def test_dqdv_of_discharge_points_down_whatever_its_sign() -> None:
    _, slopes, _ = made_up_curves(made_up_cycles(2), points=40)
    flipped = slopes.with_columns(dqdv_mah_g_v=-pl.col("dqdv_mah_g_v"))
    down = [t for t in plots.dqdv_curves(slopes).data if "discharge" in t["hovertemplate"]]
    assert down
    assert all(max(t["y"]) <= 0 for t in down)
    again = [t for t in plots.dqdv_curves(flipped).data if "discharge" in t["hovertemplate"]]
    assert [t["y"] for t in again] == [t["y"] for t in down]


def test_parts_of_the_voltage_fade_are_the_truth_and_add_up() -> None:
    figure = plots.mean_voltages(made_up_cycles(structural_mv=0.5, polarisation_mv=0.2), bands=AGEING)
    parts = {t["name"]: np.array(t["y"]) for t in figure.data if t["yaxis"] == "y2"}
    total = parts["structural"] + parts["polarisation"]
    np.testing.assert_allclose(parts["total"], total, atol=2e-3)
    assert parts["structural"][-1] == pytest.approx(-0.5 * 55, abs=1.2)  # cycles 5 to 60, noise 0.2 mV
    assert parts["polarisation"][-1] == pytest.approx(-0.2 * 55, abs=1.2)


def test_settled_leaves_out_the_cycle_after_a_check_up() -> None:
    table = made_up_cycles(20).with_columns(
        like_group=pl.when(pl.col("cycle") <= 3).then(0).when(pl.col("cycle") == 10).then(0).otherwise(1)
    )
    assert plots.settled(table, 4)["cycle"].to_list() == [*range(5, 10), *range(12, 21)]
    assert plots.settled(table, 99).is_empty()


def test_thin_rows_keeps_formation_and_the_end() -> None:
    table = pl.DataFrame({"cycle": np.arange(1, 2001)})
    kept = thin_rows(table, 300)["cycle"].to_list()
    assert kept[:10] == list(range(1, 11))
    assert kept[-1] == 2000
    assert len(kept) <= 300


def test_a_thinned_figure_says_how_many_cycles_were_run_and_how_many_are_drawn() -> None:
    n = 1500
    run = np.arange(1, n + 1)
    cycles = pl.DataFrame(
        {
            "cycle": run,
            "charge_capacity_mah": 2.0 - 1e-4 * run,
            "discharge_capacity_mah": 1.99 - 1e-4 * run,
            "coulombic_efficiency": np.full(n, 99.5),
            "mean_charge_voltage_v": np.full(n, 3.9),
            "mid_voltage_v": np.full(n, 3.8),
            "mean_discharge_voltage_v": np.full(n, 3.7),
            "voltage_gap_v": np.full(n, 0.2),
            "low_voltage_share": 10 + 0.01 * run,
            "low_voltage_capacity_mah": np.full(n, 0.2),
            "discharge_current_ma": np.full(n, 1.0),
            "charge_current_ma": np.full(n, 1.0),
        }
    )
    bands = (plots.Band("ageing", 1, 100),)  # a fifteenth of the axis: too narrow for its name
    for draw in (plots.capacity, plots.mean_voltages, plots.low_voltage, plots.protocol):
        figure = draw(cycles, bands=bands)
        assert figure is not None
        drawn = max(len(trace["x"]) for trace in figure.data)
        assert drawn < 620
        assert f"{drawn} of {n} cycles are drawn" in figure.note
        assert "over 1500 cycles" in figure.alt or draw is plots.protocol
        assert not figure.layout["annotations"]
        whole = draw(cycles.head(300), bands=bands)
        assert whole is not None
        assert "are drawn" not in whole.note


def test_robust_range_hides_the_first_cycles_efficiency_only() -> None:
    efficiency = np.r_[83.0, np.full(40, 99.4) + 0.05 * np.sin(np.arange(40))]
    ends, cut = robust_range(efficiency)
    assert cut == 1
    assert ends is not None
    assert ends[0] > 95
    assert robust_range(np.linspace(250, 150, 50)) == (None, 0)


def test_open_points_are_the_pulses_out_of_validity() -> None:
    figure = plots.diffusivity(made_up_cell("SC-1", curves=False).values)
    assert figure is not None
    sizes = {t["name"]: (len(t["x"]), t["marker"]["symbol"]) for t in figure.data}
    assert sizes == {"GITT": (13, "circle"), "GITT, out of validity": (5, "circle-open")}
    assert plots.diffusivity([]) is None


def test_group_figure_shows_each_cell_and_the_interval_of_the_mean() -> None:
    groups = [
        GroupPoints("SC", (("SC-1", 0.4), ("SC-2", 0.5)), 0.45, 0.2, 0.7),
        GroupPoints("PC", (("PC-1", 0.9),), 0.9),
    ]
    figure = plots.group_points("voltage_decay_mv_per_cycle", groups)
    assert figure.data[0]["y"] == [0.4, 0.5]
    whisker = next(t for t in figure.data if "error_y" in t)
    assert whisker["error_y"]["array"] == [0.25]
    assert figure.layout["xaxis"]["ticktext"] == ["SC (n=2)", "PC (n=1)"]
    assert "Lower is better" in figure.note
    assert sum("error_y" in t for t in figure.data) == 1  # one cell has no interval


def test_literature_is_context_by_group_with_bounds_as_arrows() -> None:
    own = [("SC", made_up_value("voltage_decay_mv_per_cycle", 0.4, "SC-1", 0.05, origin=Origin.MEASURED))]
    bound = made_up_value("voltage_decay_mv_per_cycle", 1.5, "paper", origin=Origin.LITERATURE)
    published = [("PC", bound.model_copy(update={"operator": bound.operator.__class__.GREATER}))]
    figure = plots.literature_context("voltage_decay_mv_per_cycle", own, published)
    assert figure is not None
    assert figure.layout["yaxis"]["ticktext"] == ["PC, published", "SC, yours"]
    assert figure.data[0]["marker"]["symbol"] == ["triangle-right"]
    assert figure.data[1]["marker"]["symbol"] == ["circle"]
    assert plots.literature_context("voltage_decay_mv_per_cycle", own, []) is None


def test_a_range_never_hides_most_of_a_line() -> None:
    many, few = np.full(30, 100.0), np.array([2.6, 3.1, 3.9, 6.9, 16.2])
    both = np.concatenate([many, few])
    assert robust_range(both)[1] == 5  # alone, they look like outliers
    assert robust_range(both, [many, few]) == (None, 0)
    spike = np.r_[few, np.full(20, 3.0), 900.0]
    assert robust_range(spike, [spike])[1] >= 1


def test_cycle_zero_and_incomplete_cycles_stand_in_no_line() -> None:
    cycles = pl.DataFrame(
        {
            "cycle": [0, 1, 2, 3],
            "complete": [False, True, True, False],
            "discharge_specific_capacity_mah_g": [9.0, 250.0, 249.0, 3.0],
            "mean_discharge_voltage_v": [2.0, 3.6, 3.6, 4.4],
        }
    )
    assert plots.whole_cycles(cycles)["cycle"].to_list() == [1, 2]
    figure = plots.overlay([CellSeries("a", "SC", cycles)], "discharge_specific_capacity_mah_g")
    assert figure is not None
    assert figure.data[0]["x"] == [1, 2]
    assert "Left out: 2 cycles (cycle 0 or incomplete)" in figure.note
    (points,) = plots.capacity(cycles).data
    assert points["x"] == [0, 1, 2, 3]
    assert points["mode"] == "markers"
    assert [o < 1 for o in points["marker"]["opacity"]] == [True, False, False, True]
    (line,) = plots.mean_voltages(cycles).data
    assert line["x"] == [1, 2]


def test_cells_over_each_other_are_told_apart_by_name_and_marker() -> None:
    cycles = made_up_cycles()
    few = [CellSeries(f"SC-{i}", "SC", cycles) for i in range(3)]
    figure = plots.overlay(few, "capacity_retention")
    assert figure is not None
    assert [t["name"] for t in figure.data if t["showlegend"]] == ["SC-0", "SC-1", "SC-2"]
    assert len({t["marker"]["symbol"] for t in figure.data}) == 3
    assert len({t["line"]["color"] for t in figure.data}) == 1  # one colour, one group
    many = plots.overlay([CellSeries(f"SC-{i}", "SC", cycles) for i in range(20)], "capacity_retention")
    assert many is not None
    assert [t["name"] for t in many.data if t["showlegend"]] == ["SC"]
    open_ = plots.overlay([CellSeries("s", "SC", cycles, Origin.SIMULATED)], "capacity_retention")
    assert open_ is not None
    assert open_.data[0]["marker"]["symbol"].endswith("-open")


@pytest.mark.parametrize(("cells", "most"), [(1, 150), (20, 150), (1, 6)])
def test_no_line_joins_cycles_at_unlike_rates_or_windows(cells: int, most: int) -> None:
    like = [0, 0, *[1] * 6, 0, 2, *[0] * 8, None, None]
    cycles = pl.DataFrame({"cycle": range(1, 21), "like_group": like, "capacity_retention": np.linspace(99, 80, 20)})
    series = [CellSeries(f"a{i}", "SC", cycles) for i in range(cells)]
    figure = plots.overlay(series, "capacity_retention", most_points=most)
    assert figure is not None
    line, single = figure.data[:2]
    runs = "".join(" " if y is None else f"{n}," for n, y in zip(line["x"], line["y"], strict=True)).split()
    ends = [(int(run.split(",")[0]), int(run.split(",")[-2])) for run in runs]
    assert ends == [(3, 8), (11, 18)]
    assert set(single["x"]) <= {1, 2, 9, 10, 19, 20}  # what is in no line is a point
    assert len(single["x"]) == min(6, most)
    assert (single["mode"], single["showlegend"]) == ("markers", False)
    assert "Lines join 4 or more cycles in a row at one rate and window" in figure.note
    alike = plots.overlay([CellSeries("a", "SC", cycles.with_columns(like_group=0))], "capacity_retention")
    assert alike is not None
    assert [t["x"] for t in alike.data] == [list(range(1, 21))]
    assert "Lines join" not in alike.note
    few = plots.overlay([CellSeries("a", "SC", cycles[8:10])], "capacity_retention")
    assert few is not None
    assert [(t["mode"], t["showlegend"]) for t in few.data] == [("markers", True)]


def test_mean_voltages_are_joined_at_one_rate_and_window_alone() -> None:
    volts = [3.9, 3.8, 3.7, 3.6, 3.5]
    cycles = pl.DataFrame({"cycle": range(1, 6), "like_group": [0, 1, 1, 0, 0], "mean_discharge_voltage_v": volts})
    figure = plots.mean_voltages(cycles)
    assert figure.data[0]["y"] == [3.9, None, 3.8, 3.7, None, 3.6, 3.5]
    assert "Lines join cycles at one rate and window" in figure.note
    alike = plots.mean_voltages(cycles.drop("like_group"))
    assert alike.data[0]["y"] == volts
    assert "Lines join" not in alike.note


def test_panels_above_each_other_share_the_height_and_never_overlap() -> None:
    layout = stacked(style.axis("x"), (2.0, style.axis("a")), (1.0, style.axis("b")), (1.0, style.axis("c")))
    domains = [layout[name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3")]
    heights = [high - low for low, high in domains]
    assert heights[0] == pytest.approx(2 * heights[1], abs=2e-4)
    assert heights[1] == pytest.approx(heights[2], abs=2e-4)
    assert domains[0][1] == 1.0
    assert domains[2][0] == pytest.approx(0.0, abs=1e-4)
    assert all(upper[0] - lower[1] > 0.05 for upper, lower in pairwise(domains))
    assert layout["xaxis"]["anchor"] == "y3"


def test_a_rate_test_is_coloured_by_rate_and_the_axis_names_the_counter_electrode() -> None:
    from lirich.plots.curves import rates_of_test

    cycles = pl.DataFrame(
        {"cycle": [1, 2, 3, 4], "segment": ["formation", *["rate_test"] * 3], "discharge_rate_c": [0.1, 0.2, 1.0, 0.2]}
    )
    curves = pl.concat(
        pl.DataFrame(
            {"cycle": [n] * 9, "direction": "discharge", "voltage_volt": np.linspace(4.5, 2.5, 9),
             "capacity_mah": np.linspace(0.0, 1.0 + n, 9), "specific_capacity_mah_g": [None] * 9}
        )
        for n in cycles["cycle"]
    )  # fmt: skip
    rates = rates_of_test(cycles)
    assert rates == {1: 0.1, 2: 0.2, 3: 1.0, 4: 0.2}
    figure = plots.voltage_profiles(curves, counter="lithium metal", rates=rates)
    assert [t["name"] for t in figure.data] == ["C/10", "C/5", "C/5", "1C"]
    assert [t["showlegend"] for t in figure.data] == [True, True, False, True]
    assert figure.data[1]["line"]["color"] == figure.data[2]["line"]["color"] != figure.data[3]["line"]["color"]
    assert figure.layout["yaxis"]["title"]["text"] == "Voltage vs Li/Li<sup>+</sup> (V)"
    against = plots.voltage_profiles(curves, counter="Li-In").layout["yaxis"]["title"]["text"]
    assert against == "Voltage vs Li-In (V)"
    assert plots.voltage_profiles(curves).layout["yaxis"]["title"]["text"] == "Voltage (V)"
    assert rates_of_test(cycles.with_columns(segment=pl.lit("ageing"))) is None


def test_few_cycles_have_whole_ticks_and_small_logarithmic_ticks_whole_numbers() -> None:
    from lirich.plots import style

    assert style.cycle_axis([1, 2])["dtick"] == 1
    assert "dtick" not in style.cycle_axis(range(1, 100))
    assert style.axis("Rate", type="log")["minorloglabels"] == "complete"


def test_ungrouped_cells_have_colours_of_their_own_and_a_legend_that_leaves_room() -> None:
    table = pl.DataFrame({"cycle": [1, 2, 3], "capacity_retention": [100.0, 99.0, 98.0]})
    names = [f"a_long_name_of_a_file_of_the_batch_{i}" for i in range(7)]
    alone = plots.overlay([plots.CellSeries(n, style.NO_GROUP, table) for n in names], "capacity_retention")
    assert alone is not None
    assert len({t["line"]["color"] for t in alone.data}) == 7
    assert [t["name"][-1] for t in alone.data] == list("0123456")  # the end tells them apart
    assert all(len(t["name"]) <= 24 for t in alone.data)
    short = plots.overlay([plots.CellSeries(str(i), "SC", table) for i in range(3)], "capacity_retention")
    assert short is not None
    assert len({t["line"]["color"] for t in short.data}) == 1  # a group keeps its colour
    assert alone.layout["height"] - short.layout["height"] >= 3 * 19  # two long names stand in a row of the legend


def test_no_sign_of_an_own_value_is_that_of_a_published_one() -> None:
    own = {style.MARKERS[o] for o in Origin if o is not Origin.LITERATURE}
    assert style.MARKERS[Origin.LITERATURE] not in own


def test_a_narrow_periodic_table_has_names_alone() -> None:
    tiles = [Tile(("W",), 0.62), Tile(("Na", "W"), 1.01), Tile(("Mg", "Nb", "Zn", "Cu"), 0.2)]
    letters = periodic_table(tiles).data[0]
    narrow = letters["meta"]["narrow"]
    assert len(narrow) == len(letters["text"]) == 118 + 2
    assert "<b>W</b><br>0.6" in letters["text"]
    assert narrow[letters["text"].index("<b>W</b><br>0.6")] == "W"
    assert narrow[-2:] == ["Na+W", "Mg+Nb+<br>Zn+Cu"]
    assert not any("0." in text for text in narrow)


def test_rates_that_lie_close_share_a_label() -> None:
    """Of rates of 0.096 and 0.1 one is written; all are drawn."""
    rates = [0.096, 0.1, 0.2, 0.5, 1.0, 1.05, 2.0]
    values = [made_up_value("rate_capacity_mah_g", 250 - 40 * rate, "SC-1", rate_c=rate) for rate in rates]
    figure = plots.rate_test(values)
    assert figure is not None
    assert figure.data[0]["x"] == rates
    assert figure.layout["xaxis"]["ticktext"] == ["0.096C", "C/5", "C/2", "1C", "2C"]
    assert figure.layout["xaxis"]["tickvals"] == [0.096, 0.2, 0.5, 1.0, 2.0]


def test_paper_gets_figures_in_one_piece_without_buttons_on_every_page_that_has_some() -> None:
    figure = Figure(title="a", alt="a", data=[{"type": "scatter", "x": [1], "y": [1]}])
    for text in (figure.to_html(), page("a", [figure]), str(page_parts()["css"])):
        rules = text.split("@media print{")[1].partition("</style>")[0]
        assert "figure{break-inside:avoid}" in rules
        assert ".modebar-container{display:none}" in rules


def test_the_legend_of_an_impedance_figure_names_lines_once_and_its_panels_keep_the_width() -> None:
    spectrum = pl.DataFrame({FREQUENCY: [1e3, 1.0], REAL: [5.0, 90.0], IMAGINARY: [-1.0, -80.0]})
    figure = plots.nyquist([("first spectrum", spectrum, spectrum), ("second spectrum", spectrum, spectrum)])
    legend = [trace["name"] for trace in figure.data if trace.get("showlegend", True)]
    assert legend == ["first spectrum", "second spectrum", "circuit", "residual, real", "imaginary"]
    assert all("constrain" not in figure.layout[axis] for axis in ("xaxis", "yaxis"))
    assert figure.layout["yaxis"]["domain"][0] - figure.layout["yaxis2"]["domain"][1] > 0.2  # the title of Re Z


def test_the_trickle_of_a_cycle_without_a_charge_is_no_charge_capacity() -> None:
    ends = pl.Series("charge_end_voltage_v", [4.6, 4.6, 4.6, None])
    charge, discharge, *_ = plots.capacity(made_up_cycles(4).with_columns(ends)).data
    assert (charge["x"], discharge["x"]) == ([1, 2, 3], [1, 2, 3, 4])


def test_capacity_without_an_efficiency_has_one_panel_and_no_charge_is_no_capacity_of_0() -> None:
    cycles = made_up_cycles(4).with_columns(
        pl.lit(None, dtype=pl.Float64).alias("coulombic_efficiency"),
        pl.when(pl.col("cycle") == 4).then(0.0).otherwise("charge_specific_capacity_mah_g")
        .alias("charge_specific_capacity_mah_g"),
    )  # fmt: skip
    figure = plots.capacity(cycles, bands=[Band("formation", 1, 3)])
    charge, discharge = figure.data
    assert (charge["x"], discharge["x"]) == ([1, 2, 3], [1, 2, 3, 4])
    assert "yaxis2" not in figure.layout
    assert figure.layout["xaxis"]["position"] == 0, "the band ends where the axis lies"
    assert "efficiency" not in figure.title + figure.alt


def test_a_feature_that_is_named_as_changed_is_not_changed_by_0_percent() -> None:
    relative = [-0.0031, 0.0042, -0.17, 1.0]
    features = pl.DataFrame(
        {"component": 1, "feature": "peak", "voltage_v": 3.85, "relative": relative, "touched": True}
    )  # fmt: skip
    curve = np.ones(3)
    figure = moved(np.array([3.0, 3.85, 4.5]), curve, curve[None, :], features)
    said = [label["text"].partition("<br>")[2] for label in figure.layout["annotations"]]
    assert said == ["−0.3 %", "+0.4 %", "−17 %", "+100 %"]
