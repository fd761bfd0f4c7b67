"""Panels for notebooks: thin views over the functions below them. Core ipywidgets only."""
