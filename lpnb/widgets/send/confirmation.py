"""What must be confirmed before a send: the real account, an open conversation, an unknown outcome."""

from __future__ import annotations

from lpnb.client import AsyncClient, Client
from lpnb.models.responses import BatchResponse


class SendConfirmation:
    """The questions that are still open for *client*, a consumer at a time."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self._client = client
        self._account_confirmed = client.settings.on_loopback
        # For each consumer, how many sends without a known outcome a later clear answer has settled.
        self._settled_counts: dict[str, int] = {}
        # Sends that ended with a surprise, so that not even the client knows of a doubt.
        self._unrecorded: dict[str, int] = {}
        # The conversation that a consumer has open, as far as was seen from here.
        self._open: dict[str, str] = {}

    def question(self, consumer: str) -> str:
        """What to ask before the next send for *consumer*; nothing when there is nothing to ask.

        A doubt is named with its consumer, so that consent to one is not taken for consent to another.
        """
        questions = []
        if not self._account_confirmed:
            questions.append(f"This goes to the real account {self._client.settings.account_id}.")
        if consumer in self._open:
            questions.append(
                f"This consumer has conversation {self._open[consumer]} open, and a second one is refused. "
                "Press “Send again for a new consumer”."
            )
        if self.unknown_outcomes(consumer) > self._settled_counts.get(consumer, 0):
            shown = consumer if len(consumer) <= 60 else f"{consumer[:60]}…"
            questions.append(
                f"An earlier send for {shown} has no known outcome, so a conversation may exist already."
            )
        return " ".join(questions)

    def unknown_outcomes(self, consumer: str) -> int:
        """How many sends for *consumer* have no known outcome, those of other panels and cells included."""
        known = sum(response.consumer_id == consumer for response in self._client.unknown)
        return known + self._unrecorded.get(consumer, 0)

    def add_unknown_outcome(self, consumer: str) -> None:
        """A send for *consumer* has ended in a way that tells nothing."""
        self._unrecorded[consumer] = self._unrecorded.get(consumer, 0) + 1

    def confirm_account(self) -> None:
        """Somebody has said that the account is meant."""
        self._account_confirmed = True

    def record(self, response: BatchResponse) -> None:
        """A clear answer settles the doubts there were about its consumer."""
        if response.conversation_id:
            self._open[response.consumer_id] = response.conversation_id
        if response.outcome in ("answered", "refused"):
            self._settled_counts[response.consumer_id] = self.unknown_outcomes(response.consumer_id)

    def record_close(self, consumer: str) -> None:
        """The conversation of *consumer* has been closed."""
        self._open.pop(consumer, None)
