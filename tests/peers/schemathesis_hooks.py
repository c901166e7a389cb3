"""What schemathesis must know of the API: who asks, which objects there are, and what a run must not leave behind."""

import atexit
import json
import os
import threading

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

BASE = os.environ["CONTRACT_URL"] + "/api/v1"
TOKEN = "Bearer " + os.environ["CONTRACT_TOKEN"]
LOGIN = {"name": os.environ["CONTRACT_NAME"], "password": os.environ["CONTRACT_PASSWORD"]}
REPORT = os.environ["CONTRACT_REPORT"]

# What only people can do; everything else is asked by a token that may do all.
PEOPLE = ("/auth/", "/user/credentials", "/ws-ticket")
NOWHERE = "01990000-0000-7000-8000-000000000000"
# How each kind of object that a path may name is made, and by what it is called there.
KINDS = {
    "user": ("/users", "name", lambda n: {"name": f"someone-{n}"}),
    "node": ("/nodes", "name", lambda n: {"name": f"node-{n}", "address": f"n{n}.test:443", "stats_url": f"http://127.0.0.1:{20000 + n}"}),
    "group": ("/groups", "name", lambda n: {"name": f"group-{n}"}),
    "plan": ("/plans", "name", lambda n: {"name": f"plan-{n}"}),
    "token": ("/tokens", "id", lambda n: {"name": f"token-{n}", "scopes": ["users:read"]}),
    "webhook": ("/webhooks", "id", lambda n: {"name": f"hook-{n}", "url": f"https://hooks{n}.example/x"}),
    "invite": ("/auth/invites", "id", lambda n: {}),
}

lock = threading.RLock()
answers = {}  # operation -> status -> how often
stock = {}  # kind -> names
own = set()  # what who asks is called by
made = 0
person = None


def ask(method, path, body=None):
    answer = requests.request(method, BASE + path, json=body, headers={"Authorization": TOKEN}, timeout=30)
    return answer.json() if answer.ok and answer.content else None


def login():
    global person
    with lock:
        if person is None:
            answer = requests.post(BASE + "/auth/login", json=LOGIN, timeout=30)
            answer.raise_for_status()
            person = "Bearer " + answer.json()["access_token"]
        return person


def spare(given):
    """Names of who asks lead nowhere: a run that takes itself away shows nothing more."""
    if isinstance(given, dict):
        return {key: spare(value) for key, value in given.items()}
    if isinstance(given, list):
        return [spare(value) for value in given]
    return NOWHERE if given in own else given


def fill():
    """Looks what there is, and makes what there is too little of."""
    global made
    with lock:
        if not own:
            for caller in (TOKEN, login()):
                me = requests.get(BASE + "/auth/me", headers={"Authorization": caller}, timeout=30).json()
                own.update((me["principal"], me["principal"].split(":")[1], LOGIN["name"]))
        for kind, (path, key, body) in KINDS.items():
            for _ in range(3):
                there = (ask("GET", path + "?limit=20") or {"items": []})["items"]
                there = [one for one in there if one.get("id") not in own and not one.get("revoked_at")]
                if len(there) >= 2:
                    break
                made += 1
                ask("POST", path, body(made))
            stock[kind] = [one[key] for one in there]
        devices = ask("GET", "/devices?limit=20&removed=false") or {"items": []}
        if len(devices["items"]) < 2 and stock["user"]:
            made += 1
            ask("POST", f"/users/{stock['user'][0]}/devices", {"name": f"device-{made}"})
            devices = ask("GET", "/devices?limit=20&removed=false") or {"items": []}
        stock["device"] = [one["id"] for one in devices["items"]]
        stock["owner"] = {one["id"]: one["user_id"] for one in devices["items"]}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Says who asks, and puts names of objects that are there into paths that would be allowed to name them."""
    with lock:
        if not stock:
            fill()
        path = case.operation.path.removeprefix("/api/v1")
        case.headers = {**(case.headers or {}), "Authorization": login() if path.startswith(PEOPLE) else TOKEN}
        # only what is changed is set: a case that was set anew is judged as if it had been meant so
        path_parameters, body = spare(case.path_parameters), spare(case.body)
        if path_parameters != case.path_parameters:
            case.path_parameters = path_parameters
        if body != case.body:
            case.body = body
        given = case.path_parameters or {}
        component = case.meta and case.meta.components.get(ParameterLocation.PATH)
        if component is None or not component.mode.is_positive:
            return
        for name, value in list(given.items()):
            # every fourth name stays what it was: of nobody
            there, pick = stock.get(name), sum(str(value).encode())
            if there and pick % 4:
                given[name] = there[pick % len(there)]
        if "device" in given and "user" in given:
            given["user"] = stock["owner"].get(given["device"], given["user"])


@schemathesis.hook
def after_call(context, case, response):
    """Counts, and takes back what would make the rest of the run meaningless."""
    global person
    with lock:
        operation = f"{case.operation.method.upper()} {case.operation.path}"
        seen = answers.setdefault(operation, {})
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        done = response.status_code < 300
        if response.status_code == 401 or (done and case.operation.path.startswith("/api/v1/auth/")):
            person = None
        if done and case.operation.path in ("/api/v1/admin/maintenance", "/api/v1/admin/settings"):
            ask("POST", "/admin/maintenance", {"enabled": False})
            ask("PATCH", "/admin/settings", {"deny_logins": False, "log_level": None})
        if done and (case.operation.method.upper() == "DELETE" or case.operation.path.endswith(":batch")):
            fill()


@atexit.register
def report():
    with open(REPORT, "w") as file:
        json.dump(answers, file, indent=1, sort_keys=True)
