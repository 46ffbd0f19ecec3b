"""The normal families of the variational engine: dense on some coordinates, diagonal on the others, nothing between the two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Block:
    """A normal distribution on R^n, mean + L noise with L = blockdiag(root, diag(scale)).

    order: (n,), the positions in the flat vector of its own coordinates, the dense ones first. mean: (n,), root: (p, p), scale: (n - p,), all
    in its own order.
    """

    order: np.ndarray
    mean: np.ndarray
    root: np.ndarray
    scale: np.ndarray

    @property
    def dense(self) -> int:
        """p: how many coordinates have a dense covariance."""
        return self.root.shape[0]

    def points(self, noise: np.ndarray) -> np.ndarray:
        """Standard normal noise in own order (m, n) → points in the flat order (m, n)."""
        own = self.mean + self.spread(noise)
        flat = np.empty_like(own)
        flat[:, self.order] = own
        return flat

    def spread(self, noise: np.ndarray) -> np.ndarray:
        """L noise, row by row, in own order."""
        p = self.dense
        return np.concatenate([noise[:, :p] @ self.root.T, noise[:, p:] * self.scale], axis=1)

    def pulled(self, gradients: np.ndarray) -> np.ndarray:
        """Gradients at flat points (m, n) → gradients with respect to the noise, L' g, in own order."""
        own, p = gradients[:, self.order], self.dense
        return np.concatenate([own[:, :p] @ self.root, own[:, p:] * self.scale], axis=1)

    def log_determinant(self) -> float:
        """log |det L|."""
        return float(np.linalg.slogdet(self.root)[1] + np.log(self.scale).sum())

    def narrowed(self, factor: float) -> Block:
        return replace(self, root=self.root * factor, scale=self.scale * factor)

    def covariance(self) -> np.ndarray:
        """Of the dense coordinates, (p, p)."""
        return self.root @ self.root.T

    def means(self) -> np.ndarray:
        """(n,), in the flat order."""
        return _flat(self.order, self.mean)

    def deviations(self) -> np.ndarray:
        """Standard deviations (n,), in the flat order."""
        return _flat(self.order, np.concatenate([np.sqrt((self.root**2).sum(axis=1)), self.scale]))

    def restarted(self, positions: np.ndarray) -> Block:
        """The same with the coordinates at these flat positions, which must be diagonal ones, standard normal."""
        reset = np.isin(self.order, positions)
        return replace(self, mean=np.where(reset, 0.0, self.mean), scale=np.where(reset[self.dense :], 1.0, self.scale))


def _flat(order: np.ndarray, own: np.ndarray) -> np.ndarray:
    flat = np.empty_like(own)
    flat[order] = own
    return flat


def lower_root(covariance: np.ndarray) -> np.ndarray:
    """The lower triangle L with L L' = covariance; one that rounding has made indefinite is mended."""
    deviations = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    correlation = covariance / deviations[:, None] / deviations
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    half = vectors * np.sqrt(np.maximum(values, 1e-12))
    root = np.asarray(np.linalg.qr(half.T, mode="r")).T * deviations[:, None]
    signs: np.ndarray = np.where(np.diag(root) < 0, -1.0, 1.0)
    return root * signs
