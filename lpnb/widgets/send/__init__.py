"""Sending from a panel: Send and Stop, confirmation, request preview, what was sent and how it looks."""
