"""Uses a running agent by the Python client; the argument is its socket. Run by `clients.rs`."""

import sys
import threading

from headland_agent import Agent, Freshness, Problem

NAME = "farm/detector:1"

agent = Agent(sys.argv[1])
assert agent.status()["models"] == 3

names = [model["name"] for model in agent.models(filter='task = "detection"', page_size=1)]
assert names == [NAME, "farm/second"], names
assert [model["name"] for model in agent.models(q="weeds")] == ["farm/second"]
assert agent.model(NAME)["model"]["attributes"]["license"] == "mit"
assert "registry" in str(agent.why(NAME, "license"))
fresh = Freshness(consistency="strong")
assert agent.model(NAME, freshness=fresh)["bound_holds"] is True

answer = agent.resolve("detection", approval="field-use")
assert (answer["answer"]["model"], answer["answer"]["version"]) == (NAME, "1.5"), answer
assert agent.resolve("detection", alias="nobody")["answer"] is None

for refused, status in [
    (lambda: list(agent.models(filter="task = = 3")), 400),
    (lambda: agent.model("farm/none"), 404),
    (lambda: agent.annotate("farm/none", "nothing to note about"), 404),
]:
    try:
        refused()
    except Problem as problem:
        assert problem.status == status and str(problem), problem
    else:
        raise AssertionError(f"not refused with {status}")

seen = []
told = threading.Event()


def watch(events):
    for event in events:
        seen.append(event)
        told.set()
        return


position = agent._ask("GET", "/v1/models")["position"]
watcher = threading.Thread(target=watch, args=(agent.watch(filter='task = "detection"', position=position),))
watcher.start()
note = agent.annotate(NAME, "misses rust – sometimes", subject="crop 7/8")
assert told.wait(20), "the watch told nothing"
watcher.join()
assert seen[0].kind == "changed" and seen[0].data["annotations"][0]["text"] == "misses rust – sometimes", seen
assert seen[0].id

assert agent.count(NAME, 3)["added"] == 3
assert agent.count(NAME, -1)["removed"] == 1
assert agent.report(NAME, "down") == {"reported": "down"}
assert agent.resolve("detection", approval="field-use")["answer"] is None
assert agent.report(NAME, None) == {"reported": None}
assert agent.resolve("detection", approval="field-use")["answer"]["model"] == NAME
agent.remove_annotation(NAME, note)
assert "annotations" not in agent.model(NAME)["model"]

try:
    Agent(sys.argv[1] + ".none").status()
except ConnectionError as error:
    assert "is it running" in str(error), error
else:
    raise AssertionError("there is no such socket")
print("all is well")
