"""The agent's local API, as a class. Answers are the agent's own JSON; docs/reading.md tells what is in them."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional
from urllib.parse import quote, urlencode

Json = Any

#: How often a write is sent again whose answer was lost.
_SENT_AGAIN_MAX = 2


class Problem(Exception):
    """What the agent answers to a request that it refuses (RFC 9457)."""

    def __init__(self, status: int, body: Mapping[str, Json]) -> None:
        super().__init__(str(body.get("detail") or body.get("title") or f"HTTP status {status}"))
        #: The HTTP status.
        self.status = status
        #: What kind of problem it is, such as ``urn:headland:problem:bad-query``.
        self.kind = str(body.get("type", "about:blank"))
        #: All that the agent said, such as the position of a mistake in a filter.
        self.body = dict(body)


@dataclass(frozen=True)
class Freshness:
    """How fresh an answer must be; unless said, it may be of any age."""

    #: ``eventual``, ``bounded`` or ``strong``.
    consistency: Optional[str] = None
    #: The greatest age of a bounded answer, such as ``30s`` or ``10m``.
    max_staleness: Optional[str] = None
    #: ``refuse``, or ``warn`` to be answered all the same.
    on_stale: Optional[str] = None

    def parameters(self) -> dict[str, str]:
        """The parameters of a request that say so."""
        wishes = {
            "consistency": self.consistency,
            "max_staleness": self.max_staleness,
            "on_stale": self.on_stale,
        }
        return {name: wish for name, wish in wishes.items() if wish is not None}


@dataclass(frozen=True)
class Event:
    """Something that a watch tells."""

    #: ``changed``, ``gone``, or ``resync``: list again.
    kind: str
    #: From where a watch goes on after this event.
    id: Optional[str]
    #: The model as it is now; of one that is gone, its namespace and name.
    data: Json


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            raise ConnectionError(
                f"asking the agent at {self._path}: {error.strerror}; is it running, and may this user use its socket?"
            ) from error
        self.sock = connection


class Agent:
    """The agent on this device. Each request has a connection of its own, so threads may share this."""

    def __init__(self, socket_path: str = "/run/headland/agent.sock", timeout_s: float = 10.0) -> None:
        self._path = socket_path
        self._timeout_s = timeout_s

    def status(self) -> Json:
        """How the agent is."""
        return self._ask("GET", "/v1/status")

    def models(
        self,
        *,
        namespace: Optional[str] = None,
        filter: Optional[str] = None,
        order_by: Optional[str] = None,
        q: Optional[str] = None,
        fields: Optional[str] = None,
        page_size: Optional[int] = None,
        freshness: Freshness = Freshness(),
    ) -> Iterator[Json]:
        """All models that are wanted, page by page as they are taken."""
        path = "/v1/models" if namespace is None else f"/v1/namespaces/{_segment(namespace)}/models"
        wishes = {"filter": filter, "order_by": order_by, "q": q, "fields": fields, "page_size": page_size}
        token: Optional[str] = None
        while True:
            page = self._ask("GET", path, {**wishes, "page_token": token, **freshness.parameters()})
            yield from page["models"]
            token = page.get("next_page_token")
            if token is None:
                return

    def model(self, name: str, *, namespace: str = "default", freshness: Freshness = Freshness()) -> Json:
        """One model, as ``model``, with how old that is."""
        return self._ask("GET", _model(namespace, name), freshness.parameters())

    def why(self, name: str, attribute: str, *, namespace: str = "default") -> Json:
        """Which write of an attribute is shown, by which rule, against what."""
        return self._ask("GET", _model(namespace, name) + "/why", {"attribute": attribute})

    def resolve(
        self,
        task: str,
        *,
        namespace: Optional[str] = None,
        need: Optional[Mapping[str, Json]] = None,
        alias: Optional[str] = None,
        approval: Optional[str] = None,
        freshness: Freshness = Freshness(),
    ) -> Json:
        """Which version this device should use now (``answer``, or None there), and why none of the others."""
        question = {"task": task, "namespace": namespace, "need": need, "alias": alias, "approval": approval}
        question = {name: value for name, value in question.items() if value is not None}
        return self._ask("POST", "/v1/resolve", freshness.parameters(), question)

    def annotate(
        self, name: str, text: str, *, subject: Optional[str] = None, namespace: str = "default"
    ) -> str:
        """Writes a note; returns its id once it is durable on the device."""
        note = {"text": text} if subject is None else {"text": text, "subject": subject}
        return str(self._write("POST", _model(namespace, name) + "/annotations", note)["id"])

    def remove_annotation(self, name: str, id: str, *, namespace: str = "default") -> None:
        """Takes an own note back."""
        self._write("DELETE", f"{_model(namespace, name)}/annotations/{_segment(id)}", None)

    def count(self, name: str, amount: int = 1, *, namespace: str = "default") -> Json:
        """Counts uses; returns what this device has counted, once it is durable there."""
        return self._write("POST", _model(namespace, name) + "/usage", {"amount": amount})

    def report(self, name: str, availability: Optional[str], *, namespace: str = "default") -> Json:
        """Says whether a model can be used here ("up", "degraded", "down"); None takes back what was said."""
        return self._write("POST", _model(namespace, name) + "/availability", {"availability": availability})

    def watch(
        self,
        *,
        namespace: Optional[str] = None,
        filter: Optional[str] = None,
        q: Optional[str] = None,
        position: Optional[str] = None,
        last_event_id: Optional[str] = None,
    ) -> Iterator[Event]:
        """What changes, as it comes, until the agent ends; after ``resync`` everything may have changed.

        ``position`` is that of a listing, ``last_event_id`` the id of the event after which to go on.
        """
        wishes = {"namespace": namespace, "filter": filter, "q": q, "from": position}
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        # The agent says something every 15 seconds; beyond three times that the connection is dead.
        connection = _OverSocket(self._path, 45.0)
        try:
            connection.request("GET", _target("/v1/watch", wishes), headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise _problem(answer)
            yield from _events(answer)
        finally:
            connection.close()

    def _write(self, method: str, path: str, body: Json) -> Json:
        key = str(uuid.uuid4())
        for again in range(_SENT_AGAIN_MAX + 1):
            try:
                return self._ask(method, path, None, body, {"Idempotency-Key": key})
            except (http.client.HTTPException, OSError):
                if again == _SENT_AGAIN_MAX:
                    raise
        raise AssertionError("the loop returns or raises")

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Optional[Mapping[str, Json]] = None,
        body: Json = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Json:
        connection = _OverSocket(self._path, self._timeout_s)
        try:
            sent = None if body is None else json.dumps(body).encode()
            kind = {} if sent is None else {"Content-Type": "application/json"}
            connection.request(method, _target(path, parameters or {}), sent, {**kind, **(headers or {})})
            answer = connection.getresponse()
            if answer.status >= 400:
                raise _problem(answer)
            text = answer.read()
            return json.loads(text) if text else None
        finally:
            connection.close()


def _segment(name: str) -> str:
    return quote(name, safe="")


def _model(namespace: str, name: str) -> str:
    return f"/v1/namespaces/{_segment(namespace)}/models/{_segment(name)}"


def _target(path: str, parameters: Mapping[str, Json]) -> str:
    wanted = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def _problem(answer: http.client.HTTPResponse) -> Problem:
    text = answer.read()
    try:
        body = json.loads(text)
    except ValueError:
        body = {"detail": text.decode(errors="replace")}
    return Problem(answer.status, body if isinstance(body, dict) else {"detail": str(body)})


def _events(lines: http.client.HTTPResponse) -> Iterator[Event]:
    """Reads server-sent events, as the HTML standard has them."""
    kind, id, data = "message", None, []
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if not line:
            if data:
                yield Event(kind, id, json.loads("\n".join(data)))
            kind, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "event":
            kind = value
        elif field == "id":
            id = value
        elif field == "data":
            data.append(value)
