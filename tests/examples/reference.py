"""What to expect of the examples: posteriors of models written by hand in NumPyro, independent of the compiler.

    python tests/examples/reference.py [EXAMPLE...]    # writes examples/EXAMPLE/expected/posterior.json

The hand-written models are non-centred where that samples well, and use none of pplang. Each file holds mean, standard deviation and Monte
Carlo error of the mean of every quantity, in the order of the axes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from jax.scipy.special import expit
from numpyro import deterministic, plate, sample
from numpyro.diagnostics import effective_sample_size
from numpyro.infer import MCMC, NUTS

EXAMPLES = Path(__file__).parents[2] / "examples"

Model = Callable[[pd.DataFrame], None]


def codes(column: pd.Series) -> tuple[np.ndarray, int]:
    """Positions of a category column's values among its sorted levels, and how many levels there are."""
    levels, positions = np.unique(column, return_inverse=True)
    return positions, len(levels)


def effects(name: str, size: int, location: Any, scale: Any) -> Any:
    """Normal effects of groups, in non-centred form."""
    with plate(f"{name}_plate", size):
        raw = sample(f"{name}_raw", dist.Normal(0, 1))
    return deterministic(name, location + scale * raw)


def eight_schools(data: pd.DataFrame) -> None:
    mu = sample("mu", dist.Normal(0, 5))
    tau = sample("tau", dist.HalfCauchy(5))
    theta = effects("theta", len(data), mu, tau)
    sample("effect", dist.Normal(theta, data["se"].to_numpy()), obs=data["effect"].to_numpy())


def radon(data: pd.DataFrame) -> None:
    county, counties = codes(data["county"])
    uranium = data.groupby("county")["uranium"].first().to_numpy()
    level = sample("level", dist.Normal(0, 2))
    change = sample("change", dist.Normal(0, 2))
    gamma = sample("gamma", dist.Normal(0, 1))
    s_level = sample("s_level", dist.HalfNormal(1))
    s_change = sample("s_change", dist.HalfNormal(1))
    sigma = sample("sigma", dist.HalfNormal(1))
    basement = effects("basement", counties, level + gamma * uranium, s_level)
    upstairs = effects("upstairs", counties, change, s_change)
    deterministic("first_floor", basement + upstairs)
    mean = basement[county] + upstairs[county] * data["floor"].to_numpy()
    sample("log_radon", dist.Normal(mean, sigma), obs=data["log_radon"].to_numpy())


def sleepstudy(data: pd.DataFrame) -> None:
    subject, subjects = codes(data["subject"])
    typical = sample("typical", dist.Normal(jnp.array([250.0, 0.0]), jnp.array([50.0, 20.0])).to_event(1))
    spread = sample("spread", dist.HalfNormal(jnp.array([50.0, 20.0])).to_event(1))
    # LKJ(2) of a 2 x 2 matrix: its correlation r has density proportional to 1 - r^2.
    share = sample("rho_raw", dist.Beta(2.0, 2.0))
    r = deterministic("rho", 2 * share - 1)
    with plate("people", subjects):
        raw = sample("person_raw", dist.Normal(0, 1).expand([2]).to_event(1))
    start = typical[0] + spread[0] * raw[:, 0]
    slope = typical[1] + spread[1] * (r * raw[:, 0] + jnp.sqrt(1 - r**2) * raw[:, 1])
    deterministic("person", jnp.stack([start, slope], axis=-1))
    sigma = sample("sigma", dist.HalfNormal(50))
    sample("reaction", dist.Normal(start[subject] + slope[subject] * data["days"].to_numpy(), sigma), obs=data["reaction"].to_numpy())


def contraception(data: pd.DataFrame) -> None:
    district, districts = codes(data["district"])
    children = data["children"].map({"0": 0, "1": 1, "2": 2, "3+": 3}).to_numpy()
    decades = data["age"].to_numpy() / 10
    m_base = sample("m_base", dist.Normal(0, 1.5))
    m_town = sample("m_town", dist.Normal(0, 1))
    s_base = sample("s_base", dist.HalfNormal(1))
    s_town = sample("s_town", dist.HalfNormal(1))
    base = effects("base", districts, m_base, s_base)
    town = effects("town", districts, m_town, s_town)
    with plate("children", 4):
        family = sample("family", dist.Normal(0, 1))
    b_age = sample("b_age", dist.Normal(0, 1))
    b_age_sq = sample("b_age_sq", dist.Normal(0, 1))
    deterministic("first_child", family[1] - family[0])
    urban = (data["urban"] == "yes").to_numpy()
    logit = base[district] + town[district] * urban + family[children] + b_age * decades + b_age_sq * decades**2
    sample("use", dist.BernoulliLogits(logit), obs=(data["use"] == "yes").to_numpy().astype(int))


def epilepsy(data: pd.DataFrame) -> None:
    subject, subjects = codes(data["subject"])
    patients = data.groupby("subject").first()
    log_base = np.log(patients["baseline"].to_numpy() / 4)
    log_age = np.log(patients["age"].to_numpy())
    treated = (patients["treatment"] == "progabide").to_numpy().astype(int)
    with plate("treatments", 2):
        usual = sample("usual", dist.Normal(1, 1))
        b_base = sample("b_base", dist.Normal(1, 1))
    b_age = sample("b_age", dist.Normal(0, 1))
    b_last = sample("b_last", dist.Normal(0, 1))
    s_subject = sample("s_subject", dist.HalfNormal(1))
    s_visit = sample("s_visit", dist.HalfNormal(1))
    expected = usual[treated] + b_base[treated] * (log_base - log_base.mean()) + b_age * (log_age - log_age.mean())
    rate = effects("rate", subjects, expected, s_subject)
    extra = effects("extra", len(data), 0.0, s_visit)
    deterministic("effect", usual[1] - usual[0])
    last = (data["visit"] == 4).to_numpy()
    sample("seizures", dist.Poisson(jnp.exp(rate[subject] + b_last * last + extra)), obs=data["seizures"].to_numpy())


def diabetes(data: pd.DataFrame) -> None:
    columns = data.drop(columns="progression").to_numpy(float)
    z = (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)
    alpha = sample("alpha", dist.Normal(150, 50))
    tau = sample("tau", dist.HalfNormal(50))
    sigma = sample("sigma", dist.HalfNormal(100))
    beta = effects("beta", z.shape[1], 0.0, tau)
    sample("progression", dist.Normal(alpha + z @ beta, sigma), obs=data["progression"].to_numpy())


def kidney(data: pd.DataFrame) -> None:
    patient, patients = codes(data["patient"])
    rows = data.groupby("patient").first()
    disease, diseases = codes(rows["disease"])
    shape = sample("shape", dist.Gamma(2, 1))
    level = sample("level", dist.Normal(4, 2))
    b_age = sample("b_age", dist.Normal(0, 1))
    s_frail = sample("s_frail", dist.HalfNormal(1))
    s_disease = sample("s_disease", dist.HalfNormal(1))
    gap = effects("gap", diseases, 0.0, s_disease)
    woman = sample("woman", dist.Normal(0, 1))
    frailty = effects("frailty", patients, gap[disease] + woman * (rows["sex"] == "female").to_numpy(), s_frail)
    deterministic("ratio", jnp.exp(woman))
    scale = jnp.exp(level + frailty[patient] + b_age * (data["age"].to_numpy() - 44) / 10)
    days, infected = data["days"].to_numpy(), data["infected"].to_numpy()
    hazard = jnp.log(shape) - jnp.log(scale) + (shape - 1) * (jnp.log(days) - jnp.log(scale))
    numpyro.factor("days", infected * hazard - (days / scale) ** shape)


def wine(data: pd.DataFrame) -> None:
    judge, judges = codes(data["judge"])
    warmth = sample("warmth", dist.Normal(0, 2))
    skins = sample("skins", dist.Normal(0, 2))
    s_judge = sample("s_judge", dist.HalfNormal(2))
    harsh = effects("harsh", judges, 0.0, s_judge)
    cut = sample("cut", dist.TransformedDistribution(dist.Normal(0, 1).expand([4]).to_event(1), dist.transforms.OrderedTransform()))
    standard = dist.Normal(0, 1)
    free = jnp.concatenate([cut[:1], jnp.log(jnp.diff(cut))])
    base = standard.log_prob(free).sum() - jnp.log(jnp.diff(cut)).sum()
    numpyro.factor("cut_prior", dist.Normal(0, 3).log_prob(cut).sum() - base)
    bitter = warmth * (data["temperature"] == "warm").to_numpy() + skins * (data["contact"] == "yes").to_numpy() + harsh[judge]
    below = expit(cut[None, :] - bitter[:, None])
    edges = jnp.concatenate([jnp.zeros_like(below[:, :1]), below, jnp.ones_like(below[:, :1])], axis=1)
    sample("rating", dist.Categorical(probs=jnp.diff(edges, axis=1)), obs=data["rating"].to_numpy() - 1)


def nile(data: pd.DataFrame) -> None:
    seen, ahead = data["volume"].dropna().to_numpy(), int(data["volume"].isna().sum())
    s_level = sample("s_level", dist.HalfNormal(100))
    s_flow = sample("s_flow", dist.HalfNormal(200))
    with plate("years_raw", len(data)):
        steps = sample("step_raw", dist.Normal(0, 1))
    scale = jnp.full(len(data), s_level).at[0].set(500.0)
    level = deterministic("level", 1000 + jnp.cumsum(scale * steps))
    sample("volume_raw", dist.Normal(level[: len(seen)], s_flow), obs=seen)
    with plate("ahead_raw", ahead):
        noise = sample("noise_raw", dist.Normal(0, 1))
    deterministic("volume", level[len(seen) :] + s_flow * noise)


def coal(data: pd.DataFrame) -> None:
    years, disasters = data["year"].to_numpy(), data["disasters"].to_numpy()
    early = sample("early", dist.Gamma(2, 1))
    late = sample("late", dist.Gamma(2, 1))
    before = years[None, :] < years[1:, None]
    weight = jnp.where(before, dist.Poisson(early).log_prob(disasters), dist.Poisson(late).log_prob(disasters)).sum(axis=1)
    numpyro.factor("disasters_raw", jax.scipy.special.logsumexp(weight))
    # The year given the rates, from a uniform number: the inverse of its distribution function.
    level = sample("level_raw", dist.Uniform(0, 1))
    deterministic("change", years[1] + (jnp.cumsum(jax.nn.softmax(weight)) < level).sum())
    deterministic("rarer", early / late)


MODELS: dict[str, Model] = {
    model.__name__: model for model in (eight_schools, radon, sleepstudy, contraception, epilepsy, diabetes, kidney, wine, nile, coal)
}


def posterior(name: str) -> dict[str, dict[str, Any]]:
    """Mean, sd and Monte Carlo error of every quantity that the example's own program has."""
    data = pd.read_csv(EXAMPLES / name / f"{name}.csv")
    mcmc = MCMC(
        NUTS(MODELS[name], target_accept_prob=0.99),
        num_warmup=2000,
        num_samples=5000,
        num_chains=4,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(jax.random.PRNGKey(20), data, extra_fields=("diverging",))
    print(name, "divergences:", int(mcmc.get_extra_fields()["diverging"].sum()))
    draws = mcmc.get_samples(group_by_chain=True)
    return {key: summary(np.asarray(value)) for key, value in draws.items() if not key.endswith("_raw")}


def summary(draws: np.ndarray) -> dict[str, Any]:
    """Of draws with the shape (chain, draw, axes of the quantity)."""
    deviation = draws.std(axis=(0, 1), ddof=1)
    error = deviation / np.sqrt(effective_sample_size(draws))
    return {"mean": rounded(draws.mean(axis=(0, 1))), "sd": rounded(deviation), "mcse": rounded(error)}


def rounded(values: Any) -> Any:
    return np.vectorize(lambda value: float(f"{value:.5g}"))(values).tolist()


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    for name in sys.argv[1:] or MODELS:
        path = EXAMPLES / name / "expected" / "posterior.json"
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(posterior(name), separators=(", ", ": ")).replace("}, ", "},\n ")
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
