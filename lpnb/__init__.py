"""Explore LivePerson's Connector API from a notebook.

Assemble SDE and campaign payloads, send them in one CONVERSATION call, see one table row per reqId::

    import lpnb

    client = lpnb.connect()  # your account from .env, or the embedded sandbox
    reply = client.create_conversation("consumer-1", sdes=[lpnb.PersonalInfo(firstname="John")])
    lpnb.responses_table(reply)

Every name is loaded when it is first used; importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

_HOME = {
    "Address": "sdes",
    "Age": "sdes",
    "AlreadyOpenError": "errors",
    "AsyncClient": "client",
    "AsyncConversation": "conversation",
    "Auth": "sdes",
    "BatchResponse": "responses",
    "BoughtCart": "attributes",
    "CampaignInfo": "payloads",
    "Cart": "attributes",
    "Case": "experiments.cases",
    "Cases": "experiments.cases",
    "ChangedCasesError": "errors",
    "ChatState": "frames",
    "Client": "client",
    "ClientProperties": "payloads",
    "CloseDialog": "conversation_fields",
    "Comparison": "experiments.compare",
    "Composer": "widgets.composer",
    "ConsumerRequestConversation": "payloads",
    "Contact": "sdes",
    "Conversation": "conversation",
    "ConversationBatch": "batches",
    "ConversationContext": "payloads",
    "CredentialsError": "errors",
    "CustomerInfo": "sdes",
    "Day": "sdes",
    "Engagement": "engagements",
    "EngagementRequest": "engagements",
    "ErrorEvent": "attributes",
    "Explorer": "widgets.explorer",
    "FieldUpdate": "frames",
    "FileMessage": "frames",
    "FileStoreError": "errors",
    "Grid": "experiments.grid",
    "Hint": "advice",
    "HistoryRecord": "history",
    "Identity": "visitors",
    "Impression": "attributes",
    "InvalidValueError": "errors",
    "Item": "attributes",
    "JournalError": "errors",
    "Landing": "landings",
    "Lead": "attributes",
    "LiveTable": "widgets.received",
    "LpnbError": "errors",
    "MarketingInfo": "attributes",
    "Message": "frames",
    "MonitoringError": "errors",
    "NoAnswerError": "errors",
    "NotSentError": "errors",
    "OtherAttribute": "attributes",
    "OtherFrame": "frames",
    "Parts": "experiments.parts",
    "PersonalInfo": "sdes",
    "Personas": "experiments.personas",
    "Product": "attributes",
    "ProductView": "attributes",
    "ProfileUpdate": "frames",
    "Progress": "experiments.progress",
    "Purchase": "attributes",
    "RawBatch": "batches",
    "RawFrame": "frames",
    "Receipt": "frames",
    "Receiver": "webhooks",
    "ReceiverError": "errors",
    "RefusedError": "errors",
    "RichContent": "frames",
    "Run": "experiments.run",
    "RunError": "errors",
    "Sandbox": "sandbox",
    "Satisfaction": "conversation_fields",
    "SearchInfo": "attributes",
    "Secret": "masking",
    "Service": "attributes",
    "ServiceError": "errors",
    "SetUserProfile": "payloads",
    "Settings": "settings",
    "SettingsError": "errors",
    "Settled": "experiments.settle",
    "Steps": "experiments.steps",
    "UnauthorizedError": "errors",
    "UntrustedHostError": "errors",
    "Urgency": "conversation_fields",
    "Verification": "experiments.verify",
    "VisitorProperties": "visitors",
    "advise": "advice",
    "as_curl": "snippets",
    "as_http_file": "snippets",
    "as_httpx": "snippets",
    "as_postman": "snippets",
    "as_python": "snippets",
    "case_columns": "experiments.columns",
    "cases_of": "experiments.cases",
    "cases_table": "tables",
    "compare": "experiments.compare",
    "connect": "connection",
    "doctor": "checkup",
    "heatmap": "plots",
    "landing": "landings",
    "open_run": "experiments.start",
    "page_examples": "examples",
    "print_table": "printing",
    "read_parts": "experiments.parts",
    "read_request": "snippets",
    "responses_table": "tables",
    "run_experiment": "experiments.start",
    "sample": "samples",
    "save_table": "exports",
    "start_experiment": "experiments.start",
    "token_chain": "chain",
    "transcript_table": "tables",
    "verify": "experiments.verify",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("lpnb._version").__version__
    if name not in _HOME:
        from difflib import get_close_matches

        close = get_close_matches(name, _HOME, n=1)
        meant = f". Did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"module 'lpnb' has no attribute {name!r}{meant}")
    found = getattr(import_module(f"lpnb.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
