"""DataFrames from answers, and their export as files and text."""
