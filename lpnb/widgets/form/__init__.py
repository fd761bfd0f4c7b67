"""The form of a batch: fields, sections, import, engagement lookup."""
