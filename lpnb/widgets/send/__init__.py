"""Sending from a panel: the button, the confirmation, the request preview."""
