"""Functions of one definition as one class, where their structure allows it.

Copies with the same steps become one class whose parameters are what they differ
in. A copy that lacks some steps of the others (an identity shortcut, a first block
without expansion) shares the class too: those steps become optional, and where
they are absent the value before them is used. Copies that fit neither way become a
class of their own.

    place        all functions of a module in turn: each gets its class
    families     which of them may share one, in which order, under which name
    clusters     which of them do: first those of equal structure, then those that fit together
    variants     how two structures fit together: steps side by side, values connected
    build        the class of what was found: one member for each step
    attributes   what the modules of a class are called
    conditions   when optional steps are there, and which class a call is of
    differences  one expression for what all copies say
    rounds       the same for the rounds of a loop
"""

from .place import classes_of

__all__ = ["classes_of"]
