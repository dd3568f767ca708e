"""The local APIs of an execution environment over raw HTTP, for scripted runtimes and extensions of the tests."""
import json
import os
import socket
import sys
import time

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)
RUNTIME = "/2018-06-01/runtime/"
NEXT = RUNTIME + "invocation/next"
EXTENSION = "/2020-01-01/extension/"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def plain(self):
        return [self.status, self.body.decode()]


def bytes_of(method, path, headers=None, body=b""):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method == "POST" or body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Connection:
    def __init__(self):
        self.socket = socket.create_connection((HOST, int(PORT)))
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def ask(self, *request):
        self.send(bytes_of(*request))

    def read(self):
        line = self.file.readline()
        if not line:
            return None
        status = int(line.split()[1])
        headers = {}
        while (line := self.file.readline().rstrip(b"\r\n")):
            name, value = line.decode("latin-1").split(": ", 1)
            headers[name.lower()] = value
        return Answer(status, headers, self.file.read(int(headers.get("content-length", "0"))))

    def call(self, *request):
        self.ask(*request)
        return self.read()


connection = Connection()


def call(method, path, headers=None, body=b""):
    return connection.call(method, path, headers, body)


def next_event():
    return call("GET", NEXT)


def id_of(event):
    return event.headers["lambda-runtime-aws-request-id"]


def path_of(event, kind="response"):
    return f"{RUNTIME}invocation/{id_of(event)}/{kind}"


def respond(event, value):
    return call("POST", path_of(event), None, json.dumps(value))


def say(text):
    print(text, flush=True)


def register(name, events, headers=None):
    body = events if isinstance(events, str) else json.dumps({"events": events})
    return call("POST", EXTENSION + "register", {"Lambda-Extension-Name": name, **(headers or {})}, body)


def next_of(identifier):
    return call("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": identifier})


def report(identifier, what, error_type="Extension.Test"):
    headers = {"Lambda-Extension-Identifier": identifier, "Lambda-Extension-Function-Error-Type": error_type}
    return call("POST", EXTENSION + what, headers, "{}")


def run_extension(events, on_event=lambda event: None):
    """Registers under the file's name and takes events until it is told to end."""
    name = os.path.basename(sys.argv[0])
    identifier = register(name, events).headers["lambda-extension-identifier"]
    while True:
        event = json.loads(next_of(identifier).body)
        on_event(event)
        if event["eventType"] == "SHUTDOWN":
            say(f"{name} ends: {event['shutdownReason']}")
            return


def run_runtime():
    """Each event is `{"script": Python}`, which is to answer it; what it assigns is there for the next one."""
    names = dict(globals())
    exec(os.environ.get("INIT", ""), names)
    while True:
        event = next_event()
        names["event"] = event
        script = json.loads(event.body).get("script", "respond(event, 'ok')")
        exec(script, names)
