"""The Domain API (CSDS): the host of each service, without credentials."""

from lpnb.sandbox.choices import did_you_mean
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, truncate
from lpnb.sandbox.http.versions import check_version
from lpnb.sandbox.service_context import Cloud

# The names connectors look up, one row each in the list form.
SERVICES = (
    "accountConfigReadOnly",
    "accountConfigReadWrite",
    "agentActivityDomain",
    "agentManagerWorkspace",
    "agentVep",
    "asyncMessaging",
    "asyncMessagingEnt",
    "engHistDomain",
    "etool",
    "faasGW",
    "idp",
    "leDataReporting",
    "liveEngageUI",
    "messagingRestApiDomain",
    "msdkgw",
    "msgEwtAPI",
    "msgHist",
    "mtlsGateway",
    "pusher",
    "rtbf",
    "sentinel",
    "smt",
    "swift",
    "visitorFeed",
)
# The host names of the Americas, "va.<family>.liveperson.net"; those that no page prints are inferred.
_HOST_FAMILIES = {
    "asyncMessagingEnt": "msg",
    "sentinel": "sentinel",
    "idp": "idp",
    "smt": "v",
    "swift": "swift",
    "msgHist": "msghist",
    "accountConfigReadOnly": "ac",
    "accountConfigReadWrite": "ac",
}


def answer_list(cloud: Cloud, request: Request) -> Answer:
    """Every service: ``{"baseURIs": [...]}`` (documented)."""
    if refusal := _refuse(cloud, request):
        return refusal
    return json_answer(200, {"baseURIs": base_uris(cloud, request.path_params["account_id"], request)})


def answer_single(cloud: Cloud, request: Request) -> Answer:
    """One service as a flat record: what clients read, though the page prints a list here too."""
    if refusal := _refuse(cloud, request):
        return refusal
    service = request.path_params["service"]
    if service not in SERVICES:
        return error_answer(400, _unknown_service(service))
    return json_answer(200, _record(cloud, request.path_params["account_id"], request, service))


def base_uris(cloud: Cloud, account_id: str, request: Request) -> list[dict[str, str]]:
    """A record for every service, under the kind of host names that *request* came by."""
    return [_record(cloud, account_id, request, service) for service in SERVICES]


def _record(cloud: Cloud, account_id: str, request: Request, service: str) -> dict[str, str]:
    # Who came by one of LivePerson's names, through a proxy or a hosts file, is told such names again.
    by_name = (request.header("host") or "").partition(":")[0].lower().endswith(".liveperson.net")
    host = f"va.{_HOST_FAMILIES.get(service, 'le')}.liveperson.net" if by_name else cloud.host
    return {"service": service, "account": account_id, "baseURI": host}


def _refuse(cloud: Cloud, request: Request) -> Answer | None:
    account = request.path_params["account_id"]
    # What the service says to an unknown account is not documented (inferred: 400).
    if cloud.account(account) is None:
        account_ids = ", ".join(cloud.world.accounts_by_id)
        return error_answer(400, f"No account {truncate(account)!r} here; this sandbox plays {account_ids}.")
    return check_version(request, "version", "1.0", required=cloud.rules.require_version)


def _unknown_service(service: str) -> str:
    sentence = f"No service is called {truncate(service)!r}; names are case-sensitive."
    list_hint = " The list is at /api/account/.../service/baseURI.json?version=1.0."
    return sentence + (did_you_mean(service, SERVICES) or list_hint)
