"""Eight schools by SVI, as one would write it by hand with NumPyro: the peer of `pplang fit --method svi`."""

import csv
import sys

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal

path, steps = sys.argv[1], int(sys.argv[2])
with open(path, newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
effect = np.array([float(row["effect"]) for row in rows])
se = np.array([float(row["se"]) for row in rows])


def model(se, effect=None):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("School", len(se)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("effect", dist.Normal(theta, se), obs=effect)


guide = AutoNormal(model)
svi = SVI(model, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
result = svi.run(jax.random.PRNGKey(0), steps, se, effect, progress_bar=False)
draws = guide.sample_posterior(jax.random.PRNGKey(1), result.params, sample_shape=(1000,))
for name, values in draws.items():
    print(name, np.mean(values, axis=0), np.std(values, axis=0))
