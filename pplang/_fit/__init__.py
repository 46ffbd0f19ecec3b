"""What a fit leaves behind: draws with their names, the file they are kept in, the table of them, and what they say of new rows."""

from pplang._fit.fit import Fit, assemble, load
from pplang._fit.labelled import Array
from pplang._fit.predictions import Predictions, opened
from pplang._fit.summary import Row, Summary

__all__ = ["Array", "Fit", "Predictions", "Row", "Summary", "assemble", "load", "opened"]
