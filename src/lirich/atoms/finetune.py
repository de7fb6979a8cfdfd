"""CHGNet fine-tuned to a user's own DFT: the remedy for softened universal potentials (Deng et al., arXiv:2405.07105).

Two things are fitted. First what each element adds to the energy, by least squares: DFT with other pseudopotentials or
without the corrections of the Materials Project differs by that much. Then the weights, by Adam on energies and forces;
embeddings stay as they are. Structures that are held out share no composition with those that are learned from.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from chgnet.model.model import CHGNet
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from pymatgen.core.periodic_table import Element

from lirich.atoms.chgnet import KNOWN_ELEMENTS, ChgnetCalculator, load_model, one_thread
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.labelled import Labelled, check_labels
from lirich.atoms.units import check_units
from lirich.atoms.weights import WEIGHTS
from lirich.errors import CalculatorError, InputError, NotEnoughDataError
from lirich.model._base import Frozen

Array = NDArray[np.float64]

EMBEDDINGS = ("atom_embedding", "bond_basis_expansion", "angle_basis_expansion", "composition_model")
"""What is not trained: what an element is, and the functions that distances and angles are expanded in."""
RESAMPLES = 2000
GPA_EV_A3 = 1 / 160.21766208
"""1 GPa in eV/Å³: 1e9 / 1e30 / 1.602176634e-19 (CODATA 2018), as ASE and chgnet use it."""


class TuningSettings(Frozen):
    """How CHGNet is fine-tuned."""

    base: str = Field("0.3.0", description="The weights that are started from: 0.3.0 or r2scan")
    epochs: int = Field(20, ge=1, description="Passes over the structures that are learned from")
    learning_rate: float = Field(1e-4, gt=0, description="Step of Adam, a tenth of that of chgnet's own training")
    force_weight: float = Field(1.0, ge=0, description="Weight of a force, eV/Å, beside an energy, eV/atom")
    stress_weight: float = Field(0.1, ge=0, description="Weight of a stress, GPa, where the data have it")
    held_out: float = Field(0.25, gt=0, lt=1, description="Share of the compositions that is held out")
    seed: int = Field(0, description="Of the order of the structures and of the choice of compositions")


class TuningError(Frozen):
    """Mean absolute errors on the structures that were held out, with 95 % intervals by resampling them."""

    energy_mev_atom: float
    energy_interval: tuple[float, float]
    force_mev_a: float
    force_interval: tuple[float, float]


class TuningReport(Frozen):
    """What a fine-tuning did.

    ``before`` counts the elements' energies as fitted, so that the rest is the weights'.

    ``doubts`` are about the units of the labels (`lirich.atoms.units.check_units`).
    """

    name: str
    settings: TuningSettings
    learned_from: int
    held_out: int
    held_out_compositions: tuple[str, ...]
    element_shifts_ev: dict[str, float]
    before: TuningError
    after: TuningError
    doubts: tuple[str, ...] = ()

    @property
    def improved(self) -> bool:
        """Whether forces on the compositions held out came nearer to the data; a few structures may well not do it."""
        return self.after.force_mev_a < self.before.force_mev_a

    @property
    def may_be_chance(self) -> bool:
        """Whether the better forces may be chance: one structure held out, or the two intervals overlap."""
        return self.held_out < 2 or self.after.force_interval[1] >= self.before.force_interval[0]


@dataclass(frozen=True, slots=True)
class Tuned:
    """A fine-tuned CHGNet as plain arrays and the report, from which `tuned_calculator` makes the potential again."""

    report: TuningReport
    arrays: Mapping[str, NDArray[Any]]


def fine_tune(
    name: str,
    data: Sequence[Labelled],
    settings: TuningSettings | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Tuned:
    """Fine-tune CHGNet on *data*; *told* hears how many of how many steps are done.

    Raises `lirich.errors.InputError` where a crystal or its labels cannot be learned from
    (`lirich.atoms.labelled.check_labels`), CHGNet has no answer for it, labels are of other units
    (`lirich.atoms.units.check_units`) or the name is taken, and `lirich.errors.NotEnoughDataError` where there are
    fewer than two compositions: an error on what was learned from says nothing.
    """
    settings = settings or TuningSettings()
    if name in WEIGHTS:
        raise InputError(f"{name!r} is the name of weights that chgnet brings", advice="Choose another name")
    for number, item in enumerate(data, start=1):
        check_labels(number, item)
    learn, held, compositions = _split(data, settings)
    model = load_model(settings.base)
    stock = ChgnetCalculator(model, "chgnet")
    said = [_answer(stock, number, item) for number, item in enumerate(data, start=1)]
    doubts = check_units(data, said)
    of = {id(item): each.energy_ev for item, each in zip(data, said, strict=True)}
    shifts = _element_shifts(learn, [of[id(item)] for item in learn])
    weight = model.composition_model.fc.weight  # type: ignore[union-attr]
    with torch.no_grad():
        for symbol_number, shift in shifts.items():
            weight[0, symbol_number - 1] += shift  # type: ignore[index, operator]
    before = _error(ChgnetCalculator(model, "chgnet"), held, settings.seed)
    with one_thread():
        _train(model, learn, settings, told)
    arrays = {key: value.detach().numpy().copy() for key, value in model.state_dict().items()}
    report = TuningReport(
        name=name,
        settings=settings,
        learned_from=len(learn),
        held_out=len(held),
        held_out_compositions=compositions,
        element_shifts_ev={Element.from_Z(z).symbol: shift for z, shift in shifts.items()},
        before=before,
        after=_error(ChgnetCalculator(model, "chgnet"), held, settings.seed),
        doubts=doubts,
    )
    return Tuned(report, arrays)


def tuned_calculator(tuned: Tuned) -> ChgnetCalculator:
    """Return the potential ``chgnet:NAME``; `lirich.atoms.calculators.offer` makes it known by that name.

    Raises `lirich.errors.InputError` where the arrays are not the weights of the model that the report names.
    """
    model = load_model(tuned.report.settings.base)
    try:
        model.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in tuned.arrays.items()})
    except RuntimeError as error:
        raise InputError(
            f"The arrays of {tuned.report.name!r} are no weights of CHGNet {tuned.report.settings.base}: {error}"
        ) from error
    return ChgnetCalculator(model, f"chgnet:{tuned.report.name}")


def saved(tuned: Tuned) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return a tuned model as arrays under plain names and a description as JSON: what a store of models keeps."""
    keys = sorted(tuned.arrays)
    arrays = {f"w{k:03d}": np.asarray(tuned.arrays[key]) for k, key in enumerate(keys)}
    return arrays, {"report": tuned.report.model_dump(mode="json"), "keys": keys}


def restored(arrays: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> Tuned:
    """Return the tuned model that `saved` gave. Raises `lirich.errors.InputError` where it is none."""
    try:
        report = TuningReport.model_validate(description["report"])
        named = {key: arrays[f"w{k:03d}"] for k, key in enumerate(description["keys"])}
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(f"This is no fine-tuned CHGNet: {' '.join(str(error).split())[:200]}") from error
    return Tuned(report, named)


def _split(
    data: Sequence[Labelled], settings: TuningSettings
) -> tuple[list[Labelled], list[Labelled], tuple[str, ...]]:
    formulas = [item.structure.composition.reduced_formula for item in data]
    kinds = sorted(set(formulas))
    if len(kinds) < 2:
        raise NotEnoughDataError(
            f"{len(data)} structure{'s' if len(data) != 1 else ''}, of {kinds[0] if kinds else 'nothing'} only",
            expected="two compositions or more: one to hold out",
        )
    order = np.random.default_rng(settings.seed).permutation(len(kinds))
    count = min(max(1, round(settings.held_out * len(kinds))), len(kinds) - 1)
    out = tuple(sorted(kinds[int(i)] for i in order[:count]))
    pairs = list(zip(data, formulas, strict=True))
    return [d for d, f in pairs if f not in out], [d for d, f in pairs if f in out], out


def _answer(calculator: ChgnetCalculator, number: int, item: Labelled) -> Evaluation:
    try:
        return calculator.evaluate(item.structure, stress=item.stress_ev_a3 is not None)
    except CalculatorError as error:
        raise InputError(
            f"Structure {number} ({item.structure.formula}) cannot be learned: {error.found}",
            expected=error.expected,
            advice=error.advice,
        ) from error


def _element_shifts(data: Sequence[Labelled], said_ev: Sequence[float]) -> dict[int, float]:
    counts = np.zeros((len(data), KNOWN_ELEMENTS))
    residual = np.zeros(len(data))
    for row, (item, energy_ev) in enumerate(zip(data, said_ev, strict=True)):
        for site in item.structure:
            counts[row, site.specie.Z - 1] += 1 / len(item.structure)
        residual[row] = (item.energy_ev - energy_ev) / len(item.structure)
    present = np.flatnonzero(counts.sum(axis=0))
    solution = np.linalg.lstsq(counts[:, present], residual, rcond=1e-6)[0]
    return {int(z) + 1: float(shift) for z, shift in zip(present, solution, strict=True)}


def _train(
    model: CHGNet, data: Sequence[Labelled], settings: TuningSettings, told: Callable[[int, int], None] | None
) -> None:
    trained = []
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(not key.startswith(EMBEDDINGS))
        if parameter.requires_grad:
            trained.append(parameter)
    graphs = [model.graph_converter(item.structure) for item in data]
    optimiser = torch.optim.Adam(trained, lr=settings.learning_rate)
    draw = np.random.default_rng(settings.seed)
    for epoch in range(settings.epochs):
        for step, k in enumerate(draw.permutation(len(data)), start=epoch * len(data) + 1):
            item = data[int(k)]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")  # chgnet's volumes
                said = model([graphs[int(k)]], task="ef" if item.stress_ev_a3 is None else "efs")
            forces = torch.tensor(item.forces_ev_a, dtype=torch.float32)
            energy = torch.tensor([item.energy_ev / len(item.structure)], dtype=torch.float32)
            loss = torch.nn.functional.huber_loss(said["e"], energy, delta=0.1)
            loss = loss + settings.force_weight * torch.nn.functional.huber_loss(said["f"][0], forces, delta=0.1)
            if item.stress_ev_a3 is not None:
                stress = torch.tensor(item.stress_ev_a3 / GPA_EV_A3, dtype=torch.float32)
                loss = loss + settings.stress_weight * torch.nn.functional.huber_loss(said["s"][0], stress, delta=0.1)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if told is not None:
                told(step, settings.epochs * len(data))
    model.requires_grad_(False)


def _error(calculator: ChgnetCalculator, data: Sequence[Labelled], seed: int) -> TuningError:
    energy, force = [], []
    for item in data:
        said = calculator.evaluate(item.structure)
        energy.append(1e3 * abs(said.energy_ev - item.energy_ev) / len(item.structure))
        force.append(1e3 * float(np.abs(said.forces_ev_a - item.forces_ev_a).mean()))
    draw = np.random.default_rng(seed).integers(0, len(data), size=(RESAMPLES, len(data)))

    def interval(values: list[float]) -> tuple[float, float]:
        low, high = np.quantile(np.array(values)[draw].mean(axis=1), [0.025, 0.975])
        return float(low), float(high)

    return TuningError(
        energy_mev_atom=float(np.mean(energy)),
        energy_interval=interval(energy),
        force_mev_a=float(np.mean(force)),
        force_interval=interval(force),
    )
