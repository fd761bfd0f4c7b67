"""``NULL``: the JSON value null as a value of its own, unlike a field that is left out."""

from __future__ import annotations

from typing import Final, Literal


class Null(str):
    """The type of ``NULL``, the text "null" that is sent as JSON's null. None leaves a field out.

    Example:
        >>> from lpnb import NULL, ConversationBatch
        >>> ConversationBatch.build(ttr_def_name=NULL).to_wire()[1]["body"]
        {'channelType': 'MESSAGING', 'ttrDefName': None}
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "lpnb.NULL"

    def __copy__(self) -> Null:
        return self

    def __deepcopy__(self, _memo: object) -> Null:
        return self

    def __reduce__(self) -> str:
        return "NULL"


#: Sent as null: ``create_conversation(..., ttr_def_name=lpnb.NULL)``. None leaves a field out. Files of cases
#: and the explorer spell it as the text null.
NULL: Final[Literal["null"]] = Null("null")  # type: ignore[assignment]
