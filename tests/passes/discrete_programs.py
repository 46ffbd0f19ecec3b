"""Programs with discrete latents, small enough that all their values can be gone through, with data."""

from __future__ import annotations

from typing import Any, NamedTuple


class Example(NamedTuple):
    """A program, its table, its inputs, and what `marginalize` does with its discrete latents."""

    text: str
    data: dict[str, Any]
    inputs: dict[str, Any]
    actions: dict[str, str]


MIXTURE = """
data Galaxy:
  velocity : real

index Cluster = 1..3
w[Cluster] ~ Dirichlet(2)
centre[Cluster] ~ Ordered(Normal(0, 2))
spread[k in Cluster] ~ HalfNormal(3)
z[i in Galaxy] ~ Categorical(w)
velocity[i in Galaxy] ~ Normal(centre[z[i]], spread[z[i]])
"""

TWO_OUTCOMES = """
data Galaxy:
  velocity : real
  bright   : bool

index Cluster = {a, b, c}
w[Cluster] ~ Dirichlet(2)
centre[Cluster] ~ Ordered(Normal(0, 2))
z[i in Galaxy] ~ Categorical(w)
shown[i in Galaxy] = if z[i] == a then 0 else 0.9
velocity[i in Galaxy] ~ Normal(centre[z[i]], 1)
bright[i in Galaxy] ~ Bernoulli(shown[i])
report first[i in Galaxy] = z[i] == a
"""

OCCUPANCY = """
data Visit:
  site : Site
  wet  : real
  seen : bool

psi ~ Beta(1, 1)
a ~ Normal(0, 2)
b ~ Normal(0, 1)
lives[s in Site] ~ Bernoulli(psi)
p[v in Visit] = if lives[site[v]] then logistic(a + b * wet[v]) else 0
seen[v in Visit] ~ Bernoulli(p[v])
report share = mean(lives[s] for s in Site)
"""

SPECIES = """
index Species = 1..2
index Place = 1..2
input X[Species, Place] : count
omega ~ Beta(2, 2)
psi[i in Species] ~ Beta(2, 2)
theta[i in Species] ~ Beta(2, 2)
present[i in Species] ~ Bernoulli(omega)
lives[i in Species, j in Place] ~ Bernoulli(if present[i] then psi[i] else 0)
X[i in Species, j in Place] ~ Binomial(4, if lives[i, j] then theta[i] else 0)
"""

RATERS = """
data Rating:
  item  : Item
  rater : Rater
  grade : Grade

index Grade = {low, middle, high}
share[Grade] ~ Dirichlet(1)
theta[r in Rater, k in Grade, Grade] ~ Dirichlet(1)
truth[i in Item] ~ Categorical(share)
grade[n in Rating] ~ Categorical(theta[rater[n], truth[item[n]]])
"""

ABUNDANCE = """
data Site:
  y[Rep] : count from "y_*"

index Rep = {y_1, y_2}
rate ~ Gamma(2, 0.5)
p ~ Beta(2, 2)
n[s in Site] ~ Truncated(Poisson(rate), upper = 6)
y[s in Site, r in Rep] ~ Binomial(n[s], p)
"""

TRIALS = """
data Batch:
  sown : count
  seen : count

q ~ Beta(2, 2)
p ~ Beta(2, 2)
n[s in Batch] ~ Binomial(sown[s], q)
seen[s in Batch] ~ Binomial(n[s], p)
"""

THINNED = """
data Batch:
  seen : count

p ~ Beta(2, 2)
n[s in Batch] ~ Truncated(Poisson(2), upper = 4)
m[s in Batch] ~ Binomial(n[s], p)
seen[s in Batch] ~ Poisson(0.5 + m[s] / 2)
"""

CHANGE = """
data Year ordered by year:
  year      : int
  accidents : count

index Era = {early, late}
rate[e in Era] ~ Exponential(1)
change ~ DiscreteUniform(1851, 1856)
accidents[t in Year] ~ Poisson(if year[t] < change then rate[early] else rate[late])
"""

CROSSED = """
data Row:
  y : real

index A = {a1, a2}
index B = {b1, b2, b3}
mu[a in A, b in B] ~ Normal(0, 2)
w[A] ~ Dirichlet(1)
v[a in A, B] ~ Dirichlet(1)
a[i in Row] ~ Categorical(w)
b[i in Row] ~ Categorical(v[a[i]])
y[i in Row] ~ Normal(mu[a[i], b[i]], 1)
"""

LATENT_OUTCOME = """
data Row:
  y : real

index K = {low, high}
mu[K] ~ Ordered(Normal(0, 2))
w[K] ~ Dirichlet(1)
z[i in Row] ~ Categorical(w)
theta[i in Row] ~ Normal(mu[z[i]], 1)
s[i in Row] ~ HalfNormal(if z[i] == low then 1 else 2)
y[i in Row] ~ Normal(theta[i], s[i])
"""

SUMMED_FACTOR = """
data Row:
  y : real

p ~ Beta(1, 1)
z[i in Row] ~ Bernoulli(logit = log(p))
factor sum(if z[i] then -y[i]^2 else -(y[i] - 1)^2 for i in Row if y[i] > 0)
"""

HIDDEN_MARKOV = """
data Step ordered by time:
  time   : real
  length : positive

index Mood = {resting, feeding}
start[Mood] ~ Dirichlet(1)
move[m in Mood, Mood] ~ Dirichlet(1)
rate[Mood] ~ Ordered(LogNormal(0, 1))
shape ~ Gamma(2, 1)
mood[t in Step] ~ Categorical(move[mood[t-1]])
  starting Categorical(start)
length[t in Step] ~ Gamma(shape, shape / rate[mood[t]])
"""

GROUPS = """
data Step ordered by time within animal:
  animal : Animal
  time   : real
  length : real

index Mood = {resting, feeding}
start[a in Animal, Mood] ~ Dirichlet(1)
slope[m in Mood] ~ Normal(0, 1)
centre[m in Mood] ~ Normal(0, 2)
score[t in Step, m in Mood, n in Mood] = if m == n then slope[m] * time[t] else 0
@viterbi
mood[t in Step] ~ Categorical(logits = score[t, mood[t-1]])
  starting Categorical(start[animal[t]])
length[t in Step] ~ Normal(centre[mood[t]] + 0.5 * length[t-1], 1)
  starting Normal(centre[mood[t]], 2)
"""

SWITCHES = """
index Animal = 1..2
index Day ordered = 1..3
input y[Animal, Day] : real
stay ~ Beta(2, 2)
jump ~ Normal(0, 1)
on[a in Animal, d in Day] ~ Bernoulli(if on[a, d-1] then stay else 0)
  starting Bernoulli(0.7)
y[a in Animal, d in Day] ~ Normal(if on[a, d] and on[a, d-1] then jump else 0, 1)
  starting Normal(if on[a, d] then 2 else 0, 1)
"""

MIXED_EMISSIONS = """
index Day ordered = 1..3
index Mood = {calm, wild}
index Part = {p1, p2}
input y[Day] : real
input move[Mood, Mood] : simplex
w[m in Mood, Part] ~ Dirichlet(1)
mu[m in Mood, p in Part] ~ Normal(0, 2)
mood[t in Day] ~ Categorical(move[mood[t-1]])
  starting Categorical([0.5, 0.5])
part[t in Day] ~ Categorical(w[mood[t]])
y[t in Day] ~ Normal(mu[mood[t], part[t]], 1)
"""

EMPTY_CELLS = """
data Voter:
  county : County
  smokes : bool?
  class  : Class?
  urban  : bool? per County
  income : real
  votes  : bool?

index Class = {low, middle, high}
p ~ Beta(2, 2)
w[Class] ~ Dirichlet(2)
b[k in Class] ~ Normal(0, 1)
s ~ HalfNormal(1)
urban[c in County] ~ Bernoulli(p)
smokes[v in Voter] ~ Bernoulli(if urban[county[v]] then p else 0.3)
class[v in Voter] ~ Categorical(w)
income[v in Voter] ~ Normal(b[class[v]] + (if smokes[v] then 1 else 0), s)
votes[v in Voter] ~ Bernoulli(logit = b[class[v]])
report share = mean(if smokes[v] then 1 else 0 for v in Voter)
"""

EMPTY_COUNTS = """
data Batch:
  sown  : count?
  seen  : count
  width : real?

p ~ Beta(2, 2)
m ~ Normal(0, 1)
sown[s in Batch] ~ Binomial(4, 0.5)
width[s in Batch] ~ Normal(m + sown[s], 1)
seen[s in Batch] ~ Binomial(sown[s], p)

factor sum(-(width[s] - 1)^2 for s in Batch)
"""

STEPPED_PART = """
index Day ordered = 1..3
index Mood = {calm, wild}
index Part = {p1, p2}
input y[Day] : real
input move[Mood, Mood] : simplex
u[Part] ~ Dirichlet(1)
w[m in Mood, n in Mood, Part] ~ Dirichlet(1)
mu[m in Mood, p in Part] ~ Normal(0, 2)
mood[t in Day] ~ Categorical(move[mood[t-1]])
  starting Categorical([0.5, 0.5])
part[t in Day] ~ Categorical(w[mood[t], mood[t-1]])
  starting Categorical(u)
y[t in Day] ~ Normal(mu[mood[t], part[t]], 1)
"""

SOME_ROWS = """
data Day ordered:
  y : real
  x : real

index Mood = {calm, wild}
move[m in Mood, Mood] ~ Dirichlet(1)
mu[m in Mood] ~ Normal(0, 2)
mood[t in Day] ~ Categorical(move[mood[t-1]])
  starting Categorical([0.5, 0.5])
y[t in Day] ~ Normal(mu[mood[t-1]] + mu[mood[t]], 1)
  starting Normal(mu[mood[t]], 2)
  where x[t] > 0
"""

SECOND_ORDER = """
data Step ordered by time within animal:
  animal : Animal
  time   : real
  length : real?
  x      : real

index Mood = {resting, feeding}
start[Mood] ~ Dirichlet(1)
move[m in Mood, n in Mood, Mood] ~ Dirichlet(1)
centre[m in Mood] ~ Normal(0, 2)
@viterbi
mood[t in Step] ~ Categorical(move[mood[t-1], mood[t-2]])
  starting Categorical(start)
length[t in Step] ~ Normal(centre[mood[t]], 1)
x[t in Step] ~ Normal(centre[mood[t-1]] + 0.5 * x[t-1], 1)
  starting Normal(centre[mood[t]], 2)
"""

COUPLED = """
data Day ordered:
  y : real
  z : bool?

index Weather = {dry, wet}
index Mood = {low, middle, high}
rain[m in Mood, a in Weather, Weather] ~ Dirichlet(1)
move[a in Weather, m in Mood, Mood] ~ Dirichlet(2)
mu[a in Weather, m in Mood] ~ Normal(0, 2)
@viterbi
weather[t in Day] ~ Categorical(rain[mood[t-1], weather[t-1]])
  starting Categorical([0.3, 0.7])
@viterbi
mood[d in Day] ~ Categorical(move[weather[d], mood[d-1]])
  starting Categorical([0.2, 0.3, 0.5])
y[t in Day] ~ Normal(mu[weather[t], mood[t]], 1)
z[t in Day] ~ Bernoulli(if mood[t] == high then 0.7 else 0.2)
"""

FACTORIAL = """
index Person = 1..1
index Day ordered = 1..4
input y[Person, Day] : real
keep ~ Beta(2, 2)
jump ~ Normal(0, 1)
a[p in Person, t in Day] ~ Bernoulli(if a[p, t-1] then keep else 0.2)
  starting Bernoulli(0.5)
@viterbi
b[p in Person, t in Day] ~ Bernoulli(if b[p, t-1] or b[p, t-2] then keep else 0)
  starting Bernoulli(0.7)
y[p in Person, t in Day] ~ Normal((if a[p, t] then jump else 0) + (if b[p, t] then 2 else 0), 1)
"""

EXAMPLES: dict[str, Example] = {
    "mixture": Example(MIXTURE, {"velocity": [0.3, -1.0, 2.5, 7.0]}, {}, {"z": "mixture"}),
    "two outcomes": Example(TWO_OUTCOMES, {"velocity": [0.3, -1.0, 2.5], "bright": [1, 0, 1]}, {}, {"z": "sum"}),
    "occupancy": Example(
        OCCUPANCY,
        {"site": ["x", "y", "x", "z", "y", "z"], "wet": [0.1, 0.5, -1.0, 2.0, 0.0, 1.0], "seen": [0, 0, 1, 0, 0, 0]},
        {},
        {"lives": "sum"},
    ),
    "species": Example(SPECIES, {}, {"X": [[0, 3], [0, 0]]}, {"lives": "sum", "present": "sum"}),
    "raters": Example(
        RATERS,
        {"item": ["i", "j", "i", "j", "h"], "rater": ["u", "u", "v", "v", "v"], "grade": ["low", "high", "low", "middle", "high"]},
        {},
        {"truth": "sum"},
    ),
    "abundance": Example(ABUNDANCE, {"y_1": [2, 0], "y_2": [3, 1]}, {}, {"n": "sum"}),
    "trials": Example(TRIALS, {"sown": [5, 3], "seen": [2, 0]}, {}, {"n": "sum"}),
    "thinned": Example(THINNED, {"seen": [2, 0]}, {}, {"n": "sum", "m": "sum"}),
    "change": Example(CHANGE, {"year": [1851, 1853, 1852, 1854, 1855], "accidents": [4, 1, 3, 0, 1]}, {}, {"change": "sum"}),
    "crossed": Example(CROSSED, {"y": [0.5, -2.0]}, {}, {"a": "sum", "b": "sum"}),
    "latent outcome": Example(LATENT_OUTCOME, {"y": [0.5, -2.0, 1.0]}, {}, {"z": "sum"}),
    "factor": Example(SUMMED_FACTOR, {"y": [0.5, -2.0, 1.5]}, {}, {"z": "sum"}),
    "hidden Markov": Example(
        HIDDEN_MARKOV, {"time": [3.0, 1.0, 2.0, 4.0, 6.0], "length": [0.5, 2.0, 0.1, 1.0, 3.0]}, {}, {"mood": "chain"}
    ),
    "groups": Example(
        GROUPS,
        {"animal": ["b", "a", "b", "a", "b", "c"], "time": [2.0, 1.0, 1.0, 0.5, 3.0, 1.0], "length": [0.5, 1.0, -0.3, 2.0, 0.0, 1.5]},
        {},
        {"mood": "chain"},
    ),
    "switches": Example(SWITCHES, {}, {"y": [[1.5, 0.5, -0.2], [0.1, 0.3, -1.0]]}, {"on": "chain"}),
    "mixed emissions": Example(
        MIXED_EMISSIONS, {}, {"y": [0.5, -1.0, 2.0], "move": [[0.9, 0.1], [0.0, 1.0]]}, {"part": "sum", "mood": "chain"}
    ),
    "empty cells": Example(
        EMPTY_CELLS,
        {
            "county": ["x", "y", "x", "z"],
            "smokes": [1, None, None, 0],
            "class": ["low", None, "high", None],
            "urban": [None, 1, None, 0],
            "income": [0.3, 1.2, -0.5, 2.0],
            "votes": [1, 0, None, 1],
        },
        {},
        {"smokes_empty": "sum", "class_empty": "sum", "urban_empty": "sum"},
    ),
    "empty counts": Example(
        EMPTY_COUNTS, {"sown": [3, None, None], "seen": [2, 0, 3], "width": [2.0, 0.5, None]}, {}, {"sown_empty": "sum"}
    ),
    "stepped part": Example(STEPPED_PART, {}, {"y": [0.5, -1.0, 2.0], "move": [[0.9, 0.1], [0.3, 0.7]]}, {"part": "sum", "mood": "chain"}),
    "some rows": Example(SOME_ROWS, {"y": [0.5, -1.0, 2.0], "x": [-1.0, 2.0, 1.0]}, {}, {"mood": "chain"}),
    "second order": Example(
        SECOND_ORDER,
        {
            "animal": ["b", "a", "b", "a", "b", "c", "b"],
            "time": [2.0, 1.0, 1.0, 0.5, 3.0, 1.0, 4.0],
            "length": [0.5, 1.0, None, 2.0, 0.0, 1.5, None],
            "x": [0.1, 0.2, -0.5, 2.0, 1.0, -1.5, 0.3],
        },
        {},
        {"mood": "chain"},
    ),
    "coupled": Example(COUPLED, {"y": [0.5, -1.0, 2.0], "z": [1, None, 0]}, {}, {"weather": "chain", "mood": "chain"}),
    "factorial": Example(FACTORIAL, {}, {"y": [[1.5, 0.5, -0.2, 2.1]]}, {"a": "chain", "b": "chain"}),
}
