"""What the compiler did to a model, and why: in sentences, as a difference of programs, as a picture."""

from pplang._explain.sentences import Explanation, explanation

__all__ = ["Explanation", "explanation"]
