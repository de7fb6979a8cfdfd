"""A surrogate of computed descriptors: what dopants would do that nobody has computed, and which to compute next.

A Gaussian process (Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006, algorithm 2.1) on a
few features, with the uncertainty of each computed figure as noise. It is judged by leaving out all candidates of a
group (a dopant element) at a time, beside the mean of the others; its intervals are widened to what those errors ask
for (conformal prediction: Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, doi:10.1080/01621459.2017.1307116).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from lirich.errors import InputError, NotEnoughDataError

Array = NDArray[np.float64]

FEWEST_GROUPS = 5
"""Groups below which leaving one out says nothing."""


@dataclass(frozen=True)
class LeftOut:
    """How the surrogate does on groups that it has not seen, with the mean of the others beside it.

    ``predicted`` and ``deviation``, shape (candidates,), in the unit of the figure. ``gain`` is how much smaller the
    squared error is than that of the mean, averaged over groups, and ``gain_error`` its standard error, in the
    unit squared. ``skill`` is 1 − (rmse/naive)²: 0 is no better than the mean.
    """

    predicted: Array
    deviation: Array
    rmse: float
    naive_rmse: float
    groups: int
    gain: float
    gain_error: float

    @property
    def tells(self) -> bool:
        """Whether it does better than the mean of the others by more than one standard error; else the mean stands.

        The rule of one standard error: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984).
        """
        return self.gain > self.gain_error

    @property
    def words(self) -> str:
        """Say both errors without their unit: ``error on 11 left out 0.21, of the mean of the others 0.30``."""
        return f"error on {self.groups} left out {self.rmse:.2g}, of the mean of the others {self.naive_rmse:.2g}"

    @property
    def skill(self) -> float:
        """Share of the variance that the naive answer leaves and the surrogate explains; negative is worse."""
        return 1.0 - (self.rmse / self.naive_rmse) ** 2 if self.naive_rmse > 0 else 0.0


@dataclass(frozen=True)
class Prediction:
    """Predicted figures, shape (candidates,), and intervals at ``level``; infinite where too few groups allow none."""

    value: Array
    deviation: Array
    low: Array
    high: Array
    level: float


class Surrogate:
    """A figure learned from features; ``fit``, then ``predict`` and ``next_to_compute``.

    Attributes
    ----------
    left_out_:
        `LeftOut`: how it does on groups that were held out.
    scale_:
        What its standard deviations are multiplied with for an interval at a level: errors left out over deviations.

    Where it does no better than the mean on groups that were left out (`LeftOut.tells`), the mean is what it predicts,
    with the interval that the errors of the mean ask for.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, features: Array, figure: Array, groups: Sequence[str], noise: Array | None = None) -> Surrogate:
        """Learn *figure*, shape (n,), from *features*, shape (n, k).

        Parameters
        ----------
        groups:
            What is left out together: the dopant of each candidate.
        noise:
            Standard deviation of each figure, shape (n,), in its unit; 0 if not given.

        Raises
        ------
        InputError
            If shapes do not fit or something is not finite.
        NotEnoughDataError
            If there are fewer than `FEWEST_GROUPS` groups.
        """
        x, y = np.asarray(features, dtype=float), np.asarray(figure, dtype=float)
        sd = np.zeros(len(y)) if noise is None else np.asarray(noise, dtype=float)
        if x.ndim != 2 or not len(x) == len(y) == len(groups) == len(sd):
            raise InputError(f"Features {x.shape} beside {len(y)} figures", expected="one row of features for each")
        if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(sd).all()):
            raise InputError("Features or figures that are not finite", expected="numbers")
        names = list(dict.fromkeys(groups))
        if len(names) < FEWEST_GROUPS:
            raise NotEnoughDataError(
                f"{len(names)} dopants", expected=f"{FEWEST_GROUPS} or more, so that one can be left out"
            )
        self._gp = _Process.of(x, y, sd, self.seed)
        self._known = (x, y, sd)
        label = np.array(groups)
        predicted, deviation, naive = (np.empty(len(y)) for _ in range(3))
        for name in names:
            out = label == name
            process = _Process.of(x[~out], y[~out], sd[~out], self.seed)
            predicted[out], deviation[out] = process(x[out])
            naive[out] = y[~out].mean()
        less = (naive - y) ** 2 - (predicted - y) ** 2
        gains = np.array([less[label == name].mean() for name in names])
        self.left_out_ = LeftOut(
            predicted,
            deviation,
            rmse=float(np.sqrt(np.mean((predicted - y) ** 2))),
            naive_rmse=float(np.sqrt(np.mean((naive - y) ** 2))),
            groups=len(names),
            gain=float(gains.mean()),
            gain_error=float(gains.std(ddof=1) / np.sqrt(len(gains))),
        )
        total = np.sqrt(deviation**2 + sd**2)
        error = np.abs(predicted - y) / np.where(total > 0, total, 1.0)
        if not self.left_out_.tells:
            error = np.abs(naive - y)
        self._errors = np.sort([error[label == name].max() for name in names])
        self._mean = float(y.mean())
        self._best = (float(y.min()), float(y.max()))
        return self

    def scale_(self, level: float) -> float:
        """Return how many of its standard deviations an interval at *level* takes; infinite with too few groups.

        The ⌈(n+1)·level⌉-th smallest of the largest error of each of n groups. Where the mean is predicted, its errors
        are in the unit of the figure.
        """
        rank = math.ceil((len(self._errors) + 1) * level - 1e-9)
        return float(self._errors[rank - 1]) if rank <= len(self._errors) else math.inf

    def predict(self, features: Array, *, level: float = 0.90) -> Prediction:
        """Return the figure of candidates with these features, shape (m, k)."""
        value, deviation = self._gp(np.asarray(features, dtype=float))
        half = self.scale_(level) * deviation
        if not self.left_out_.tells:
            value, half = np.full(len(value), self._mean), np.full(len(value), self.scale_(level))
        return Prediction(value, deviation, value - half, value + half, level)

    def next_to_compute(self, features: Array, *, better: str = "higher") -> Array:
        """Return the expected improvement of each candidate over the best that is computed, shape (m,), ≥ 0.

        E[max(f − f*, 0)] of a normal prediction: Jones, Schonlau & Welch, J. Glob. Optim. 13 (1998) 455,
        doi:10.1023/A:1008306431147. Which to compute next: the largest.
        """
        return _improvement(self._gp, np.asarray(features, dtype=float), self._best, better)

    def batch_to_compute(self, features: Array, count: int, *, better: str = "higher") -> list[int]:
        """Return *count* candidates to compute next, best first, as indices into *features*, shape (m, k).

        After each one its predicted figure is believed and the process is fitted again, so that the next is not its
        twin ("kriging believer": Ginsbourger, Le Riche & Carraro, Computational Intelligence in Expensive Optimization
        Problems (2010) 131, doi:10.1007/978-3-642-10701-6_6). By the largest expected improvement; where the surrogate
        tells nothing that the mean does not, by the largest uncertainty: those most unlike what is known.
        """
        new = np.asarray(features, dtype=float)
        x, y, sd = self._known
        process, best = self._gp, self._best
        chosen: list[int] = []
        while len(chosen) < min(count, len(new)):
            value, deviation = process(new)
            score = _improvement(process, new, best, better) if self.left_out_.tells else deviation
            score[chosen] = -np.inf
            pick = int(score.argmax())
            chosen.append(pick)
            x, y, sd = np.vstack([x, new[pick]]), np.append(y, value[pick]), np.append(sd, 0.0)
            process, best = _Process.of(x, y, sd, self.seed), (float(y.min()), float(y.max()))
        return chosen


def _improvement(process: _Process, features: Array, known: tuple[float, float], better: str) -> Array:
    value, deviation = process(features)
    gain = value - known[1] if better == "higher" else known[0] - value
    width = np.maximum(deviation, 1e-12)
    z = gain / width
    return np.asarray(np.maximum(gain * norm.cdf(z) + width * norm.pdf(z), 0.0))


@dataclass(frozen=True)
class _Process:
    """A Gaussian process on standardised features and figures."""

    model: object
    centre: Array
    spread: Array
    mean: float
    size: float

    @classmethod
    def of(cls, x: Array, y: Array, noise: Array, seed: int) -> _Process:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        centre, spread = x.mean(axis=0), x.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        mean, size = float(y.mean()), float(y.std()) or 1.0
        # one length for all features: a dozen dopants cannot tell six lengths apart
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(2.0, (0.3, 30.0)) + WhiteKernel(0.1, (1e-4, 1.0))
        model = GaussianProcessRegressor(
            kernel, alpha=np.maximum((noise / size) ** 2, 1e-10), n_restarts_optimizer=2, random_state=seed
        )
        # a dozen rows are no work for a pool of threads: where cores are shared, waiting for it took 14 times as long
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that is reached is an answer
            model.fit((x - centre) / spread, (y - mean) / size)
        return cls(model, centre, spread, mean, size)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        value, deviation = self.model.predict((x - self.centre) / self.spread, return_std=True)  # type: ignore[attr-defined]
        return np.asarray(value) * self.size + self.mean, np.asarray(deviation) * self.size
