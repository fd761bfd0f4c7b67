"""ipywidgets panels: the explorer, the composer, and a live table of webhook events."""
