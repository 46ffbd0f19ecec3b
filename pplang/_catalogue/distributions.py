"""Every distribution of the language, by name."""

from __future__ import annotations

from pplang._catalogue.continuous import CONTINUOUS
from pplang._catalogue.discrete import DISCRETE
from pplang._catalogue.entry import DistributionEntry
from pplang._catalogue.joint import JOINT, WRAPPERS

DISTRIBUTIONS: dict[str, DistributionEntry] = {one.name: one for one in (*CONTINUOUS, *DISCRETE, *JOINT, *WRAPPERS)}
