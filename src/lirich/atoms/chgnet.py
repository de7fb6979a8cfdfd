"""CHGNet, built in: the potential that brings its weights with it.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3. The stock calculator asks for energy,
forces, stress and moments at each step and builds the graph of second derivatives, which only training needs.
`lirich.atoms.chgnet_network` gives the same numbers in a fraction of the time, and its stress costs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from chgnet.model.model import BatchedGraph, CHGNet
from pymatgen.core.structure import Structure

from lirich.atoms.ase_calculator import finite
from lirich.atoms.chgnet_graph import graph_of
from lirich.atoms.chgnet_network import Network, can_compute
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.weights import OXYGEN_EV, WEIGHTS
from lirich.errors import CalculatorError, UnknownNameError

KNOWN_ELEMENTS = 94
"""CHGNet embeds hydrogen to plutonium."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: graphs of some hundred atoms gain nothing from more, and processes share the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ChgnetCalculator:
    """CHGNet as a `lirich.atoms.evaluation.Calculator`. It keeps nothing of what it evaluated before.

    ``oxygen_ev`` is half an O₂ on the scale of its labels, eV, ``None`` where nobody knows it: of weights tuned to a
    user's own.
    """

    def __init__(self, model: CHGNet, name: str, *, oxygen_ev: float | None = None) -> None:
        self.name = name
        self.oxygen_ev = oxygen_ev
        self.version = f"chgnet {version('chgnet')}, weights {digest(model)}"
        self._model = model.eval()
        model.requires_grad_(False)
        self._network = Network(model) if can_compute(model) else None
        self._references = np.zeros(KNOWN_ELEMENTS)
        composition: Any = model.composition_model
        if composition is not None:
            self._references = composition.fc.weight[0].numpy().astype(float)

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        """Evaluate one crystal. Raises `lirich.errors.CalculatorError` where no finite answer is to be had.

        That is so of coordinates that are no numbers, of elements beyond plutonium, of atoms without a neighbour in
        reach (CHGNet was never shown one: chgnet issues 35 and 55) and, with the weights 0.2.0, of crystals without
        two atoms within 3 Å, at which their energy jumps (chgnet issue 79).
        """
        numbers = self._numbers(structure)
        with one_thread():
            if self._network is None:
                found = self._by_stock_layers(structure, numbers, stress=stress, moments=moments)
            else:
                found = self._by_network(self._network, structure, numbers, stress=stress, moments=moments)
        return finite(found, self.name, structure)

    def _by_network(
        self, network: Network, structure: Structure, numbers: np.ndarray, *, stress: bool, moments: bool
    ) -> Evaluation:
        reach = self._model.graph_converter
        graph = graph_of(
            structure.frac_coords, structure.lattice.matrix, reach.atom_graph_cutoff, reach.bond_graph_cutoff
        )
        met = np.zeros(len(numbers), dtype=bool)
        met[graph.first] = met[graph.second] = True
        self._refuse_alone(structure, np.flatnonzero(~met))
        energy, gradient, moment = network.energy(numbers, graph)
        forces = np.zeros((len(numbers), 3))
        np.subtract.at(forces, graph.first, gradient)
        np.add.at(forces, graph.second, gradient)
        return Evaluation(
            energy_ev=energy + float(self._references[numbers - 1].sum()),
            forces_ev_a=forces,
            stress_ev_a3=graph.vectors.T @ gradient / structure.volume if stress else None,
            moments_mub=moment if moments else None,
        )

    def _by_stock_layers(self, structure: Structure, numbers: np.ndarray, *, stress: bool, moments: bool) -> Evaluation:
        """Evaluate by chgnet's own layers: models that are built otherwise than `can_compute` asks for."""
        model = self._model
        model.graph_converter.set_isolated_atom_response("ignore")
        graph = model.graph_converter(structure)
        self._refuse_alone(structure, np.setdiff1d(np.arange(len(numbers)), graph.atom_graph.numpy().ravel()))
        if len(graph.bond_graph) == 0 and model.model_args.get("mlp_out_bias", False):
            raise CalculatorError(
                f"No two atoms of {structure.composition.reduced_formula} are within 3 Å: the energy of "
                f"{self.name} jumps there",
                advice="Use the weights 0.3.0, whose energy does not",
            )
        batch = BatchedGraph.from_graphs(
            [graph], model.bond_basis_expansion, model.angle_basis_expansion, compute_stress=stress
        )
        said = model._compute(batch, compute_magmom=moments)
        energy = said["e"].sum() * len(numbers)
        wanted = [batch.atom_positions[0], *([batch.strains[0]] if stress else [])]
        gradients = [gradient.numpy().astype(float) for gradient in torch.autograd.grad(energy, wanted)]
        return Evaluation(
            energy_ev=float(energy.detach()) + float(self._references[numbers - 1].sum()),
            forces_ev_a=-gradients[0],
            stress_ev_a3=gradients[1] / structure.volume if stress else None,
            moments_mub=said["m"][0].detach().numpy().astype(float) if moments else None,
        )

    def _numbers(self, structure: Structure) -> np.ndarray:
        numbers = np.array([site.specie.Z for site in structure])
        if not (np.isfinite(structure.frac_coords).all() and np.isfinite(structure.lattice.matrix).all()):
            raise CalculatorError("Atoms without a place", expected="coordinates and a cell that are finite numbers")
        if numbers.max() > KNOWN_ELEMENTS:
            raise CalculatorError(
                f"{self.name} does not know element {int(numbers.max())}", expected="hydrogen (1) to plutonium (94)"
            )
        return numbers

    def _refuse_alone(self, structure: Structure, alone: np.ndarray) -> None:
        if len(alone):
            names = ", ".join(f"{structure[int(i)].specie} {i}" for i in alone[:5])
            raise CalculatorError(
                f"{len(alone)} atom(s) of {structure.composition.reduced_formula} stand alone: {names}",
                expected=f"a neighbour within {self._model.graph_converter.atom_graph_cutoff:g} Å of each atom",
                advice="CHGNet has no meaning for isolated atoms: take a reference from a crystal instead",
            )


def digest(model: CHGNet) -> str:
    """Return the first 12 hex digits of the SHA-256 of a model's weights."""
    found = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        found.update(key.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    return found.hexdigest()[:12]


def load_model(weights: str = "0.3.0") -> CHGNet:
    """Return chgnet's own model with the weights of its wheel. Raises `lirich.errors.UnknownNameError` for others."""
    if weights not in WEIGHTS:
        raise UnknownNameError.of("set of CHGNet weights", weights, WEIGHTS)
    with contextlib.redirect_stdout(io.StringIO()):
        return CHGNet.load(model_name=weights, use_device="cpu", verbose=False)


def chgnet(weights: str = "0.3.0") -> ChgnetCalculator:
    """Return CHGNet with the weights of its wheel. Raises `lirich.errors.UnknownNameError` for others."""
    oxygen_ev = None if weights == "r2scan" else OXYGEN_EV
    name = "chgnet" if weights == "0.3.0" else f"chgnet:{weights}"
    return ChgnetCalculator(load_model(weights), name, oxygen_ev=oxygen_ev)
