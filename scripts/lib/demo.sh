# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What scripts/run shows: a scanner and genuine clients, without and with the box. Source it after
# box.sh. Results go to STATE/WHEN.*, WHEN being `without` or `with`.

readonly SWEPT=203.0.113.2-254
readonly SCANNED=203.0.113.10,25,40,53,100-103,150-189
readonly SCANNED_PORTS=22,25,53,80,443,3306,3389,5201
readonly TRUE_OPEN='203.0.113.10:80 203.0.113.10:443 203.0.113.25:22 203.0.113.25:25 203.0.113.40:5201 203.0.113.53:53'
readonly TRIES=12

true_alive() {
  local i
  for i in 10 25 40 53 {100..115}; do say "203.0.113.$i"; done
}
true_open() { tr ' ' '\n' <<<"$TRUE_OPEN"; }

demo_scan() {
  local when=$STATE/$1
  in_ns out nmap -n -sn -PE --disable-arp-ping --max-retries 0 -T4 -e eth0 -S 198.18.66.1 \
    -oG "$when.sweep" "$SWEPT" >/dev/null 2>&1
  in_ns out nmap -n -Pn -sS --disable-arp-ping --max-retries 0 -T4 -e eth0 -S 198.18.66.2 \
    -p "$SCANNED_PORTS" -oG "$when.scan" "$SCANNED" >/dev/null 2>&1
  awk '/Status: Up/ { print $2 }' "$when.sweep" | sort -u >"$when.alive"
  awk '/Ports:/ { host = $2; sub(/.*Ports: /, "")
      n = split($0, p, ", "); for (i = 1; i <= n; i++) { split(p[i], f, "/")
      if (f[2] == "open") print host ":" f[1] } }' "$when.scan" | sort -u >"$when.open"
}

# attempt FILE COMMAND...: appends "ok SECONDS" or "no SECONDS".
attempt() {
  local file=$1 start=${EPOCHREALTIME/./} word=ok
  shift
  in_ns out timeout 12 "$@" >/dev/null 2>&1 || word=no
  printf '%s %d\n' "$word" $(((${EPOCHREALTIME/./} - start) / 1000)) >>"$file"
}

# clients WHEN NAME COMMAND...: TRIES clients at once; {} and {6} are each one's own addresses.
clients() {
  local when=$1 name=$2 i words
  shift 2
  for ((i = 1; i <= TRIES; i++)); do
    client=$((client + 1))
    words=("${@//\{\}/198.18.$((client / 250 + 1)).$((client % 250 + 1))}")
    attempt "$STATE/$when.$name" "${words[@]//\{6\}/2001:db8:f:$client::1}" &
  done
  wait
}

client_names=(http4 http6 https dns ssh smtp ping)
declare -A client_titles=(
  [http4]='HTTP over IPv4 (curl)' [http6]='HTTP over IPv6 (curl)' [https]='HTTPS (curl)'
  [dns]='DNS over UDP (dig)' [ssh]='SSH login and command' [smtp]='SMTP greeting and QUIT'
  [ping]='ping -c 10, at least one answer'
)

demo_clients() {
  local when=$1
  client=0
  clients "$when" http4 curl -sf --interface '{}' http://203.0.113.10/
  clients "$when" http6 curl -sfg --interface '{6}' 'http://[2001:db8:1::10]/'
  clients "$when" https curl -sfk --interface '{}' https://203.0.113.10/
  clients "$when" dns dig +tries=4 +timeout=2 -b '{}' @203.0.113.53 web.lab.example
  clients "$when" ssh ssh -b '{}' -i "$STATE/ssh/client" -o BatchMode=yes -o LogLevel=ERROR \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@203.0.113.25 true
  clients "$when" smtp bash -c 'exec 3<>/dev/tcp/203.0.113.25/25 && read -r line <&3 &&
    [[ $line == 220* ]] && echo QUIT >&3'
  clients "$when" ping ping -q -c 10 -i 0.2 -W 1 -I '{}' 203.0.113.10
  demo_iperf "$when" up
  demo_iperf "$when" down --reverse
}

demo_iperf() {
  in_ns out timeout 20 iperf3 --json -c 203.0.113.40 -t 2 "${@:3}" 2>/dev/null | "$PYTHON" -c '
import json, sys
print(round(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6), "Mbit/s")
' >"$STATE/$1.iperf-$2" 2>/dev/null || echo failed >"$STATE/$1.iperf-$2"
}

common() { comm -12 "$1" <(sort -u) | wc -l; }
count() { wc -l <"$1"; }
fared() {
  awk '$1 == "ok" { n++; if ($2 > slow) slow = $2 }
    END { printf "%d of %d, slowest %.2f s", n, NR, slow / 1000 }' "$1"
}
percent() { if (($2)); then say "$((100 * $1 / $2))%"; else say '-'; fi; }
line() { printf '%-46s %-12s %-24s %s\n' "$@"; }

demo_table() {
  local a=$STATE/without b=$STATE/with name
  line '' truth 'without the box' 'with the box'
  line 'Scanner: nmap'
  line "  alive ($SWEPT)" "$(true_alive | wc -l)" "$(count "$a.alive")" "$(count "$b.alive")"
  line '    really alive among them' '' "$(true_alive | common "$a.alive")" \
    "$(true_alive | common "$b.alive")"
  line "  open (48 addresses, 8 ports)" "$(true_open | wc -l)" "$(count "$a.open")" \
    "$(count "$b.open")"
  line '    really open among them' '' "$(true_open | common "$a.open")" \
    "$(true_open | common "$b.open")"
  line '    an "open" is true in' '' "$(percent "$(true_open | common "$a.open")" "$(count "$a.open")")" \
    "$(percent "$(true_open | common "$b.open")" "$(count "$b.open")")"
  line "Genuine clients, $TRIES each"
  for name in "${client_names[@]}"; do
    line "  ${client_titles[$name]}" '' "$(fared "$a.$name")" "$(fared "$b.$name")"
  done
  line '  iperf3 to the LAN' '' "$(<"$a.iperf-up")" "$(<"$b.iperf-up")"
  line '  iperf3 from the LAN' '' "$(<"$a.iperf-down")" "$(<"$b.iperf-down")"
}
