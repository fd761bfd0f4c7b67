"""The form that is filled in: fields of one CONVERSATION batch, templates, import, lookup, grid of values."""
