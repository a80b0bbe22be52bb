# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the hosts of the lab serve. Source it after topology.sh. Everything runs from the lab's state
# directory; nothing of the machine's own configuration is read.

services_web() {
  local web=$STATE/web
  mkdir -p "$web/root" "$web/tmp"
  printf 'MitiBox lab\n' >"$web/root/index.html"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=web.lab.example -keyout "$web/key.pem" -out "$web/cert.pem" 2>/dev/null
  cat >"$web/nginx.conf" <<CONF
user root;
daemon off;
pid $web/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path $web/tmp/body;
  proxy_temp_path $web/tmp/proxy;
  fastcgi_temp_path $web/tmp/fastcgi;
  uwsgi_temp_path $web/tmp/uwsgi;
  scgi_temp_path $web/tmp/scgi;
  server {
    listen 80 backlog=16384;
    listen [::]:80 backlog=16384;
    listen 443 ssl backlog=16384;
    listen [::]:443 ssl backlog=16384;
    ssl_certificate $web/cert.pem;
    ssl_certificate_key $web/key.pem;
    root $web/root;
  }
}
CONF
  in_ns web sysctl -qw net.core.somaxconn=16384 net.ipv4.tcp_max_syn_backlog=16384
  lab_daemon web nginx nginx -c "$web/nginx.conf" -p "$web"
  lab_daemon web udpecho "$PYTHON" "$ROOT/scripts/lib/greeter.py" udp-echo 443
}

services_shell() {
  local ssh=$STATE/ssh
  mkdir -p "$ssh" /run/sshd
  chmod 700 "$ssh"
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$ssh/host"
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$ssh/client"
  cp "$ssh/client.pub" "$ssh/authorized"
  cat >"$ssh/sshd_config" <<CONF
Port 22
HostKey $ssh/host
AuthorizedKeysFile $ssh/authorized
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 4000
CONF
  lab_daemon shell sshd /usr/sbin/sshd -D -e -f "$ssh/sshd_config"
  lab_daemon shell mail "$PYTHON" "$ROOT/scripts/lib/greeter.py" tcp-greet 25 \
    '220 mail.lab.example ESMTP'
}

services_dns() {
  lab_daemon dns dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root \
    --pid-file= --no-resolv --no-hosts --no-poll --port=53 --log-facility=- \
    --address=/web.lab.example/203.0.113.10 --address=/web.lab.example/2001:db8:1::10 \
    --txt-record=lab.example,MitiBox
}

services_perf() { lab_daemon perf iperf3 iperf3 --server --port 5201; }

listening() { [[ -n $(in_ns "$1" ss -Hln "$2" "sport = :$3") ]]; }

# Starts every service and waits until each listens.
services_up() {
  services_web
  services_shell
  services_dns
  services_perf
  local at
  for at in web:-t:80 web:-t:443 web:-u:443 shell:-t:22 shell:-t:25 dns:-u:53 dns:-t:53 perf:-t:5201; do
    IFS=: read -r node kind port <<<"$at"
    poll 10 listening "$node" "$kind" "$port" ||
      die "no service listens on port $port of $node; see the logs in $STATE"
  done
}
