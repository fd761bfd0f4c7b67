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
    "Address": "models.sdes",
    "Age": "models.sdes",
    "AlreadyOpenError": "errors",
    "AsyncClient": "client.async_client",
    "AsyncConversation": "client.async_conversation",
    "Auth": "models.sdes",
    "BatchResponse": "models.responses",
    "BoughtCart": "models.engagement_attributes",
    "CalibrationReport": "diagnostics.calibration.report",
    "CampaignInfo": "models.conversation_request",
    "Cart": "models.engagement_attributes",
    "Case": "experiments.cases.cases",
    "Cases": "experiments.cases.cases",
    "ChangedCasesError": "errors",
    "ChatState": "models.frames",
    "Client": "client.sync_client",
    "ClientProperties": "models.conversation_request",
    "CloseDialog": "models.conversation_fields",
    "Comparison": "experiments.runs.compare",
    "Composer": "widgets.composer",
    "ConsumerRequestConversation": "models.conversation_request",
    "Contact": "models.sdes",
    "Conversation": "client.conversation",
    "ConversationBatch": "models.batches",
    "ConversationContext": "models.conversation_request",
    "CredentialsError": "errors",
    "CustomerInfo": "models.sdes",
    "Day": "models.sdes",
    "Engagement": "models.engagements",
    "EngagementRequest": "models.engagements",
    "ErrorEvent": "models.engagement_attributes",
    "Explorer": "widgets.explorer",
    "FieldUpdate": "models.frames",
    "FileMessage": "models.frames",
    "FileStoreError": "errors",
    "Grid": "experiments.cases.grid",
    "Hint": "models.best_practices",
    "HistoryRecord": "api.history",
    "Identity": "models.visitors",
    "Impression": "models.engagement_attributes",
    "InvalidValueError": "errors",
    "Item": "models.engagement_attributes",
    "JournalError": "errors",
    "Landing": "models.landings",
    "Lead": "models.engagement_attributes",
    "LiveTable": "widgets.live_table",
    "LpnbError": "errors",
    "MarketingInfo": "models.engagement_attributes",
    "Message": "models.frames",
    "MonitoringError": "errors",
    "NULL": "models.null",
    "NoAnswerError": "errors",
    "NotSentError": "errors",
    "OtherAttribute": "models.engagement_attributes",
    "OtherFrame": "models.frames",
    "Parts": "experiments.runs.partitions",
    "PersonalInfo": "models.sdes",
    "Personas": "experiments.cases.personas",
    "Product": "models.engagement_attributes",
    "ProductView": "models.engagement_attributes",
    "ProfileUpdate": "models.frames",
    "Progress": "experiments.runs.progress",
    "Purchase": "models.engagement_attributes",
    "RawBatch": "models.batches",
    "RawFrame": "models.frames",
    "Reasons": "experiments.routing.reasons",
    "Receipt": "models.frames",
    "Receiver": "webhooks",
    "ReceiverError": "errors",
    "RefusedError": "errors",
    "RichContent": "models.frames",
    "RoutingLearning": "experiments.routing.learn",
    "RoutingRules": "experiments.learning.routing_rules",
    "Run": "experiments.runs.run",
    "RunError": "errors",
    "Sandbox": "sandbox",
    "Satisfaction": "models.conversation_fields",
    "SearchInfo": "models.engagement_attributes",
    "Secret": "_internal.redaction",
    "Service": "models.engagement_attributes",
    "ServiceError": "errors",
    "SetUserProfile": "models.conversation_request",
    "Settings": "settings",
    "SettingsError": "errors",
    "Settled": "experiments.runs.reconcile",
    "Steps": "experiments.runs.steps",
    "UnauthorizedError": "errors",
    "UntrustedHostError": "errors",
    "Urgency": "models.conversation_fields",
    "Verification": "experiments.verification.verify",
    "VisitorProperties": "models.visitors",
    "account_world": "diagnostics.account_world",
    "advise": "models.best_practices",
    "as_curl": "snippets",
    "as_http_file": "snippets",
    "as_httpx": "snippets",
    "as_postman": "snippets",
    "as_python": "snippets",
    "calibrate": "diagnostics.calibration.calibrate",
    "case_columns": "experiments.cases.columns",
    "cases_of": "experiments.cases.cases",
    "cases_table": "tables.run_table",
    "compare": "experiments.runs.compare",
    "connect": "client.connect",
    "doctor": "diagnostics.doctor",
    "explain": "diagnostics.explain",
    "heatmap": "plots",
    "learn_routing": "experiments.routing.learn",
    "open_run": "experiments.runs.start",
    "page_examples": "samples.examples",
    "print_table": "tables.text",
    "read_parts": "experiments.runs.partitions",
    "read_request": "snippets",
    "reasons": "experiments.routing.reasons",
    "report": "experiments.report.report",
    "responses_table": "tables.dataframes",
    "run_experiment": "experiments.runs.start",
    "runs": "experiments.runs.run_list",
    "sample": "samples.files",
    "save_table": "tables.export",
    "start_experiment": "experiments.runs.start",
    "start_learning": "experiments.routing.learn",
    "token_chain": "diagnostics.token_chain",
    "transcript_table": "tables.dataframes",
    "verify": "experiments.verification.verify",
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
