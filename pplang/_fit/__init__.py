"""What a fit leaves behind: draws with their names, the file they are kept in, the table of them."""

from pplang._fit.fit import Array, Fit, assemble, load
from pplang._fit.summary import Row, Summary

__all__ = ["Array", "Fit", "Row", "Summary", "assemble", "load"]
