"""Joint distributions by arguments that NumPyro does not take. Vectors are over the last axis, matrices over the last two."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.typing import ArrayLike

from pplang._lower.runtime.functions import process_root


def multi_normal_of_correlation(
    mean: ArrayLike, scale: ArrayLike, corr: ArrayLike | None = None, corr_cholesky: ArrayLike | None = None
) -> dist.MultivariateNormal:
    """The normal with standard deviations `scale` and a correlation matrix, or the Cholesky factor of one."""
    factor = jnp.linalg.cholesky(corr) if corr_cholesky is None else jnp.asarray(corr_cholesky)
    return dist.MultivariateNormal(mean, scale_tril=jnp.asarray(scale)[..., None] * factor)


def multi_student_t(
    degrees: ArrayLike, location: ArrayLike, scale_matrix: ArrayLike | None = None, cholesky: ArrayLike | None = None
) -> dist.MultivariateStudentT:
    """The multivariate Student t by its scale matrix or the Cholesky factor of that."""
    factor = jnp.linalg.cholesky(scale_matrix) if cholesky is None else jnp.asarray(cholesky)
    return dist.MultivariateStudentT(degrees, location, factor)


def gaussian_process(mean: ArrayLike, cov: ArrayLike, jitter: ArrayLike = 1e-6) -> dist.MultivariateNormal:
    """A Gaussian process at finitely many points; `jitter` is relative to the mean of the diagonal of `cov`."""
    return dist.MultivariateNormal(mean, scale_tril=process_root(cov, jitter))
