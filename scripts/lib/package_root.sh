#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs as root within the trial's root: installs /mitibox.deb, starts the unit's command line under
# the unit's account and capabilities, installs it again, removes it, purges it. A line a check.
# shellcheck disable=SC2317  # functions are called by check
set -uo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
failed=0
check() {
  local what=$1
  shift
  if said=$("$@" 2>&1); then
    printf 'ok    %s\n' "$what"
  else
    printf 'FAIL  %s\n' "$what"
    printf '      | %s\n' "${said//$'\n'/$'\n'      | }"
    failed=$((failed + 1))
  fi
}
step() { printf '== %s\n' "$*"; }
not() { ! "$@"; }
# Everything but what changes with any package at all.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp \
    -o -path '/var/lib/dpkg' -o -path '/var/cache' -o -path '/var/log/dpkg.log' \
    -o -path '/var/log/apt' -o -path /package_root.sh -o -path /mitibox.deb \) -prune -o -print | sort
}
UNIT=/lib/systemd/system/mitibox.service
of_unit() { sed -n "s/^$1=//p" "$UNIT"; }

# The ExecStart of the unit, as systemd would: account, capabilities, limits, directories.
unit_start() {
  local kind user caps lower EAL_OPTIONS='' MITIBOX_OPTIONS=''
  user=$(of_unit User)
  for kind in State:/var/lib Logs:/var/log Runtime:/run; do
    for name in $(of_unit "${kind%%:*}Directory"); do
      install -d -o "$user" -g "$user" "${kind##*:}/$name"
    done
  done
  # shellcheck disable=SC1090
  . "$(of_unit EnvironmentFile | sed 's/^-//')"
  lower=$(of_unit AmbientCapabilities | tr '[:upper:] ' '[:lower:],' | sed 's/cap_/+/g')
  caps="-all,$lower"
  local line
  line=$(of_unit ExecStart)
  line=${line//\$EAL_OPTIONS/$EAL_OPTIONS}
  line=${line//\$MITIBOX_OPTIONS/$MITIBOX_OPTIONS}
  # Not everyone may raise it; CAP_IPC_LOCK does not need it.
  prlimit --pid "$BASHPID" --memlock=unlimited 2>/dev/null || true
  # shellcheck disable=SC2046,SC2086
  exec env $(of_unit Environment) setpriv \
    --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
    --inh-caps="$caps" --ambient-caps="$lower" --bounding-set="$caps" $line
}

stands() {
  for _ in $(seq 100); do
    ! mitiboxctl stats >/dev/null 2>&1 || return 0
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  cat /run/log
  return 1
}
passes() {
  local answer
  echo frame >/run/ask && read -r answer </run/answer && [[ $answer == yes ]]
}
refuses() {
  local code=0
  (unit_start) >/run/log 2>&1 || code=$?
  cat /run/log
  ((code == 1)) && grep -q '/protected' /run/log
}
as_packed() {
  local said
  said=$(dpkg --verify mitibox)
  printf '%s\n' "$said"
  [[ -z $said ]]
}
owner_is() { [[ $(ps -o user= -p "$1" 2>/dev/null || stat -c %U "/proc/$1") == "$2" ]]; }
capabilities_are_few() { [[ $(sed -n 's/^CapEff:\t//p' "/proc/$1/status") == 0000000000007000 ]]; }

before=$(files)
step 'install'
check 'dpkg --install' dpkg --install /mitibox.deb
check 'every file is as packed' as_packed
check 'the unit is not enabled' test ! -e /etc/systemd/system/multi-user.target.wants/mitibox.service
check 'it has an account of its own' getent passwd mitibox
for program in mitibox mitiboxctl mitibox-replay; do
  check "$program --version" "$program" --version
done
for page in man8/mitibox.8 man8/mitiboxctl.8 man8/mitibox-doctor.8 man1/mitibox-replay.1 man5/mitibox-policy.5; do
  check "$page" gzip --test "/usr/share/man/$page.gz"
done

step "the unit's command line"
check 'refuses until a prefix is named' refuses
cat >/etc/mitibox/policy.json <<'EOT'
{ "protected": ["203.0.113.0/24"], "tables": { "connections": 4096, "sources": 4096 } }
EOT
cat >>/etc/default/mitibox <<'EOT'
EAL_OPTIONS="-l 0 --no-huge --no-pci --vdev net_af_packet0,iface=outside --vdev net_af_packet1,iface=inside"
EOT
(unit_start) >/run/log 2>&1 &
box=$!
check 'starts, and mitiboxctl reaches it' stands "$box"
check 'runs under its own account' owner_is "$box" mitibox
check 'with CAP_NET_ADMIN, CAP_NET_RAW and CAP_IPC_LOCK alone' capabilities_are_few "$box"
check 'a frame passes through it' passes
kill -TERM "$box"
code=0
wait "$box" || code=$?
check 'stops at SIGTERM with status 0' test "$code" = 0

step 'upgrade, remove, purge'
touch /var/lib/mitibox/state
check 'installed again' dpkg --force-confold --install /mitibox.deb
check 'the policy is still the operator'\''s' grep -q 203.0.113.0/24 /etc/mitibox/policy.json
check 'connections were left for the next box' compgen -G '/dev/shm/mitibox.connections-*'
check 'dpkg --remove' dpkg --remove mitibox
check 'programs are gone' not command -v mitibox
check 'policy and state stay' test -e /etc/mitibox/policy.json -a -e /var/lib/mitibox/state
check 'connections of a removed box do not' not compgen -G '/dev/shm/mitibox.connections-*'
check 'dpkg --purge' dpkg --purge mitibox
left=$(diff <(printf '%s\n' "$before") <(files))
check 'nothing is left but the account' test -z "$left"
[[ -z $left ]] || printf '%s\n' "$left"
exit $((failed > 0))
