"""``calibrate`` against sandboxes that play accounts: rules are recovered, and nothing is left open."""

import _thread
import dataclasses
import json
import random
import re
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from lpnb import Client, InvalidValueError, Receiver, RunError, Sandbox, Settings, calibrate
from lpnb.cli.main import main
from lpnb.diagnostics.calibration.probes import KnownIds
from lpnb.diagnostics.calibration.reply_shapes import ReplyShapes
from lpnb.sandbox import Rules
from lpnb.sandbox.world.rules import describe_rules
from lpnb.transport.http_transport import HttpTransport

ACCOUNT = "12345678"
# An engagement, a skill and a ctype that lead to three skills, and a skill whose only agent is away.
KNOWN = {
    "campaign_id": "880524013",
    "engagement_id": "880524118",
    "skill_id": "2741903011",
    "ctype": "vip",
    "offline_skill_id": "2741903012",
    "offline_engagement_id": "880524115",
    "offline_entry_point": "sec://mortgages",
}
MORTGAGE_AGENT = "3180255703"
#: History that lags longer than anybody waits here.
LATE = 3600


def random_rules(seed, delays):
    chosen = random.Random(seed)
    return {
        rule["name"]: chosen.choice(
            delays if rule["name"] == "history_delay" else rule["choices"],
        )
        for rule in describe_rules(Rules())
    }


def calibrated(sandbox, **more):
    with Client(Settings.of(sandbox.environment()), wait_scale=0.01) as client:
        return calibrate(client, quiet=True, **({"wait": 2} | more))


def open_conversations(sandbox):
    return [one.conversation_id for one in sandbox.conversations if one.stage == "OPEN"]


def rounds(metafunc):
    count = 20 if metafunc.config.getoption("--drills") else 2
    metafunc.parametrize("seed", range(count))


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        rounds(metafunc)


def test_random_rules_are_recovered_and_a_sandbox_with_the_file_answers_as_the_account_does(
    seed, tmp_path, drills
):
    rules = random_rules(seed, [0, LATE] if drills else [0])
    out = tmp_path / "rules.toml"
    with ExitStack() as stack:
        account = stack.enter_context(Sandbox(rules=rules, seed=1))
        client = stack.enter_context(Client(Settings.of(account.environment()), wait_scale=0.01))
        receiver = stack.enter_context(Receiver(client))
        account.set_webhook(receiver.url)
        account.set_online(MORTGAGE_AGENT, False)
        report = calibrate(client, quiet=True, wait=5, receiver=receiver, out=out, **KNOWN)

        assert report.problem is None
        assert open_conversations(account) == []
        assert report.may_be_open == ()
        assert report.opened == len(account.conversations) <= report.plan.conversations <= 40
        not_asked = {one.rule for one in report.findings if one.verdict == "not asked" and one.rule}
        expected = set()
        if rules["sde_checks"] == "lenient":
            expected.add("open_after_refused_profile")
        if rules["history_delay"] == LATE:
            expected.add("history_delay")
        assert not_asked == expected
        assert report.rules == {name: value for name, value in rules.items() if name not in expected}

        account.set_webhook(None)
        account.reset()
        replica = stack.enter_context(Sandbox(rules=str(out), seed=1))
        seen = answers_of(account, rules)
        again = answers_of(replica, rules)
        assert len(seen) >= 60
        assert again == seen


def answers_of(sandbox, rules):
    """What a fixed list of requests is answered with: status, and body without tokens and ports."""
    sandbox.freeze_clock()  # before it is set: between the two calls it would go on
    sandbox.set_clock(2_000_000_000)
    sandbox.set_online(MORTGAGE_AGENT, False)
    with httpx.Client(base_url=sandbox.base, trust_env=False, timeout=10) as http:
        caller = OddRequests(http, sandbox)
        caller.run(late=rules["history_delay"] == LATE)
    return caller.seen


class OddRequests:
    """Some sixty requests as clients send them by mistake and on purpose, in a fixed order."""

    def __init__(self, http, sandbox):
        self.http = http
        self.sandbox = sandbox
        self.seen = []
        self.form = {
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "grant_type": "client_credentials",
        }
        self.base = f"/api/account/{ACCOUNT}"
        self.conversation = f"{self.base}/messaging/consumer/conversation"

    def ask(self, method, url, **options):
        reply = self.http.request(method, url, **options)
        text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|127\.0\.0\.1:\d+", "-", reply.text)
        text = re.sub(r'("(?:temp_url_sig|bearer|csrf|wsuk|sessionId|time)":\s*)[^,}]+', r"\1-", text)
        self.seen.append((len(self.seen), method, url.partition("temp_url_sig")[0], reply.status_code, text))
        return reply

    def batch(self, profile=None, ids=("1", "2"), **body):
        return [
            {"id": ids[0], "type": "userprofile.SetUserProfile", "body": profile or {}},
            {"id": ids[1], "type": "cm.ConsumerRequestConversation", "body": {"brandId": ACCOUNT} | body},
        ]

    def open(self, who, batch, query="?v=3", **headers):
        sent = self.headers(who) | headers
        reply = self.ask("POST", self.conversation + query, content=json.dumps(batch), headers=sent)
        try:
            return reply.json()[1]["body"].get("conversationId")
        except (KeyError, IndexError, TypeError, ValueError):
            return None

    def headers(self, who):
        return {
            "Authorization": self.jwt,
            "X-LP-ON-BEHALF": self.jws[who],
            "Content-Type": "application/json",
        }

    def send(self, who, kind, body, query="?v=3", **headers):
        frame = {"id": "7", "type": kind, "body": body}
        sent = self.headers(who) | headers
        return self.ask("POST", f"{self.conversation}/send{query}", content=json.dumps(frame), headers=sent)

    def publish(self, who, conversation_id, **event):
        return self.send(who, "ms.PublishEvent", {"dialogId": conversation_id or "none", "event": event})

    def update(self, who, conversation_id, **field):
        body = {"conversationId": conversation_id or "none", "conversationField": field}
        return self.send(who, "cm.UpdateConversationField", body)

    def run(self, *, late):
        self.tokens()
        self.refusals()
        self.messages()
        self.surveys()
        self.landings()
        self.monitoring()
        self.history(late)

    def tokens(self):
        self.ask("GET", f"{self.base}/service/baseURI.json?version=1.0")
        self.ask("GET", f"{self.base}/service/idp/baseURI.json")
        self.ask("GET", f"{self.base}/service/idp/baseURI.json?version=2.0")
        token = f"/sentinel/api/account/{ACCOUNT}/app/token"
        self.ask("POST", token, data=self.form)
        self.ask("POST", f"{token}?v=1.0", json=self.form)
        self.ask("POST", f"{token}?v=1.0", data=self.form | {"client_secret": "wrong"})
        self.jwt = self.ask("POST", f"{token}?v=1.0", data=self.form).json()["access_token"]
        self.app = self.ask("POST", token.replace("/api/", "/api/v2/"), data=self.form).json()["access_token"]
        self.jws = {}
        for who in ("anna", "berta", "carl"):
            body, headers = {"ext_consumer_id": who}, {"Authorization": self.jwt}
            self.jws[who] = self.ask(
                "POST", f"{self.base}/consumer?v=1.0", json=body, headers=headers
            ).json()["token"]
        text = headers | {"Content-Type": "text/plain"}
        self.ask("POST", f"{self.base}/consumer", content='{"ext_consumer_id":"x"}', headers=text)
        self.ask("POST", f"{self.base}/consumer", json={"ext_consumer_id": ""}, headers=headers)

    def refusals(self):
        self.open("anna", {})
        self.open("anna", self.batch()[:1])
        self.open("anna", self.batch(ids=("1", "1")))
        self.open("anna", self.batch(brandId=None))
        self.open("anna", self.batch(brandId="87654321"))
        self.open("anna", self.batch(channelType="EMAIL"))
        self.open("anna", self.batch(), query="?v=2")
        self.open("anna", self.batch()[::-1], query="")
        self.open("anna", self.batch(skillId="5"), query="?v=3")
        self.closed("anna")
        sdes = [{"type": "ctmrinfo", "info": {"balance": "much"}}]
        self.open("anna", self.batch({"authenticatedData": {"lp_sdes": sdes}}))
        self.closed("anna")
        self.send("anna", "userprofile.SetUserProfile", {"authenticatedData": {"lp_sdes": sdes}})
        self.send("anna", "userprofile.SetUserProfile", {}, **{"Content-Type": "text/plain"})
        self.open("anna", self.batch(campaignInfo={"campaignId": "1", "engagementId": "2"}))
        self.closed("anna")

    def closed(self, who):
        """Close whatever the consumer has open, without a request of its own to compare."""
        for one in self.sandbox.conversations:
            if one.stage == "OPEN" and one.ext_consumer_id == who:
                self.sandbox.close_conversation(one.conversation_id)

    def messages(self):
        text = {"type": "ContentEvent", "contentType": "text/plain"}
        first = self.open("anna", self.batch())
        self.open("anna", self.batch())
        self.publish("anna", first, **text, message="hello")
        self.publish("anna", first, **text, message="x" * 5000)
        self.publish("anna", first, type="ChatStateEvent", chatState="COMPOSING")
        self.publish("anna", "nowhere", **text, message="hello")
        self.publish("berta", first, **text, message="hello")
        file = {"relativePath": "/v1/AUTH_async-images/12345678/none.png", "fileType": "PNG"}
        self.publish("anna", first, type="ContentEvent", contentType="hosted/file", message=file)
        asked = self.send("anna", "ms.GenerateURLForUploadFile", {"fileSize": "3", "fileType": "PNG"}).json()[
            "body"
        ]
        self.ask("PUT", asked["relativePath"], params=asked["queryParams"], content=b"abc")
        for who in ("anna", "berta"):
            self.send(who, "ms.GenerateURLForDownloadFile", {"relativePath": asked["relativePath"]})
        for length in (10, 6000):
            preview = "data:image/png;base64," + "A" * length
            message = {"relativePath": asked["relativePath"], "fileType": "PNG", "preview": preview}
            self.publish("anna", first, type="ContentEvent", contentType="hosted/file", message=message)
        self.update("anna", first, field="Skill", type="UPDATE", skill="2741903012")
        self.update("anna", first, field="ParticipantsChange", type="ADD", role="MANAGER")
        self.update("anna", first, field="TTRField", ttrType="URGENT", value=5)
        self.update("anna", first, field="Stage", conversationState="CLOSE")
        self.publish("anna", first, **text, message="late")
        rate = {"csatRate": 4, "csatResolutionConfirmation": True, "status": "FILLED"}
        self.update("anna", first, field="CSATRate", **rate)
        self.update("anna", first, field="CSATRate", **(rate | {"csatRate": 9}))

    def surveys(self):
        features = json.dumps({"type": ".ClientProperties", "features": ["MULTI_DIALOG"]})
        first = self.open("berta", self.batch(), **{"Client-Properties": features})
        self.update("berta", first, field="ConversationStateField", conversationState="CLOSE")
        self.open("berta", self.batch())
        self.update("berta", first, field="TTRField", ttrType="NORMAL", value=5)
        self.closed("berta")

    def landings(self):
        """Each request, and the skill that an agent sees."""
        campaign = {"campaignInfo": {"campaignId": "880524013", "engagementId": "880524118"}}
        skill = {"skillId": "2741903011"}
        vip = {"authenticatedData": {"lp_sdes": [{"type": "ctmrinfo", "info": {"ctype": "vip"}}]}}
        for who, profile, body in (
            ("berta", None, {"skillId": "-1"}),
            ("berta", None, {"skillId": "2741903012"}),
            ("berta", None, campaign | skill),
            ("carl", vip, campaign),
            ("carl", vip, skill),
            ("carl", vip, {"skillId": "-1"}),
        ):
            made = self.open(who, self.batch(profile, **body))
            self.seen.append(self.sandbox.trace(made)["skillId"] if made else None)
            self.closed(who)

    def monitoring(self):
        app = f"{self.base}/app/{self.sandbox.client_id}"
        body = {"consumerId": "berta", "entryPoints": ["sec://mortgages"]}
        self.ask("POST", f"{app}/engagement?v=1.1", json=body)
        self.ask("POST", f"{app}/engagement", json=body)
        self.ask("POST", f"{app}/engagement?v=3", json=body)
        self.ask("PUT", f"{app}/report?v=1.0", json={"consumerId": "berta"})
        attributes = [{"type": "ctmrinfo", "info": {"balance": "much"}}]
        self.ask("PUT", f"{app}/report?v=1.0", json={"consumerId": "x", "engagementAttributes": attributes})

    def history(self, late):
        base = f"/messaging_history/api/account/{ACCOUNT}/conversations"
        body = {"username": "mira.castellan", "password": "sandbox-password"}
        bearer = self.ask("POST", f"{self.base}/login?v=1.3", json=body).json()["bearer"]
        by_agent, by_app = ({"Authorization": f"Bearer {token}"} for token in (bearer, self.app))
        nobody = {"conversationId": "nobody"}
        self.ask("POST", f"{base}/conversation/search?source=a", json=nobody, headers=by_agent)
        self.ask("POST", f"{base}/conversation/search?source=a", json=nobody, headers=by_app)
        self.ask("POST", f"{base}/conversation/search", json=nobody, headers=by_agent)
        self.ask("POST", f"{base}/search?source=a", json={"keyword": "x"}, headers=by_agent)
        if not late:
            span = {"start": {"from": 1_999_999_999_000, "to": -1}}
            self.ask("POST", f"{base}/search?source=a", json=span, headers=by_agent)


def test_what_has_no_switch_is_reported_and_what_is_never_tried_is_said_so(sandbox):
    report = calibrated(sandbox)

    by_guess = {one.guess: one for one in report.findings}
    foreign = by_guess["a message to another consumer's conversation"]
    assert (foreign.verdict, foreign.account) == ("agrees", "HTTP 401, errorCode 40103")
    wrong_secret = by_guess["how a wrong client secret or password is answered"]
    assert wrong_secret.verdict == "not asked"
    assert wrong_secret.evidence.startswith("Not asked, on purpose: ")
    assert by_guess["routing_order"].evidence.startswith("It needs an engagement, a skill")
    assert report.shapes == ()
    assert {request.status for request in sandbox.requests if request.route == "sentinel"} <= {200, 400}


def test_the_report_says_on_both_sides_what_was_done_and_wraps_its_lines(sandbox):
    report = calibrated(sandbox)

    assert not {"true", "false", "True", "False"} & {one.sandbox for one in report.findings}
    by_guess = {one.guess: one for one in report.findings}
    source = by_guess["history_source_required"]
    assert source.lines(100)[:2] == ["history_source_required: agrees", "  both         took it"]
    assert by_guess["fallback_when_offline"].lines(100) == [
        "fallback_when_offline: not asked",
        "  the sandbox  sent it to another skill",
        "  why          It needs a skill that has a fallback, and nobody online.",
    ]
    evidence = [line for one in report.findings for line in one.lines(100)]
    assert max(map(len, [*evidence, *report.rules_file().splitlines()])) <= 100


def test_a_delay_of_history_is_between_two_looks():
    with Sandbox(history_delay=2) as sandbox:
        report = calibrated(sandbox, wait=60)

    (found,) = [one for one in report.findings if one.rule == "history_delay"]
    assert (found.verdict, found.sandbox) == ("differs", "shown at once")
    missing, late = map(float, re.findall(r"after (\d+\.\d) s", found.evidence))
    assert missing <= 2
    assert abs(found.value - (missing + late) / 2) <= 0.6


def test_a_sandbox_that_is_asked_is_said_to_be_one(sandbox):
    with Client(Settings.of(sandbox.environment())) as client:
        report = calibrate(client, dry_run=True)
        done = calibrate(client, quiet=True, wait=0)
    with Client(Settings(ACCOUNT, "app", "secret")) as client:
        real = calibrate(client, dry_run=True)

    for text in (str(report), str(done), done._repr_html_(), done.to_json()):
        assert "the sandbox is compared with itself" in text
    assert "sandbox is compared" not in str(real)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Look at it with --dry-run first, then say --live and --confirm 11."),
        (["--live", "--confirm", "9"], "; 9 was confirmed. Say --confirm 11."),
        (["--campaign-id", "5"], "--campaign-id and --engagement-id go together."),
    ],
)
def test_the_command_speaks_of_its_options(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)
    for name, value in {"ACCOUNT_ID": ACCOUNT, "CLIENT_ID": "app", "CLIENT_SECRET": "secret"}.items():
        monkeypatch.setenv(f"LP_{name}", value)

    assert main(["calibrate", *arguments]) == 2

    assert capsys.readouterr().err.endswith(f"{sentence}\n")


def test_no_token_and_no_secret_is_in_the_report(sandbox):
    report = calibrated(sandbox)

    for text in (str(report), report._repr_html_(), report.to_json(), report.rules_file()):
        assert sandbox.client_secret not in text
        assert not re.search(r"eyJ[\w-]{10,}\.", text)


def test_the_plan_names_consumers_and_the_count_before_anything_is_sent(sandbox, capsys):
    with Client(Settings.of(sandbox.environment())) as client:
        report = calibrate(client, dry_run=True)
        assert len(sandbox.requests) == 0
        assert str(report) == str(report.plan)
        assert report.plan.conversations == 11
        assert len(set(report.plan.consumers)) == 3
        assert calibrate(client, dry_run=True, **KNOWN).plan.conversations == 18
        done = calibrate(client, wait=1)

    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"This opens at most 11 conversations at account {ACCOUNT} through {sandbox.base},"
    used = {request.consumer for request in sandbox.requests if request.route == "conversation"}
    assert used <= set(done.plan.consumers)


def test_a_real_account_wants_live_and_the_count(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with Client(Settings(ACCOUNT, "app", "secret")) as client:
        with pytest.raises(
            RunError, match=r"at most 11 conversations at the real .*say live=True and confirm=11\.$"
        ):
            calibrate(client, quiet=True)
        with pytest.raises(RunError, match=r"Say confirm=11\.$"):
            calibrate(client, quiet=True, live=True, confirm=9)


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        ({"wait": -1}, ["wait must be from 0 to 3,600 seconds; got -1."]),
        ({"skill_id": 5}, ["skill_id must be text that is not blank; got 5."]),
        (
            {"campaign_id": "1", "offline_entry_point": "sec://x"},
            [
                "campaign_id and engagement_id go together.",
                "offline_engagement_id and offline_entry_point go together.",
            ],
        ),
        ({"out": "/no/such/folder/rules.toml"}, ["/no/such/folder/rules.toml cannot be written"]),
    ],
)
def test_arguments_that_cannot_be_are_refused_before_anything_is_sent(sandbox, arguments, sentences):
    with Client(Settings.of(sandbox.environment())) as client, pytest.raises(InvalidValueError) as refused:
        calibrate(client, **arguments)

    assert all(sentence in str(refused.value) for sentence in sentences)
    assert len(sandbox.requests) == 0


def test_every_known_id_is_an_argument():
    import inspect

    names = {field.name for field in dataclasses.fields(KnownIds)}
    assert names <= set(inspect.signature(calibrate).parameters)


TROUBLE = [
    ("status", {"code": 429}),
    ("status", {"code": 503, "work_done": True}),
    ("html", {"work_done": True}),
    ("empty", {"work_done": True}),
    ("drop_after", {}),
    ("drop_before", {}),
    ("truncate", {}),
    ("reqid_missing", {}),
    ("nan", {}),
]


@pytest.mark.parametrize(
    ("route", "fault"),
    [*(("conversation", fault) for fault in TROUBLE), *(("send", fault) for fault in TROUBLE[1:8:3])],
    ids=str,
)
def test_a_service_in_trouble_ends_in_a_report_and_nothing_stays_open_that_could_be_closed(
    sandbox, route, fault
):
    kind, options = fault
    sandbox.fail(route, kind, times=None, **options)

    report = calibrated(sandbox, wait=0)

    left = open_conversations(sandbox)
    if route == "conversation":
        assert left == []
    assert all(any(name in line for line in report.may_be_open) for name in left)
    assert (report.problem is None) == report.rules.get("chat_state_sequence", False)
    assert len(sandbox.conversations) <= 40


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("kind", ["drop_after", "status"])
def test_a_cut_in_the_middle_loses_no_conversation(sandbox, kind, times):
    options = {"code": 503, "work_done": True} if kind == "status" else {}
    sandbox.fail("conversation", kind, times=times, probability=0.6, **options)
    sandbox.fail("send", kind, times=times, probability=0.3, **options)

    report = calibrated(sandbox, wait=0)

    assert open_conversations(sandbox) == []
    assert all("(CONVERSATION: " in line for line in report.may_be_open)


@pytest.mark.parametrize("route", ["domain", "sentinel", "idp"])
def test_without_tokens_nothing_is_opened_and_the_report_says_why(sandbox, route):
    sandbox.fail(route, "status", times=None, code=503)

    report = calibrated(sandbox, wait=0)

    assert len(sandbox.conversations) == 0
    assert not report.ok
    assert "503" in str(report.problem)
    # Two of three services may have said it before.
    asked = {one.rule for one in report.findings if one.verdict != "not asked"}
    assert asked <= {"require_version", None}


def test_what_monitoring_cannot_find_is_named(sandbox):
    sandbox.fail("conversation", "drop_after", times=2)
    for route in ("engagement", "history"):
        sandbox.fail(route, "status", times=None, code=503)

    report = calibrated(sandbox, wait=0)

    (name,) = report.may_be_open
    assert name.startswith(f"a conversation of consumer {report.plan.consumers[0]} (CONVERSATION: ")
    assert "These may still be open" in str(report)


class LyingTransport(HttpTransport):
    """A transport to an account whose replies, of the paths that end so, say whatever it likes."""

    def __init__(self, status, content, end="/conversation"):
        super().__init__()
        self.status, self.content, self.end = status, content, end

    async def exchange(self, request, progress):
        exchange = await super().exchange(request, progress)
        if request.url.path.endswith(self.end):
            exchange.status, exchange.content = self.status, self.content
        return exchange


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, b"{}"),
        (200, b'[{"code":5,"body":{"conversationId":7}},[]]'),
        (200, b'[{"code":"OK","body":{"conversationId":"made-up"}}]'),
    ],
)
def test_a_reply_that_is_not_true_leaves_nothing_open_that_monitoring_knows_of(sandbox, status, content):
    settings = Settings.of(sandbox.environment())
    with Client(settings, transport=LyingTransport(status, content), wait_scale=0.01) as client:
        report = calibrate(client, quiet=True, wait=0)

    assert len(sandbox.conversations) > 0
    assert open_conversations(sandbox) == []
    assert [line.split(" of consumer")[0] for line in report.may_be_open] in (
        [],
        ["conversation made-up"],
    )


@pytest.mark.parametrize("end", ["/engagement", "/search", "/send", "/consumer", "baseURI.json"])
def test_odd_json_is_no_trouble(sandbox, end):
    odd = b'[1,{"body":5,"code":[]},{"body":{"relativePath":"//evil.example","queryParams":{"a":[1]}}}]'
    settings = Settings.of(sandbox.environment())
    with Client(settings, transport=LyingTransport(200, odd, end), wait_scale=0.01) as client:
        report = calibrate(client, quiet=True, wait=0)

    left = open_conversations(sandbox)
    assert all(any(name in line for line in report.may_be_open) for name in left)


def test_an_interrupt_closes_what_is_open_and_says_so(sandbox):
    sandbox.fail("send", "hang", times=1, seconds=30, work_done=True)

    def interrupt_when_it_hangs():
        over = time.monotonic() + 20
        while not sandbox.fault_log and time.monotonic() < over:
            time.sleep(0.01)
        _thread.interrupt_main()

    watcher = threading.Thread(target=interrupt_when_it_hangs)
    watcher.start()
    with pytest.raises(KeyboardInterrupt) as interrupted:
        calibrated(sandbox, wait=0)
    watcher.join()

    assert open_conversations(sandbox) == []
    assert "Every conversation that the calibration had opened is closed." in interrupted.value.__notes__


def test_shapes_tell_gained_and_dropped_fields_and_changed_types():
    ours, theirs = ReplyShapes(), ReplyShapes()
    ours.add("x 200", {"a": 1, "b": [{"c": "t"}], "n": None, "e": []})
    theirs.add("x 200", {"a": "1", "b": [{"d": True}], "n": 5, "e": [{"f": 1}]})
    ours.add("alone 200", {"a": 1})

    assert [(one.path, one.change, one.sandbox, one.account) for one in ours.differences(theirs)] == [
        ("a", "type", "number", "string"),
        ("b[].c", "dropped", "string", ""),
        ("b[].d", "gained", "", "boolean"),
    ]


class Gaining(HttpTransport):
    """A transport to an account whose IDP has gained a field, and whose Sentinel has lost one."""

    async def exchange(self, request, progress):
        exchange = await super().exchange(request, progress)
        if request.url.path.endswith("/consumer") and exchange.status == 201:
            exchange.content = json.dumps(json.loads(exchange.content) | {"expires": 5}).encode()
        if request.url.path.endswith("/app/token") and exchange.status == 200:
            exchange.content = exchange.content.replace(b'"token_type"', b'"tokenType"')
        return exchange


def test_a_field_that_an_account_has_gained_or_dropped_is_seen(sandbox):
    with Client(Settings.of(sandbox.environment()), transport=Gaining()) as client:
        report = calibrate(client, quiet=True, wait=0)

    assert [str(one) for one in report.shapes] == [
        "IDP 201: expires: the account has it (number), the sandbox does not",
        "Sentinel V1 200: tokenType: the account has it (string), the sandbox does not",
        "Sentinel V1 200: token_type: the sandbox has it (string), the account does not",
        "Sentinel V2 200: tokenType: the account has it (string), the sandbox does not",
        "Sentinel V2 200: token_type: the sandbox has it (string), the account does not",
    ]
    assert "5 differences in the fields of replies:" in str(report)
