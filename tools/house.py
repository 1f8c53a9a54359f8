"""house.py - what scripts share that start our programs: none of them stays behind."""

import json
import os
import signal
import subprocess
import threading

BIN = "build/bin"
HOST = "127.0.0.1"


class Failed(Exception):
    """What went wrong, in words for people."""


class Stopped(Exception):
    """Somebody asked us to end: Ctrl-C, SIGTERM, or the terminal is gone."""


def say(text=""):
    print(text, flush=True)


def program(name):
    path = os.path.join(BIN, name)
    if not os.path.exists(path):
        raise Failed("there is no %s; try ./dev build" % path)
    return path


class House:
    """The processes that were started; leaving it ends them, the youngest first."""

    def __init__(self):
        self.processes = []

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        return self

    @staticmethod
    def on_signal(number, frame):
        raise Stopped(signal.Signals(number).name)

    def start(self, name, *arguments, **options):
        """Starts one of our programs. Should we be killed outright, the kernel ends it for us."""
        process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", program(name), *arguments],
                                   stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stubborn = []
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                stubborn.append(process.args[3])
        # Words come last: a terminal that has stopped must not keep anything alive.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for name in stubborn:
            say("dev: %s did not end within 10 s and was killed" % name)


def start_cloud(house, data, http_port=0, device_port=0):
    """Starts cyand on this folder and waits until it is ready: (process, HTTP address, device address)."""
    os.makedirs(data, mode=0o700, exist_ok=True)
    log_path = os.path.join(data, "cyand.log")
    with open(log_path, "ab") as log:
        at = log.tell()
        cloud = house.start("cyand", "--data", data, "--http", "%s:%d" % (HOST, http_port),
                            "--device", "%s:%d" % (HOST, device_port),
                            stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    limit = threading.Timer(30, cloud.kill)
    limit.start()
    words = cloud.stdout.readline().decode().split()
    limit.cancel()
    if words[:2] != ["cyand", "ready"]:
        cloud.wait()
        with open(log_path, "rb") as log:
            log.seek(at)
            said = log.read().decode("utf-8", "replace")
        raise Failed("cyand did not start (%d):\n%s" % (cloud.returncode, said))
    addresses = dict(word.split("=", 1) for word in words[2:])
    return cloud, addresses["http"], addresses["device"]


def cyan(*arguments, given=""):
    """Runs a command of cyan with this on its stdin: its data, or Failed with what it said."""
    done = subprocess.run([program("cyan"), *arguments, "--json"], input=given.encode(),
                          capture_output=True, timeout=30, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode != 0 or not answer.get("ok"):
        said = answer.get("error", {}).get("message") or done.stderr.decode("utf-8", "replace").strip()
        raise Failed("cyan %s: %s" % (" ".join(arguments), said or "exit %d" % done.returncode))
    return answer.get("data")


def read_lines(lines, source, stream):
    for line in stream:
        lines.put((source, line.decode("utf-8", "replace").rstrip("\n")))
    lines.put((source, None))


def follow(lines, source, stream):
    threading.Thread(target=read_lines, args=(lines, source, stream), daemon=True).start()


def as_object(line):
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
