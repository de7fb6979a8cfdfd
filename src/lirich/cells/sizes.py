"""Sizes of a powder's particles: lognormal by volume, or any table, as a few classes of spheres.

A class is all particles of one radius, and its part is that of the powder's volume (and mass, and Li). A lognormal
distribution is replaced by the nodes ξ_k and weights w_k of Gauss–Hermite quadrature in ln R::

    R_k = r_k · σ_g^ξ_k · R,    ∑ w_k = 1

σ_g is the geometric standard deviation and R the median by volume, half of the D50 that a particle sizer prints. In a
table the r_k are given and σ_g is 1. With N classes every ∫ R^n dV with small n·ln σ_g comes out, the area (n = −1) to
10⁻⁸ with five classes and σ_g = 1.5. Particles of one crystal are crystals of these sizes; the grains of secondary
particles are all alike, and only their number differs.

Area, median and spread belong together by Hatch and Choate, J. Franklin Inst. 207 (1929) 369,
doi:10.1016/S0016-0032(29)91451-4: d_32 = D50·exp(−½ ln² σ_g).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lirich.errors import SettingsError

Array = NDArray[np.float64]

SPREAD = "Geometric standard deviation of the radius"
CRYSTAL, PARTICLE = "Crystal radius [m]", "Particle radius [m]"
CLASSES = 5
"""Size classes of the registered model: they tell the capacity of a 1C discharge to 0.1 % at σ_g = 1.5 (tested)."""
LARGEST_SPREAD = 3.0
"""90 % of such a powder lies within a factor of 6 to each side of its median: whoever gives more means another unit."""
_SUM, _SAME = 1e-6, 1e-6


def relative_radius(number: int) -> str:
    """Return the name of the parameter r_k of a class, from 1."""
    return f"Relative radius of size class {number}"


def volume_fraction(number: int) -> str:
    """Return the name of the parameter w_k of a class, from 1."""
    return f"Volume fraction of size class {number}"


@cache
def nodes(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return ξ_k and w_k of Gauss–Hermite quadrature of a normal distribution, *count* of each, ξ rising.

    Raises `SettingsError` without a class, or with more than 40.
    """
    if not 1 <= count <= 40:
        raise SettingsError(f"{count} size classes", expected="1 to 40")
    places, weights = np.polynomial.hermite_e.hermegauss(count)
    return tuple(map(float, places)), tuple(map(float, weights / weights.sum()))


def lognormal(spread: float, count: int = CLASSES) -> dict[str, float]:
    """Return the parameters of a lognormal distribution in *count* classes. Raises `SettingsError` on the spread."""
    _possible(spread)
    parts = nodes(count)[1]
    return {
        SPREAD: float(spread),
        **{relative_radius(k): 1.0 for k in range(1, count + 1)},
        **{volume_fraction(k): part for k, part in enumerate(parts, start=1)},
    }


def table(
    radii_m: Sequence[float], parts: Sequence[float], *, count: int = CLASSES, grain_radius_m: float | None = None
) -> dict[str, float]:
    """Return the parameters of particles with *radii_m* that make up *parts* of the volume.

    The median stands for their geometric mean by volume. Where there are fewer radii than classes, the largest part is
    divided among several of one radius, which changes nothing. *grain_radius_m* is that of the grains of secondary
    particles; without it each particle is one crystal.

    Raises `SettingsError` for radii or parts that are not above 0, parts that do not sum to 1, or too many of them.
    """
    radii, shares = np.asarray(radii_m, dtype=np.float64), np.asarray(parts, dtype=np.float64)
    if radii.shape != shares.shape or radii.ndim != 1 or not 1 <= radii.size <= count:
        raise SettingsError(
            f"{radii.size} radii and {shares.size} parts", expected=f"one part for each radius, 1 to {count} of them"
        )
    for name, values in (("radius", radii), ("part", shares)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise SettingsError(f"A {name} of {values.min():g} in a table of sizes", expected="numbers above 0")
    if abs(shares.sum() - 1.0) > _SUM:
        raise SettingsError(f"The parts of the sizes sum to {shares.sum():.6g}", expected="1: they share one volume")
    most, pieces = int(np.argmax(shares)), count - radii.size + 1
    repeats = np.ones(radii.size, dtype=np.int64)
    repeats[most] = pieces
    shares = np.repeat(shares / repeats, repeats)
    radii = np.repeat(radii, repeats)
    middle = float(np.exp(np.sum(shares * np.log(radii))))
    return {
        CRYSTAL: middle if grain_radius_m is None else grain_radius_m,
        PARTICLE: middle,
        SPREAD: 1.0,
        **{relative_radius(k): float(r / middle) for k, r in enumerate(radii, start=1)},
        **{volume_fraction(k): float(part) for k, part in enumerate(shares, start=1)},
    }


@dataclass(frozen=True)
class SizeClasses:
    """The classes of a powder: ``grains_m`` and ``particles_m`` (n,) are radii, ``parts`` (n,) are of the volume."""

    grains_m: Array
    particles_m: Array
    parts: Array

    @classmethod
    def of(cls, parameters: Mapping[str, float]) -> SizeClasses:
        """Return the classes that *parameters* of a set describe: one where the set has no distribution."""
        grain, particle = parameters[CRYSTAL], parameters[PARTICLE]
        if SPREAD not in parameters:
            return cls(np.array([grain]), np.array([particle]), np.ones(1))
        count = count_of(parameters)
        numbers = range(1, count + 1)
        relative = np.array([parameters[relative_radius(k)] for k in numbers])
        relative = relative * parameters[SPREAD] ** np.array(nodes(count)[0])
        particles = particle * relative
        grains = particles if grain == particle else np.full(count, grain)
        return cls(grains, particles, np.array([parameters[volume_fraction(k)] for k in numbers]))

    @property
    def sauter_radius_m(self) -> float:
        """Half of d_32, the diameter of equal spheres with the volume and outer area of the powder, m."""
        return float(1.0 / np.sum(self.parts / self.particles_m))

    def rates_of_one_density(self) -> Array:
        """Return how fast each class fills, over the mean, where the current per outer area is the same: (n,)."""
        return self.sauter_radius_m / self.particles_m


def count_of(parameters: Mapping[str, float]) -> int:
    """Return how many size classes a set has; 0 where it has no distribution."""
    count = 0
    while volume_fraction(count + 1) in parameters:
        count += 1
    return count


def with_classes(parameters: Mapping[str, float], count: int) -> dict[str, float]:
    """Return *parameters* with *count* classes of a lognormal distribution of the same spread."""
    every = {name for k in range(1, count_of(parameters) + 1) for name in (relative_radius(k), volume_fraction(k))}
    kept = {name: value for name, value in parameters.items() if name not in every}
    return {**kept, **lognormal(parameters[SPREAD], count)}


def check_sizes(parameters: Mapping[str, float], largest_m: float) -> None:
    """Refuse a distribution that cannot be. Raises `SettingsError` with the reason."""
    if SPREAD not in parameters:
        return
    spread, count = parameters[SPREAD], count_of(parameters)
    _possible(spread)
    relative = np.array([parameters[relative_radius(k)] for k in range(1, count + 1)])
    parts = np.array([parameters[volume_fraction(k)] for k in range(1, count + 1)])
    if abs(parts.sum() - 1.0) > _SUM:
        raise SettingsError(
            f"The volume fractions of the {count} size classes sum to {parts.sum():.6g}",
            expected="1: they share one volume",
        )
    given = np.abs(relative - 1.0).max() > _SAME or np.abs(parts - nodes(count)[1]).max() > _SAME
    if spread > 1.0 and given:
        raise SettingsError(
            f"A spread of {spread:g} and size classes of your own",
            expected="one of them",
            advice=f"Set {SPREAD!r} to 1 where you give the classes",
        )
    powder = SizeClasses.of(parameters)
    small, large = float(powder.particles_m.min()), float(powder.particles_m.max())
    if large > largest_m:
        raise SettingsError(f"The largest particles have a radius of {large:.3g} m", expected=f"at most {largest_m:g}")
    if float(powder.grains_m[0]) > small and parameters[CRYSTAL] < parameters[PARTICLE]:
        raise SettingsError(
            f"The grains (radius {parameters[CRYSTAL]:.3g} m) are larger than the smallest particles ({small:.3g} m)",
            expected="a smaller spread, or finer grains",
        )


def _possible(spread: float) -> None:
    if not np.isfinite(spread) or spread < 1.0:
        raise SettingsError(
            f"{SPREAD} is {spread:g}",
            expected="1 (all of one size) or more",
            advice=f"A standard deviation of ln R is another number: exp(0.4) = {np.exp(0.4):.2f}",
        )
    if spread > LARGEST_SPREAD:
        raise SettingsError(f"{SPREAD} is {spread:g}", expected=f"at most {LARGEST_SPREAD:g}")
