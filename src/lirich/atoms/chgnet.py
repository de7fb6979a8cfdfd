"""CHGNet, built in: the potential that brings its weights with it.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3. The stock calculator asks for energy,
forces, stress and moments at each step and builds the graph of second derivatives, which only training needs. Here one
gradient gives forces, and stress where it is asked for; the energies are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import torch
from chgnet.model.model import BatchedGraph, CHGNet
from pymatgen.core.structure import Structure

from lirich.atoms.ase_calculator import finite
from lirich.atoms.evaluation import Evaluation
from lirich.errors import CalculatorError, UnknownNameError

WEIGHTS = ("0.3.0", "0.2.0", "r2scan")
"""The weights in chgnet's wheel: MPtrj (two generations) and transferred to r2SCAN."""


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
    """CHGNet as a `lirich.atoms.evaluation.Calculator`."""

    def __init__(self, model: CHGNet, name: str) -> None:
        self.name = name
        self._model = model.eval()
        model.requires_grad_(False)
        self.version = f"chgnet {version('chgnet')}, weights {digest(model)}"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        """Evaluate one crystal. Raises `lirich.errors.CalculatorError` where no finite answer is to be had."""
        with one_thread():
            graph = self._graph(structure)
            model = self._model
            with torch.no_grad():
                reference = float(model.composition_model([graph])[0]) if model.composition_model is not None else 0.0
            batch = BatchedGraph.from_graphs(
                [graph], model.bond_basis_expansion, model.angle_basis_expansion, compute_stress=stress
            )
            said = model._compute(batch, compute_magmom=moments)
            atoms = len(structure)
            energy = said["e"].sum() * (atoms if model.is_intensive else 1)
            wanted = [batch.atom_positions[0]] + ([batch.strains[0]] if stress else [])
            gradients = torch.autograd.grad(energy, wanted)
        tension = gradients[1].numpy().astype(float) / structure.volume if stress else None
        found = Evaluation(
            energy_ev=float(energy) + reference * (atoms if model.is_intensive else 1),
            forces_ev_a=-gradients[0].numpy().astype(float),
            stress_ev_a3=tension,
            moments_mub=said["m"][0].detach().numpy().astype(float) if moments else None,
        )
        return finite(found, self.name, structure)

    def _graph(self, structure: Structure):  # type: ignore[no-untyped-def]
        try:
            return self._model.graph_converter(structure)
        except (ValueError, RuntimeError, AttributeError, IndexError) as error:
            raise CalculatorError(
                f"{self.name} cannot make a graph of {structure.composition.reduced_formula}: {error}",
                expected="a crystal in which each atom has neighbours within 6 Å",
            ) from error


def digest(model: CHGNet) -> str:
    """Return the first 12 hex digits of the SHA-256 of a model's weights."""
    found = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        found.update(key.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    return found.hexdigest()[:12]


def chgnet(weights: str = "0.3.0") -> ChgnetCalculator:
    """Return CHGNet with the weights of its wheel. Raises `lirich.errors.UnknownNameError` for others."""
    if weights not in WEIGHTS:
        raise UnknownNameError.of("set of CHGNet weights", weights, WEIGHTS)
    with contextlib.redirect_stdout(io.StringIO()):
        model = CHGNet.load(model_name=weights, use_device="cpu", verbose=False)
    return ChgnetCalculator(model, "chgnet" if weights == "0.3.0" else f"chgnet:{weights}")
