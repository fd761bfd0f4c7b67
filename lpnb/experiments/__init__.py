"""Routing experiments: cases in, a run, tables and comparisons out.

One room with a file for each step. ``columns``, ``cases``, ``sources``, ``grid`` and ``personas`` hold
what is to be sent; ``verify`` compares what came of it with what was expected.
"""
