# SPDX-License-Identifier: BSD-3-Clause
"""The LAN that `live` has scanned: the lab of the functional tests with more services, and who asks them.

Of 253 addresses 36 are alive; 32 have two or three TCP services each, the others none.
"""

import concurrent.futures
import time

IDLE = 32  # addresses of the lab that would serve nothing
ADDRESSES = tuple(f"203.0.113.{n}" for n in range(2, 255))
LIVE = {f"203.0.113.{n}" for n in (10, 25, 40, 53, *range(100, 100 + IDLE))}
# What services have, and what people scan for.
PORTS = (21, 22, 25, 53, 80, 110, 443, 3306, 3389, 5201, 8080, 8443)
WEB = (80, 443, 8080, 8443)
SERVERS = {f"203.0.113.{n}": tuple(port for port in WEB if port != WEB[n % 4]) for n in range(100, 96 + IDLE)}
SERVICES = {"203.0.113.10": (80, 443), "203.0.113.25": (22, 25), "203.0.113.40": (21, 5201),
            "203.0.113.53": (22, 53), **SERVERS}
WELL_KNOWN = "203.0.113.10"
REAL = {(address, port) for address, ports in SERVICES.items() for port in ports}


def serve(lab, root):
    """Starts what the lab does not serve by itself."""
    greeter = ("/usr/bin/python3", root / "scripts/lib/greeter.py", "tcp-greet")
    lab.spawn("perf", "greeter-21", *greeter, 21, "220 files.lab.example")
    lab.spawn("dns", "greeter-22", *greeter, 22, "SSH-2.0-OpenSSH_9.2p1")
    folder = lab.state / "servers"
    folder.mkdir()
    listens = "\n".join(f"listen {address}:{port};" for address, ports in SERVERS.items() for port in ports)
    kept = "\n".join(f"{each}_temp_path {folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"user root;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{ }}\n"
        f"http {{ access_log off;\n{kept}\nserver {{\n{listens}\nreturn 200 'MitiBox lab';\n}} }}\n", encoding="utf-8")
    lab.spawn("idle", "servers", "nginx", "-c", folder / "nginx.conf", "-p", folder)


def answering(lab, connect_many, addresses=SERVICES):
    """{(address, port)} that the router can connect to."""
    jobs = [("203.0.113.1", (address, port)) for address in addresses for port in PORTS]
    return {each.target for each in lab.call("rtr", connect_many, jobs) if each.seconds is not None}


def request(lab, number):
    """Seconds to the first byte of the page, from a source of its own; nothing if there was none."""
    source = f"198.18.{100 + number // 250}.{1 + number % 250}"
    done = lab.run("out", "curl", "-s", "-o", "/dev/null", "-m", 12, "--interface", source, "-w",
                   "%{http_code} %{time_starttransfer}", f"http://{WELL_KNOWN}/")
    status, seconds = done.stdout.split()
    return float(seconds) if done.returncode == 0 and status == "200" else None


def requests(lab, count, a_second=10):
    """What each of so many clients got, in turn."""
    with concurrent.futures.ThreadPoolExecutor(a_second * 13) as pool:
        start, asked = time.monotonic(), []
        for number in range(count):
            time.sleep(max(0.0, start + number / a_second - time.monotonic()))
            asked.append(pool.submit(request, lab, number))
        return [each.result() for each in asked]
