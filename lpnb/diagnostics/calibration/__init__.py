"""Calibration: what an account does, compared with what the sandbox assumes of it."""
