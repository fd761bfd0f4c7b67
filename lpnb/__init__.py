"""Explore LivePerson's CONVERSATION endpoint from a notebook."""
