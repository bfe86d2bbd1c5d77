"""Passes: pure functions of a module, each in its own file, that never change their input.

    cost       exact counts by fact, for every node, function and the module
    depth      weighted layers on the longest path
    receptive  what every value sees of the input
    domain     the symbolic sizes for which the network is well-formed
    outline    a function as the rows of a table, copies folded
    claims     the proof of what a spec expects
    bounds     between which numbers every value lies
    flatten    one graph without calls

All but `flatten` look at each function once, however often it is called, and compose
what they found at the call sites: their work grows with the text, not with the network.
"""
