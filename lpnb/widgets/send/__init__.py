"""Sending from a panel: Send and Stop, request preview, what was sent and how it looks."""
