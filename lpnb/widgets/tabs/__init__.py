"""The tabs of the explorer."""
