"""Routing experiments: cases in, a run, tables and comparisons out.

One room with a file for each step. ``columns``, ``cases``, ``sources``, ``grid`` and ``personas`` hold
what is to be sent. ``start`` begins a run or goes on with one, after ``options`` and ``guard`` have looked;
``sending`` sends in ``slots``, with ``steps`` before and, through a ``pipe``, after; ``settle`` looks for
what is unknown; ``run`` is what a user holds, with its ``progress`` and ``results``, and ``rows`` stands
between it and the journal. ``verify`` compares what came of it with what was expected.
"""
