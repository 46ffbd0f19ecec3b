"""Fixed standard normal draws for the variational engine: quasi-random, antithetic, with exact second moments.

Points of Sobol' (1967), "On the distribution of points in a cube", with initial direction numbers that the seed draws and a random digital
shift. SciPy has better ones, but importing `scipy.stats` takes longer than most fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from statistics import NormalDist

import numpy as np

_MOST_DIMENSIONS = 1_000
"""Beyond, so few points are no better spread than random ones."""


def matched_normals(points: int, dense: int, size: int, seed: int) -> np.ndarray:
    """(points, size) draws in antithetic pairs whose second moments are those of the family that is fitted.

    The first `dense` columns have second moment exactly I; every other has unit variance and is orthogonal to those. Then one natural-gradient
    step is exact when the target is normal with independent coordinates behind the dense ones. Needs points >= 2 dense + 2, a power of two.
    """
    half = points // 2
    generator = np.random.Generator(np.random.Philox(seed))
    noise = _normal_quantile(_sobol(half, size, generator)) if size <= _MOST_DIMENSIONS else generator.standard_normal((half, size))
    own, rest = noise[:, :dense], noise[:, dense:]
    values, vectors = np.linalg.eigh(own.T @ own / half)
    own = own @ (vectors * values**-0.5) @ vectors.T
    rest = rest - own @ (own.T @ rest / half)
    rest = rest / np.sqrt((rest**2).mean(axis=0))
    noise = np.concatenate([own, rest], axis=1)
    return np.concatenate([noise, -noise])


def _normal_quantile(uniform: np.ndarray) -> np.ndarray:
    inverse = NormalDist().inv_cdf
    return np.array([inverse(value) for value in uniform.ravel().tolist()]).reshape(uniform.shape)


def _sobol(points: int, dimensions: int, generator: np.random.Generator) -> np.ndarray:
    """(points, dimensions) on the open unit cube; each axis has one point in each of `points` equal parts."""
    bits = points.bit_length() - 1
    directions = np.zeros((dimensions, bits), np.int64)
    for dimension, polynomial in zip(range(dimensions), _polynomials(bits), strict=False):
        directions[dimension] = _direction_numbers(polynomial, bits, generator)
    cells = np.zeros((points, dimensions), np.int64)
    for bit in range(bits):
        odd = (np.arange(points) >> bit) & 1
        cells ^= odd[:, None] * directions[:, bit]
    cells ^= generator.integers(0, points, dimensions)
    return (cells + generator.uniform(1e-6, 1 - 1e-6, cells.shape)) / points


def _direction_numbers(polynomial: int | None, bits: int, generator: np.random.Generator) -> list[int]:
    """The first `bits` direction numbers, as integers of that many bits. Those before the degree of the polynomial are free (and odd)."""
    degree = bits if polynomial is None else polynomial.bit_length() - 1
    free = bits if polynomial == 1 else min(degree, bits)
    odd = [1 if polynomial == 1 else int(generator.integers(0, 1 << k)) * 2 + 1 for k in range(free)]  # all 1: van der Corput's sequence
    for k in range(len(odd), bits):
        assert polynomial is not None
        value = odd[k - degree] ^ (odd[k - degree] << degree)
        for i in range(1, degree):
            if polynomial >> (degree - i) & 1:
                value ^= odd[k - i] << i
        odd.append(value)
    return [value << (bits - 1 - k) for k, value in enumerate(odd)]


def _polynomials(bits: int) -> Iterator[int | None]:
    """1, the primitive polynomials over GF(2) of a degree below `bits` (binary coefficients), then None for ever: there all numbers are free."""
    yield 1
    for degree in range(1, bits):
        yield from (one for one in range((1 << degree) + 1, 1 << (degree + 1), 2) if _primitive(one, degree))
    yield from islice((None for _ in count()), _MOST_DIMENSIONS)


def _primitive(polynomial: int, degree: int) -> bool:
    """Is x a generator of the field that the polynomial makes? Its powers are gone through: degrees are small here."""
    power = 1
    for exponent in range(1, 1 << degree):
        power <<= 1
        if power >> degree & 1:
            power ^= polynomial
        if power == 1:
            return exponent == (1 << degree) - 1
    return False
