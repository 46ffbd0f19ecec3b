"""The constants of transported coordinates, from draws and scores that the engine holds already.

Everything below an element theta is summed up by a normal pseudo-likelihood of precision h; its constants are the slope and intercept of a linear
regression of the child score on theta, on the hyperparameters and on the elements that theta is nested in, leaf to root.
"""

from __future__ import annotations

import math

import numpy as np

from pplang._infer.transports import Coordinate, State

_RIDGE = 1e-7
"""Of standardised regressors. Effects of which only a sum is known go together with hyperparameters to one part in a thousand and more."""
_WIDEST_GROWTH = 20.0


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    if vectors.shape[-1] == 1:
        return matrices[..., 0] * vectors
    return (matrices @ vectors[..., None])[..., 0]


def regressed(site: Coordinate, state: State) -> dict[str, np.ndarray]:
    """The constants of one site from its values and child scores at m points.

    One weighted ridge regression for each element, child / f = b + V (phi - phi0) - H theta, all with the same block of hyperparameters beside
    those of their own, the elements that they are nested in.
    Without positive curvature in some direction H is that of the others. What H is regressed on beside is fitted to the H that is kept: a common
    change of theta and phi that the children do not see leaves the pull alone, too.
    """
    phi = state.phi
    parents, width = state.parents, site.width
    used = phi.shape[1] if phi.shape[1] + width + parents.shape[2] <= len(phi) // 2 - 2 else 0
    growth = state.growth - state.growth.mean()
    f = np.exp(np.clip(growth, -_WIDEST_GROWTH, _WIDEST_GROWTH))
    weights = f / f.sum()
    centre = phi.mean(axis=0)
    distance = (phi - centre)[:, :used]
    units = np.maximum(np.sqrt((distance**2).mean(axis=0)), 1e-9)
    hypers = distance / units - weights @ (distance / units)
    both = np.concatenate([state.along, parents], axis=2)
    middle, unit = np.einsum("m,mjk->jk", weights, both), np.maximum(both.std(axis=0), 1e-12)
    theta = (both - middle) / unit
    ratio = state.children / f[:, None, None]
    height = np.einsum("m,mjk->jk", weights, ratio)
    response = ratio - height
    weighted = weights[:, None] * hypers
    block = weighted.T @ hypers + _RIDGE * np.eye(used)
    cross, right = (np.einsum("mp,mjk->pjk", weighted, one) for one in (theta, response))
    of_cross, of_right = (
        np.linalg.solve(block, one.reshape(used, one[0].size if used else 0)).reshape(one.shape) for one in (cross, right)
    )
    inner = np.einsum("m,mjk,mjl->jkl", weights, theta, theta) + _RIDGE * np.eye(both.shape[2]) - np.einsum("pjk,pjl->jkl", cross, of_cross)
    outer = np.einsum("m,mjk,mjo->jko", weights, theta, response) - np.einsum("pjk,pjo->jko", cross, of_right)
    slope = np.linalg.solve(inner, outer)
    own = unit[:, :width]
    noise = own * np.sqrt(np.einsum("m,mjk->jk", weights, response**2))
    h = _positive(-np.swapaxes(slope[:, :width], -1, -2) * own[:, :, None], noise) / own[:, :, None] / own[:, None, :]
    slope[:, :width] = -np.swapaxes(h, -1, -2) * unit[:, :width, None]
    slope[:, width:] = np.linalg.solve(inner[:, width:, width:], outer[:, width:] - inner[:, width:, :width] @ slope[:, :width])
    slopes_own = slope / unit[:, :, None]
    pull = (of_right - np.einsum("pjk,jko->pjo", of_cross, slope)) / units[:, None, None]
    told = np.diagonal(h, axis1=-2, axis2=-1) > 0
    pull, beside = np.where(told, pull, 0.0), np.where(told[:, None], slopes_own[:, width:], 0.0)
    b = height + _times(h, middle[:, :width]) - np.einsum("p,pjk->jk", weights @ distance, pull)
    slopes = np.concatenate([pull, np.zeros((phi.shape[1] - used, *b.shape))])
    return _named(site, h, b, np.moveaxis(slopes, 0, -1), centre, np.swapaxes(beside, -1, -2), middle[:, width:])


def _positive(matrices: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The nearest symmetric matrices without negative eigenvalues. noise: of the numbers in each row, so that of two estimates of a number
    the better one counts for more. The scores of an element that hardly moves are known, what it does to others is not."""
    if matrices.shape[-1] == 1:
        return np.maximum(matrices, 0.0)
    if not np.isfinite(matrices).all():
        return matrices
    square = np.maximum(noise, 1e-150) ** 2
    share = square[:, None, :] / (square[:, :, None] + square[:, None, :])
    weighted = share * matrices
    values, vectors = np.linalg.eigh(weighted + np.swapaxes(weighted, -1, -2))
    return (vectors * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _named(
    site: Coordinate, h: np.ndarray, b: np.ndarray, slopes: np.ndarray, centre: np.ndarray, beside: np.ndarray, among: np.ndarray
) -> dict[str, np.ndarray]:
    """By the names of the inputs. h: (J, K, K), b: (J, K), slopes: (J, K, hyperparameters), centre: (hyperparameters,); the same of what the vectors
    are nested in, beside: (J, K, q), among: (J, q)."""
    constants = {site.transport.h: h.reshape(site.h_shape), site.transport.b: b.reshape(site.shape)}
    plates = site.shape[:-1] if len(site.h_shape) > len(site.shape) else site.shape
    first = place = 0
    for hyper, free in zip(site.transport.hyperparameters, site.phi, strict=True):
        if free.own:
            constants[hyper.slope] = beside[..., place].reshape(site.shape)
            constants[hyper.centre] = among[:, place].reshape(plates)
            place += 1
            continue
        last = first + math.prod(free.shape)
        constants[hyper.slope] = slopes[..., first:last].reshape(site.shape + free.shape)
        constants[hyper.centre] = centre[first:last].reshape(free.shape)
        first = last
    return constants


def probed(site: Coordinate, at: State, ahead: State, behind: State) -> dict[str, np.ndarray]:
    """The constants from curvature at one point, without slopes: the least squares of changes of the child scores on changes of theta.

    at: the state at the point alone (m = 1). ahead, behind: at probes on both sides of it, each (m, ...).
    """
    steps, changes = ahead.along - behind.along, ahead.children - behind.children
    square = np.einsum("mjk,mjl->jkl", steps, steps)
    units = np.maximum(np.sqrt(np.einsum("jkk->jk", square)), 1e-300)
    scaled = square / units[:, :, None] / units[:, None, :] + 1e-9 * np.eye(site.width)
    mixed = np.einsum("mjk,mjl->jkl", steps, changes) / units[:, :, None]
    noise = units * np.sqrt(np.einsum("mjk,mjk->jk", changes, changes))
    h = _positive(-np.swapaxes(np.linalg.solve(scaled, mixed), -1, -2) * units[:, :, None], noise) / units[:, :, None] / units[:, None, :]
    b = at.children[0] + _times(h, at.along[0])
    slopes, beside = (np.zeros((*b.shape, number)) for number in (at.phi.shape[1], at.parents.shape[2]))
    return _named(site, h, b, slopes, at.phi[0], beside, at.parents[0])
