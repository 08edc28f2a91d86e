"""`cloudward run` on a stage: a script in the place of the system's `eslogger`, a FIFO in the place of the tap, its records in a pipe or file."""
import os, re, signal, subprocess, sys, tempfile, time

# Stamps each line when it comes. A process of its own: what feeds must not keep it waiting.
STAMPER = ("import sys, time\nfor line in sys.stdin.buffer:\n"
            "    sys.stdout.write('%.6f ' % time.time() + line.decode(errors='replace'))\n    sys.stdout.flush()")


class Stage:
    """A folder with a configuration, an `eslogger` and, once started, the daemon. A context manager: the daemon ends with it."""

    def __init__(self, cloudward, script, config, stamp=False, capture=True):
        self.cloudward, self.stamp, self.daemon, self.reader = cloudward, stamp, None, None
        self.holder = tempfile.TemporaryDirectory()
        self.folder = self.holder.name
        os.mkdir(self.path("bin"))
        with open(self.path("bin/eslogger"), "w") as out:
            out.write("#!/bin/sh\ncd '%s'\n%s\n" % (self.folder, script))
        os.chmod(self.path("bin/eslogger"), 0o755)
        for name in ("events", "packets"):
            os.mkfifo(self.path(name))
        self.capture = self.path("packets") if capture else "off"
        self.configure(config)

    def configure(self, config):
        places = '[sensor]\ncapture = "%s"\n[daemon]\nstate = "%s"\nsocket = "%s"\n' % (
            self.capture, self.path("state"), self.path("control.sock"))
        with open(self.path("config.toml"), "w") as out:
            out.write(places + config)
        os.chmod(self.path("config.toml"), 0o600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        environment = {**os.environ, "PATH": self.path("bin") + ":/usr/bin:/bin"}
        environment.pop("CLOUDWARD_LOG", None)
        records = open(self.path("records"), "ab")
        if self.stamp:
            self.reader = subprocess.Popen([sys.executable, "-c", STAMPER], stdin=subprocess.PIPE, stdout=records)
        self.began = time.time()
        self.daemon = subprocess.Popen(
            [self.cloudward, "run", "--sensor", "eslogger", "--config", self.path("config.toml")], env=environment,
            stdin=subprocess.DEVNULL, stdout=self.reader.stdin if self.stamp else records, stderr=open(self.path("log"), "ab"))
        if self.stamp:
            self.reader.stdin.close()
        return self

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_for(self, name, text, patience=60):
        end = time.time() + patience
        while text not in self.read(name):
            if time.time() > end or self.daemon.poll() is not None:
                raise SystemExit("`%s` never came into %s:\n%s" % (text, name, self.read("log")[-4000:]))
            time.sleep(0.005)

    def processor(self):
        """Seconds of CPU the daemon has had, all threads."""
        total = 0
        for thread in os.listdir("/proc/%d/task" % self.daemon.pid):
            try:
                with open("/proc/%d/task/%s/schedstat" % (self.daemon.pid, thread)) as file:
                    total += int(file.read().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def memory(self):
        """MiB the daemon holds now."""
        with open("/proc/%d/status" % self.daemon.pid) as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def stop(self):
        """Ends it in order; the numbers it leaves with."""
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
        status = self.daemon.wait(60)
        if self.reader:
            self.reader.wait(60)
        if status != 0:
            raise SystemExit("cloudward run ended with %d:\n%s" % (status, self.read("log")[-4000:]))
        said = re.findall(r"stopped (.*)", self.read("log"))
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", said[-1] if said else "")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.daemon, self.reader):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.holder.cleanup()
