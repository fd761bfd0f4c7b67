"""kill -9 under load: every conversation and every message that was answered is there afterwards.

``--drills`` makes it a hundred kills in place of four.
"""

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading

import pytest

from lpnb.sandbox import Sandbox

CLIENTS = 4
ACCOUNT = "12345678"

# Imports once and forks a sandbox for every line it reads: a start then takes a twentieth of a second.
NURSERY = """
import os, signal, sys
from lpnb.sandbox import Sandbox
import lpnb.sandbox.sandbox
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if os.fork() == 0:
        sandbox = Sandbox(state_file=line.strip()).start()
        print(os.getpid(), sandbox.port, flush=True)
        signal.pause()
"""


class Load:
    """Clients that open conversations, each for a consumer of its own, until the line is cut."""

    def __init__(self, port, name, enough):
        self.port = port
        self.name = name
        self.enough = enough
        self.token = None
        self.answered = []
        self.said = []
        """Conversation and text of every message that was answered."""
        self.reached = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            form = f"client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&grant_type=client_credentials"
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            path = f"/sentinel/api/account/{ACCOUNT}/app/token?v=1.0"
            app_jwt = self.post(line, path, form, headers)["access_token"]
            headers = {"Content-Type": "application/json", "Authorization": app_jwt}
            for turn in range(10_000):
                who = json.dumps({"ext_consumer_id": f"{self.name}-{number}-{turn}"})
                jws = self.post(line, f"/api/account/{ACCOUNT}/consumer?v=1.0", who, headers)["token"]
                path = f"/api/account/{ACCOUNT}/messaging/consumer/conversation?v=3"
                reply = self.post(line, path, BATCH, headers | {"X-LP-ON-BEHALF": jws})
                opened = reply[1]["body"]["conversationId"]
                self.answered.append(opened)
                self.say(line, opened, headers | {"X-LP-ON-BEHALF": jws})
                self.reply(line, opened)
                if len(self.answered) >= self.enough:
                    self.reached.set()
        except (OSError, http.client.HTTPException):
            return
        finally:
            line.close()

    def say(self, line, opened, headers):
        """SEND as the consumer."""
        event = {"type": "ContentEvent", "contentType": "text/plain", "message": f"consumer {opened}"}
        body = {"dialogId": opened, "event": event}
        frame = json.dumps({"kind": "req", "id": "1", "type": "ms.PublishEvent", "body": body})
        path = f"/api/account/{ACCOUNT}/messaging/consumer/conversation/send?v=3"
        assert self.post(line, path, frame, headers)["body"] == {"sequence": 0}
        self.said.append((opened, f"consumer {opened}"))

    def reply(self, line, opened):
        """Press the button on the agent's page."""
        path = f"/agent/conversations/{opened}"
        if self.token is None:
            line.request("GET", path)
            self.token = re.search(r'name="token" value="([^"]+)"', line.getresponse().read().decode())[1]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        line.request("POST", f"{path}/reply", f"token={self.token}&text=agent+{opened}", headers)
        reply = line.getresponse()
        reply.read()
        assert reply.status == 303
        self.said.append((opened, f"agent {opened}"))

    @staticmethod
    def post(line, path, body, headers):
        line.request("POST", path, body, headers)
        return json.loads(line.getresponse().read())


CLIENT_ID = Sandbox().client_id
CLIENT_SECRET = Sandbox().client_secret
BATCH = json.dumps(
    [
        {
            "kind": "req",
            "id": "1",
            "type": "userprofile.SetUserProfile",
            "body": {"authenticatedData": {"lp_sdes": [{"type": "ctmrinfo", "info": {"ctype": "vip"}}]}},
        },
        {
            "kind": "req",
            "id": "2",
            "type": "cm.ConsumerRequestConversation",
            "body": {"brandId": ACCOUNT},
        },
    ]
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
def test_no_answered_conversation_and_no_answered_message_is_lost_to_kill_9_under_load(tmp_path, drills):
    kills = 100 if drills else 4
    file = tmp_path / "state.sqlite"
    chance = random.Random(9)
    answered, said = [], []
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for kill in range(kills):
            nursery.stdin.write(f"{file}\n")
            nursery.stdin.flush()
            pid, port = map(int, nursery.stdout.readline().split())
            load = Load(port, kill, enough=chance.randint(1, 40))
            reached = load.reached.wait(30)
            os.kill(pid, signal.SIGKILL)
            for thread in load.threads:
                thread.join(30)
            assert reached
            answered += load.answered
            said += load.said
        nursery.stdin.close()

    with Sandbox(state_file=file) as sandbox:
        kept = [conversation.conversation_id for conversation in sandbox.conversations]
        kept_said = {
            (name, message.event.get("message")) for name in kept for message in sandbox.detail(name).messages
        }

    print(f"{kills} kills, {len(answered)} answered, {len(kept)} kept")
    assert set(answered) <= set(kept)
    assert set(said) <= kept_said
    assert len(said) >= kills
    assert len(set(answered)) == len(answered) >= kills
    assert len(set(kept)) == len(kept)
    # What was in work when the line was cut may be there or not, but no more than that.
    assert len(kept) <= len(answered) + kills * CLIENTS
