"""The columns of a run's table, one row per case: their names, kinds and meanings, and the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: Every column that a run adds, with the kind of its cells; every other one is the case's own. They are
#: filled from the journal by experiments/runs/journal_rows.py.
RUN_COLUMNS: Mapping[str, str] = {
    "case": "text",
    "consumer_id": "text",
    "outcome": "text",
    "code": "text",
    "message": "text",
    "conversation_id": "text",
    "http_status": "whole",
    "attempts": "whole",
    "elapsed_ms": "number",
    "sent_at": "moment",
    "landed_skill_id": "text",
    "landed_skill": "text",
    "landing_source": "text",
    "offered_campaign_id": "text",
    "offered_engagement_id": "text",
    "decided_by": "text",
    "say_outcome": "text",
    "landing_outcome": "text",
    "close_outcome": "text",
    "expected_skill": "text",
    "expected_code": "text",
    "passed": "boolean",
}


def cases_table(
    columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One row per case of a run, out of columns; those that are left out are there, and empty.

    Columns and dtypes, the same every time:

    =====================  ===================  ======================================================
    case                   str                  the case's name
    consumer_id            str                  the consumer it was sent for
    outcome                str                  answered, refused, not sent, unknown or planned
    code                   str                  of the conversation frame, as in ``responses_table``
    message                str                  what was said about it
    conversation_id        str                  the conversation that was opened
    http_status            Int64                of the last attempt
    attempts               Int64                requests tried
    elapsed_ms             float64              of the last attempt, in milliseconds
    sent_at                datetime64[us, UTC]  when the last attempt began
    landed_skill_id        str                  the skill it landed in
    landed_skill           str                  that skill's name
    landing_source         str                  who said so: history or webhook
    offered_campaign_id    str                  the campaign that Monitoring offered
    offered_engagement_id  str                  the engagement that Monitoring offered
    decided_by             str                  on a sandbox, the rule that decided the landing: "skill",
                                                "campaign", "sde", "default" or "none"; with ", fallback"
                                                where nobody was online in that skill
    say_outcome            str                  of the opening messages: answered, or what became of the first
                                                that was not: refused, unknown or not sent
    landing_outcome        str                  of reading the landing: answered, not visible or not sent
    close_outcome          str                  of the close: answered, refused, unknown or not sent
    expected_skill         str                  the skill it should land in, by id or name
    expected_code          str                  the code it should be answered with
    passed                 boolean              whether it came as expected; missing when nothing was expected
    =====================  ===================  ======================================================

    The three outcomes of steps are missing where a step was not asked for, or not begun.
    After these come the columns of the cases themselves, named as on the wire.

    Args:
        columns: A list of cells for each column, all of one length.
        kinds: What a case's own column holds ("text", "id", "whole", "number", "boolean", "object", "list",
            "json"); found from its cells when left out.

    Raises:
        ValueError: The columns differ in length.

    Example:
        >>> table = cases_table({"case": ["a"], "outcome": ["answered"], "skillId": ["12"]})
        >>> table["skillId"].tolist(), str(table.dtypes["attempts"])
        (['12'], 'Int64')
    """
    from lpnb.tables.arrow_columns import arrow_table, to_pandas

    return to_pandas(arrow_table(columns, {**(kinds or {}), **RUN_COLUMNS}, first=RUN_COLUMNS))
