"""A DataFrame that shows its cells whole, because ids and messages are there to be read and copied."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lpnb.tables.text import as_text


class UncutTable(pd.DataFrame):
    """A DataFrame in all things but how it shows itself: printed as by ``print_table``, in a notebook uncut.

    What pandas makes of it by grouping or pivoting has an index of its own, and is printed as pandas does.

    Example:
        >>> UncutTable({"case": ["a"], "conversation_id": ["8602832d-dce1-446b-8445-0d51f5926a42"]})
        case  conversation_id
        a     8602832d-dce1-446b-8445-0d51f5926a42
    """

    @property
    def _constructor(self) -> Any:
        return UncutTable

    def __repr__(self) -> str:
        plain = pd.api.types.is_integer_dtype(self.index.dtype) and self.index.name is None
        if plain and self.columns.nlevels == 1 and self.columns.name is None and len(self.columns):
            return as_text(self) if len(self) else f"{as_text(self)}\n(no rows)"
        return super().__repr__()

    def _repr_html_(self) -> str | None:
        if not pd.get_option("display.notebook_repr_html"):
            return None
        long = len(self) > int(pd.get_option("display.max_rows"))
        with pd.option_context("display.max_colwidth", None):
            html: str = self.to_html(
                max_rows=int(pd.get_option("display.min_rows")) if long else None,
                show_dimensions=long,
                notebook=True,
                na_rep="",
            )
        return html.replace("<td>&lt;NA&gt;</td>", "<td></td>")  # of integers na_rep leaves it
