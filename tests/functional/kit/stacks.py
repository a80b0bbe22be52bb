# SPDX-License-Identifier: BSD-3-Clause
"""Hosts of three stack configurations, and the destinations that should look alike all the same."""

# A host as installed; one without timestamps, with another TTL and a small window; one that neither
# scales windows nor acknowledges selectively.
STACKS = {"web": [],
          "shell": ["net.ipv4.tcp_timestamps=0", "net.ipv4.ip_default_ttl=128",
                    "net.ipv6.conf.all.hop_limit=128", "net.ipv6.conf.eth0.hop_limit=128",
                    "net.ipv4.tcp_rmem=4096 16384 16384"],
          "dns": ["net.ipv4.tcp_window_scaling=0", "net.ipv4.tcp_sack=0",
                  "net.ipv4.tcp_timestamps=0"]}
CLASSES = {
    "service": "203.0.113.10:80,203.0.113.25:22,203.0.113.25:25,203.0.113.53:53,"
               "[2001:db8:1::10]:80,[2001:db8:1::25]:22,[2001:db8:1::53]:53",
    "closed": "203.0.113.10:81,203.0.113.25:23,203.0.113.53:54,[2001:db8:1::10]:81,"
              "[2001:db8:1::25]:23,[2001:db8:1::53]:54",
    "dark": "203.0.113.77:80,203.0.113.130:22,203.0.113.199:25,[2001:db8:1::d3]:80,"
            "[2001:db8:1::d7]:22"}
PINGED = {"live": "203.0.113.25,203.0.113.53,[2001:db8:1::25],[2001:db8:1::53]",
          "dark": "203.0.113.77,203.0.113.130,[2001:db8:1::d3],[2001:db8:1::d7]"}


def configure(lab):
    """Gives the lab's hosts their stacks."""
    for node, settings in STACKS.items():
        for setting in settings:
            lab.run(node, "sysctl", "-qw", setting)
