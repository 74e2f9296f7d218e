#!/usr/bin/env python3
"""Say how large an agent's program is, how soon it answers, and how much memory is its own.

    tests/footprint.py PROGRAM [CONFIGURATION]      CONFIGURATION may name a store that was filled by a sync

Starts the program twenty times and asks `GET /v1/status` over its socket until that is answered. Then lets it idle
for five seconds and reads what the kernel says of its memory (PSS: each shared page counts for its share).
"""

import os
import re
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time

STARTS = 20
IDLE_S = 5
PATIENCE_S = 20


def answers(path: str) -> bool:
    """Whether the agent answers a request on its socket."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
            return client.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start(program: list[str], config: str, path: str) -> tuple[subprocess.Popen, float]:
    """Starts the agent, and gives how many milliseconds passed until it answered."""
    begun = time.monotonic()
    process = subprocess.Popen([*program, "--config", config, "run"], stderr=subprocess.DEVNULL)
    while not answers(path):
        if time.monotonic() - begun > PATIENCE_S or process.poll() is not None:
            process.kill()
            sys.exit("tests/footprint.py: the agent does not answer")
        time.sleep(0.0005)
    return process, (time.monotonic() - begun) * 1000


def memory_kb(pid: int) -> dict[str, int]:
    """What the kernel says of a process's memory."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return {name: int(kb) for name, kb in re.findall(r"^(\w+): +(\d+) kB", file.read(), re.M)}


def main() -> None:
    """Measures, and prints."""
    program = shlex.split(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        if len(sys.argv) > 2:
            config = sys.argv[2]
        else:
            config = f"{place}/agent.toml"
            with open(config, "w") as file:
                file.write(f'store = "{place}/agent.redb"\nsocket = "{place}/agent.sock"\n')
        path = re.search(r'^socket = "(.*)"', open(config).read(), re.M).group(1)
        times = []
        for left in reversed(range(STARTS)):
            process, ms = start(program, config, path)
            times.append(ms)
            if left == 0:
                time.sleep(IDLE_S)
                memory = memory_kb(process.pid)
            process.terminate()
            process.wait()
    print(f"program: {os.path.getsize(program[-1])} bytes")
    print(f"first answer: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms of {STARTS} starts")
    print(f"idle: PSS {memory['Pss']} kB, RSS {memory['Rss']} kB, of its own {memory['Private_Dirty']} kB")


if __name__ == "__main__":
    main()
