"""Search: which rules, where, so that a network keeps to budgets.

    module ─ space ─▶ sites with alternatives ─ solve ─▶ selection ─ derive ─▶ derivation

`menu` says what is tried, `fragments` what comes of it at a place, `sites` where the places
are, `goal` what is wanted. `optimise` chooses, derives and proves the result anew; `route`
counts layers on the longest path, which is no sum. `pareto` gives all that is worth having of
two measures, `plot` draws it, `words` puts it in words.
"""
