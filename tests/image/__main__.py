"""Tries images without an engine: python3 tests/image --buildah "buildah …" --image doorward amd64 arm64"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

import confine
import world

LIMIT = 25 * 1024 * 1024
PASSWORD = "correct horse battery staple"
HERE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def say(text):
    print(f"image-test: {text}", file=sys.stderr, flush=True)


def demand(holds, text):
    if not holds:
        raise SystemExit(f"image-test: {text}")


class Image:
    """One architecture of the image, laid out in a folder that a test may write to."""

    def __init__(self, buildah, image, architecture, folder):
        run = lambda *words: subprocess.run([*buildah, *words], check=True, capture_output=True, text=True).stdout.strip()
        self.architecture, self.root = architecture, os.path.join(folder, "root")
        container = run("from", "--pull-never", "--arch", architecture, image)
        try:
            self.config = json.loads(run("inspect", "--type", "container", container))["Docker"]["config"]
            subprocess.run(["cp", "-a", run("mount", container), self.root], check=True)
        finally:
            run("rm", container)
        self.files = [os.path.join(at, name) for at, _, names in os.walk(self.root) for name in names]
        self.size = sum(os.lstat(file).st_size for file in self.files)
        # An engine would give these.
        self.write("etc/hosts", "127.0.0.1 localhost app.hosts\n")
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.words = []
        if architecture != HERE:
            emulator = {"arm64": "qemu-aarch64-static", "amd64": "qemu-x86_64-static"}[architecture]
            shutil.copy(shutil.which(emulator), os.path.join(self.root, "emulator"))
            self.words = ["/emulator"]

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, command=None, environment=(), user=None, volume=None, **how):
        """As `docker run --read-only --cap-drop ALL -v VOLUME:/var/lib/doorward -u USER -e …`."""
        variables = dict(variable.split("=", 1) for variable in self.config["Env"])
        variables.update(environment)
        uid, gid = user or map(int, self.config["User"].split(":"))
        [entry] = self.config["Entrypoint"]
        program = next(f"{at}/{entry}" for at in variables["PATH"].split(":") if os.path.exists(f"{self.root}{at}/{entry}"))
        volumes = {"/var/lib/doorward": volume} if volume else {}
        enter = lambda: confine.enter(self.root, uid, gid, volumes, self.config["WorkingDir"])
        words = [*self.words, program, *(command or self.config["Cmd"])]
        return subprocess.Popen(words, env=variables, preexec_fn=enter, text=True, **how)

    def run(self, *command, **how):
        process = self.start(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(how.get("input", ""))
        demand(process.returncode == 0, f"{' '.join(command)} ends with {process.returncode}: {err}")
        return out.strip()


def look(image):
    """What can be said of it without starting it."""
    config = image.config
    demand(config["User"] == "10001:10001", f"the user is {config['User']}")
    demand("8080/tcp" in config["ExposedPorts"], "port 8080 is not exposed")
    demand("/var/lib/doorward" in config["Volumes"], "there is no volume")
    demand(config["Healthcheck"]["Test"] == ["CMD", "doorward", "healthcheck"], "there is no health check")
    for name in ("title", "licenses", "source", "version", "revision"):
        demand(config["Labels"].get(f"org.opencontainers.image.{name}"), f"there is no label {name}")
    demand(image.size <= LIMIT, f"it has {image.size} bytes unpacked, more than {LIMIT}")
    with open(f"{image.root}/usr/share/doc/doorward/THIRD-PARTY", encoding="utf-8") as file:
        demand("\npingora-proxy " in file.read(), "the licences of what is compiled in are missing")
    headers = subprocess.run(["readelf", "--program-headers", "--file-header", f"{image.root}/usr/local/bin/doorward"],
                             check=True, capture_output=True, text=True).stdout
    demand("INTERP" not in headers, "the program is not static")
    machine = {"amd64": "X86-64", "arm64": "AArch64"}[image.architecture]
    demand(machine in headers, f"the program is not for {image.architecture}")
    say(f"{image.architecture}: {len(image.files)} files, {image.size / 1024 / 1024:.1f} MiB unpacked, static")


class Gateway:
    """The image's own command, ready and signed in to, and stopped at the end."""

    def __init__(self, image, what, volume, environment, user=None):
        self.what = f"{image.architecture}: {what}"
        self.log = tempfile.TemporaryFile("w+")
        self.process = image.start(environment=environment, user=user, volume=volume, stdout=self.log, stderr=self.log)
        self.image, self.environment, self.user = image, environment, user

    def healthy(self):
        demand(self.process.poll() is None, f"{self.what}: it ended: {self.said()}")
        check = self.image.start(self.image.config["Healthcheck"]["Test"][2:], self.environment, self.user, stderr=subprocess.DEVNULL)
        return check.wait() == 0

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        try:
            world.until(f"{self.what}: the gateway", self.healthy)
        except BaseException:
            self.process.kill()
            say(self.said())
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            say(self.said())
        self.process.terminate()
        demand(self.process.wait(timeout=60) == 0, f"{self.what}: SIGTERM ends it with {self.process.returncode}")
        if not kind:
            say(self.what)


def proxies(password=PASSWORD):
    answer, _ = world.ask("GET", "/")
    demand(answer.status == 401, f"without a session it answers {answer.status}")
    answer, body = world.ask("GET", "/", cookie=world.sign_in(password))
    demand((answer.status, body) == (200, b"hello alice"), f"with a session it answers {answer.status}: {body}")


def before(image, volume, url):
    """Where the app is. qemu's emulation lacks an option that Pingora sets on sockets of IPv4
    (IP_BIND_ADDRESS_NO_PORT), so the app is on a socket in the volume there."""
    if not image.words:
        return {"DOORWARD_UPSTREAM": url}
    world.app(f"{volume}/app.sock")
    return {"DOORWARD_UPSTREAM": "unix:/var/lib/doorward/app.sock"}


def attempt(image, folder):
    look(image)
    demand(image.run("--version").startswith("doorward "), "it does not say its version")
    hashed = image.run("hash-password", input=PASSWORD + "\n")
    demand(hashed.startswith("$argon2id$"), f"hash-password prints {hashed}")

    def volume(name, mode=0o1777):
        path = os.path.join(folder, name)
        os.mkdir(path)
        os.chmod(path, mode)
        return path

    users = {"DOORWARD_USERS": f"alice:{hashed}"}
    own = volume("own", 0o700)
    os.chown(own, 10001, 10001)
    with Gateway(image, "two variables are a whole set-up", own, {**before(image, own, "http://127.0.0.1:3000"), **users}):
        proxies()
    kept = os.listdir(f"{own}/data")
    demand("keys.json" in kept, f"the keys are not in the volume: {kept}")

    shared = volume("shared", 0o2775)
    os.chown(shared, 0, 2000)
    with Gateway(image, "any user, in a volume of its group", shared,
                 {**before(image, shared, "http://app.hosts:3000"), **users}, user=(1234567, 2000)):
        proxies()

    # As the image has it: a new volume takes the owner and the mode of the folder.
    mode = os.stat(f"{image.root}/var/lib/doorward").st_mode & 0o7777
    fresh = volume("any", mode)
    secure = {} if image.words else {"DOORWARD_UPSTREAM": "https://app.example:3443"}
    with Gateway(image, "any user" + (", and TLS to the app" if secure else ""), fresh,
                 {**before(image, fresh, ""), **secure, **users}, user=(1234567, 0)):
        proxies()

    redis = world.redis(folder, 6379)
    try:
        shares = {"DOORWARD_SESSION_STORE_REDIS_URL": "redis://app.example:6379", "DOORWARD_SIGNING_KEY": "k" * 32}
        other = volume("redis")
        with Gateway(image, "a Redis, by a name", other, {**before(image, other, "http://127.0.0.1:3000"), **shares, **users}):
            proxies()
        count = subprocess.run(["redis-cli", "dbsize"], check=True, capture_output=True, text=True).stdout
        demand(int(count) > 0, "the sessions are not in Redis")
    finally:
        redis.terminate()
        redis.wait()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--buildah", default="buildah")
    arguments.add_argument("--image", default="doorward")
    arguments.add_argument("architectures", nargs="+")
    arguments = arguments.parse_args()
    # A network of our own: the ports of the image are free there, and so is that of names.
    confine.unshare(confine.CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    world.names({"app.example": "127.0.0.1"})
    world.app(3000)
    with tempfile.TemporaryDirectory() as folder:
        cert, key, ca = world.certificate(folder, "app.example")
        world.app(3443, (cert, key))
        for architecture in arguments.architectures:
            place = os.path.join(folder, architecture)
            os.mkdir(place)
            os.chmod(folder, 0o755)
            image = Image(arguments.buildah.split(), arguments.image, architecture, place)
            with open(ca, encoding="utf-8") as ours, open(f"{image.root}/etc/ssl/certs/ca-certificates.crt", "a", encoding="utf-8") as known:
                known.write(ours.read())
            attempt(image, place)


main()
