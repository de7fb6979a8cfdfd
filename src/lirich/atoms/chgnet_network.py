"""CHGNet's energy and its gradient by the bond vectors, layer by layer as in the paper, but computed otherwise.

Against ``chgnet.model.CHGNet`` (Deng et al., doi:10.1038/s42256-023-00716-3): weights are multiplied with atoms and
bonds before their rows are gathered to angles; the row-wise part of a layer is one kernel; the last angle update, which
nothing reads, is left out; the gradient is taken once, by the bond vectors, and no graph of second derivatives is
built. The numbers are the same but for the order of float32 sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from chgnet.model.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor

from lirich.atoms import chgnet_kernels as kernels
from lirich.atoms.chgnet_graph import Graph
from lirich.atoms.chgnet_kernels import WIDTH

SHAPE = {
    "atom_fea_dim": WIDTH,
    "bond_fea_dim": WIDTH,
    "angle_fea_dim": WIDTH,
    "atom_conv_hidden_dim": WIDTH,
    "bond_conv_hidden_dim": WIDTH,
    "angle_layer_hidden_dim": 0,
    "update_bond": True,
    "update_angle": True,
    "mlp_first": True,
    "is_intensive": True,
    "non_linearity": "silu",
    "gMLP_norm": "layer",
    "readout_norm": "layer",
    "mlp_out_bias": False,
}
"""The settings of a model that this module computes: those of the weights 0.3.0 and r2SCAN and of what is tuned from
them. The weights 0.2.0 have no normalisation."""


def can_compute(model: CHGNet) -> bool:
    """Return whether the model is built as `SHAPE` says."""
    settings = {"mlp_out_bias": False, **model.model_args}
    return all(settings.get(key) == value for key, value in SHAPE.items()) and settings.get("conv_norm") is None


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the rows of a layer take their three parts from, which weights they get and whom they are added to."""

    i1: NDArray[np.int32]
    i2: NDArray[np.int32]
    i3: NDArray[np.int32]
    iw: NDArray[np.int32]
    jw: NDArray[np.int32]
    owner: NDArray[np.int32]
    owners: int


class _Gate:
    """The weights of one gated perceptron: core and gate side by side."""

    def __init__(self, gate: Any, *parts: int) -> None:
        core, other = gate.mlp_core.layers, gate.mlp_gate.layers
        linear = [(a, b) for a, b in zip(core, other, strict=True) if isinstance(a, torch.nn.Linear)]
        into = torch.cat([linear[0][0].weight, linear[0][1].weight]).detach()
        self.parts = [part.T.contiguous() for part in torch.split(into, list(parts), dim=1)]
        bias = torch.cat([linear[0][0].bias, linear[0][1].bias]).detach()
        self.first_bias = bias
        self.last_bias = bias.numpy()
        if len(linear) == 2:
            self.second = torch.stack([linear[1][0].weight.T, linear[1][1].weight.T]).detach().contiguous()
            self.second_back = self.second.transpose(1, 2).contiguous()
            self.last_bias = torch.cat([linear[1][0].bias, linear[1][1].bias]).detach().numpy()
        self.gamma = torch.cat([gate.bn1.weight, gate.bn2.weight]).detach().numpy()
        self.beta = torch.cat([gate.bn1.bias, gate.bn2.bias]).detach().numpy()


def _halves(rows: Tensor) -> Tensor:
    return rows.view(len(rows), 2, WIDTH).transpose(0, 1)


class _Messages(torch.autograd.Function):
    """Rows of three tables (and dense ones) through a gated perceptron of two layers, weighted and summed by owner."""

    @staticmethod
    def forward(
        ctx: Any, dense: Tensor | None, p1: Tensor, p2: Tensor, p3: Tensor, weights: Tensor, gate: _Gate, rows: _Rows
    ) -> Tensor:
        count = len(rows.i1)
        z = torch.empty(count, 2 * WIDTH) if dense is None else dense.detach()
        h = torch.empty(count, 2 * WIDTH)
        kernels.hidden(
            dense is not None, z.numpy(), h.numpy(), p1.detach().numpy(), rows.i1, p2.detach().numpy(), rows.i2,
            p3.detach().numpy(), rows.i3,
        )  # fmt: skip
        x = torch.empty(count, 2 * WIDTH)
        torch.bmm(_halves(h), gate.second, out=_halves(x))
        out = torch.zeros(rows.owners, WIDTH)
        two = rows.iw is not rows.jw
        table = weights.detach().numpy()
        kernels.gated_sum(
            x.numpy(), gate.last_bias, gate.gamma, gate.beta, table, rows.iw, rows.jw, two, rows.owner, out.numpy()
        )
        ctx.kept = (z, x, h, weights.detach(), gate, rows, two, dense is None, (len(p1), len(p2), len(p3)))
        return out

    @staticmethod
    def backward(ctx: Any, dout: Tensor) -> Any:
        z, x, h, weights, gate, rows, two, sparse, sizes = ctx.kept
        ctx.kept = None
        dweights = torch.zeros_like(weights)
        kernels.gated_sum_back(
            x.numpy(), gate.last_bias, gate.gamma, gate.beta, weights.numpy(), rows.iw, rows.jw, two, rows.owner,
            dout.contiguous().numpy(), dweights.numpy(),
        )  # fmt: skip
        torch.bmm(_halves(x), gate.second_back, out=_halves(h))
        d1, d2, d3 = (torch.zeros(size, 2 * WIDTH) for size in sizes)
        kernels.hidden_back(z.numpy(), h.numpy(), d1.numpy(), rows.i1, d2.numpy(), rows.i2, d3.numpy(), rows.i3)
        return None if sparse else z, d1, d2, d3, dweights, None, None


class _Steps(torch.autograd.Function):
    """Rows of three tables and dense ones through a gated perceptron of one layer, added to what there was."""

    @staticmethod
    def forward(
        ctx: Any, dense: Tensor, p1: Tensor, p2: Tensor, p3: Tensor, old: Tensor, gate: _Gate, rows: _Rows
    ) -> Tensor:
        z, new = dense.detach(), torch.empty_like(old)
        kernels.gated_step(
            z.numpy(), p1.detach().numpy(), rows.i1, p2.detach().numpy(), rows.i2, p3.detach().numpy(), rows.i3,
            gate.last_bias, gate.gamma, gate.beta, old.detach().numpy(), new.numpy(),
        )  # fmt: skip
        ctx.kept = (z, gate, rows, (len(p1), len(p2), len(p3)))
        return new

    @staticmethod
    def backward(ctx: Any, dnew: Tensor) -> Any:
        z, gate, rows, sizes = ctx.kept
        ctx.kept = None
        d1, d2, d3 = (torch.zeros(size, 2 * WIDTH) for size in sizes)
        kernels.gated_step_back(
            z.numpy(), d1.numpy(), rows.i1, d2.numpy(), rows.i2, d3.numpy(), rows.i3, gate.last_bias, gate.gamma,
            gate.beta, dnew.contiguous().numpy(),
        )  # fmt: skip
        return z, d1, d2, d3, dnew, None, None


_messages: Callable[..., Tensor] = _Messages.apply
_steps: Callable[..., Tensor] = _Steps.apply


class Network:
    """The energy of a graph, its gradient by the bond vectors, and the moments. Its state is the weights alone."""

    def __init__(self, model: CHGNet) -> None:
        self._model = model
        self._atom = [(_Gate(c.twoBody_atom, *[WIDTH] * 3), _out(c)) for c in model.atom_conv_layers]
        self._bond = [(_Gate(c.twoBody_bond, *[WIDTH] * 4), _out(c)) for c in model.bond_conv_layers]
        self._angle = [_Gate(c.twoBody_bond, *[WIDTH] * 4) for c in model.angle_layers]

    def energy(
        self, numbers: NDArray[np.int64], graph: Graph
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return energy without the elements' references, eV; its gradient, eV/Å, shape (bonds, 3); moments, µB."""
        model: Any = self._model
        count = len(numbers)
        directed = _directed(graph, count)
        vectors = torch.from_numpy(graph.vectors.astype(np.float32)).requires_grad_()
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        basis = model.bond_basis_expansion.rbf_expansion_ag(lengths)
        bonds = model.bond_embedding(basis)
        weights = model.bond_weights_ag(basis)
        atoms = model.atom_embedding(torch.from_numpy(numbers - 1))
        bent = len(graph.corner) > 0
        if bent:
            short = graph.short
            near_weights = model.bond_weights_bg(model.bond_basis_expansion.rbf_expansion_bg(lengths[:short]))
            units = vectors[:short] / lengths[:short, None]
            sign = torch.from_numpy(graph.sign)
            arms = units[torch.from_numpy(graph.arm)], units[torch.from_numpy(graph.other)]
            cosine = (arms[0] * arms[1]).sum(dim=1) * sign * (1 - 1e-6)
            embedded = model.angle_embedding(model.angle_basis_expansion.fourier_expansion(torch.acos(cosine)))
            angles = torch.cat([embedded, embedded])
            pairs = _pairs(graph)
        moments = None
        for layer in range(len(self._atom)):
            if layer == len(self._atom) - 1:
                moments = model.site_wise(atoms.detach()).abs().view(-1)
            gate, out = self._atom[layer]
            centre, bond, neighbour = gate.parts
            sent = _messages(
                None, atoms @ centre + gate.first_bias, atoms @ neighbour, bonds @ bond, weights, gate, directed
            )
            atoms = atoms + sent @ out
            if not bent or layer >= len(self._bond):
                continue
            gate, out = self._bond[layer]
            arm, other, angle, corner = gate.parts
            near = bonds[:short]
            sent = _messages(
                angles @ angle, near @ arm, near @ other, atoms @ corner + gate.first_bias, near_weights, gate, pairs
            )
            near = near + sent @ out
            bonds = torch.cat([near, bonds[short:]])
            if layer < len(self._bond) - 1:
                gate = self._angle[layer]
                arm, other, angle, corner = gate.parts
                angles = _steps(angles @ angle, near @ arm, near @ other, atoms @ corner, angles, gate, pairs)
        energy = model.mlp(model.readout_norm(atoms)).sum()
        (gradient,) = torch.autograd.grad(energy, vectors)
        assert moments is not None
        return float(energy.detach()), gradient.numpy().astype(float), moments.detach().numpy().astype(float)


def _out(convolution: Any) -> Tensor:
    weight: Tensor = convolution.mlp_out.layers[1].weight
    return weight.detach().T.contiguous()


def _directed(graph: Graph, atoms: int) -> _Rows:
    bond = np.arange(len(graph.first), dtype=np.int32)
    bonds = np.concatenate([bond, bond])
    centre = np.concatenate([graph.first, graph.second])
    return _Rows(
        i1=centre,
        i2=np.concatenate([graph.second, graph.first]),
        i3=bonds,
        iw=bonds,
        jw=bonds,
        owner=centre,
        owners=atoms,
    )


def _pairs(graph: Graph) -> _Rows:
    arm = np.concatenate([graph.arm, graph.other])
    other = np.concatenate([graph.other, graph.arm])
    corner = np.concatenate([graph.corner, graph.corner])
    return _Rows(i1=arm, i2=other, i3=corner, iw=arm, jw=other, owner=arm, owners=graph.short)
