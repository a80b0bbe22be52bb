# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What scripts/package does beyond building. Source it after common.sh. Uses BUILD, OUT, DEB.

trial_failed=0
verdict() {
  if (($1 == 0)); then
    printf 'ok    %s\n' "$2"
  else
    printf 'FAIL  %s\n' "$2"
    trial_failed=$((trial_failed + 1))
  fi
}
# holds WHAT COMMAND...: its output is shown when it fails.
holds() {
  local what=$1 said code=0
  shift
  said=$("$@" 2>&1) || code=$?
  verdict "$code" "$what"
  ((code == 0)) || printf '      | %s\n' "${said//$'\n'/$'\n'      | }"
}

man_is_clean() {
  local said
  said=$(mandoc -T lint -W warning "$1" 2>&1 | grep -v 'outdated mandoc.db' || true)
  said+=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null)
  [[ -z $said ]] || { say "$said" && return 1; }
}

# Each option of --help stands in the man page; PROGRAM PAGE.
man_is_complete() {
  local option missing=''
  for option in $("$BUILD/app/$1" --help | grep -oE '^ +--[a-z-]+' | tr -d ' '); do
    grep -qE "\.(It|Op|Nm)? ?.*Fl -${option#--}( |$)|^\.Fl -?.*${option#--}( |$)" "$2" || missing+=" $option"
  done
  [[ -z $missing ]] || { say "not in the page:$missing" && return 1; }
}

# Each section of the policy stands in its page.
sections_are_complete() {
  "$PYTHON" - "$ROOT/docs/policy.schema.json" "$ROOT/docs/man/mitibox-policy.5" <<'EOT'
import json, re, sys
keys = json.load(open(sys.argv[1]))["properties"]
told = set(re.findall(r"Em ([a-z_]+)", open(sys.argv[2]).read()))
sys.exit("not in the page: " + " ".join(sorted(set(keys) - told)) if set(keys) - told else 0)
EOT
}

# What the lists of debian/ name is there.
lists_are_true() {
  local list pattern file lost=''
  cd "$ROOT" || return
  for list in packaging/debian/mitibox.{install,docs,examples,manpages}; do
    while read -r pattern _; do
      for file in $pattern; do [[ -e $file ]] || lost+=" $list:$pattern"; done
    done <"$list"
  done
  [[ -z $lost ]] || { say "missing:$lost" && return 1; }
}

# The unit as systemd reads it; the program itself is not installed here.
unit_is_sound() {
  local at
  at=$(mktemp -d)
  sed 's#^ExecStart=/usr/bin/mitibox#ExecStart=/bin/true#; /^Documentation=/d' \
    "$ROOT/packaging/mitibox.service" >"$at/mitibox.service"
  systemd-analyze verify --man=no "$at/mitibox.service" >"$at/said" 2>&1
  local code=$?
  [[ ! -s $at/said ]] || code=1
  cat "$at/said"
  rm -r "$at"
  return "$code"
}

# The policy that is shipped names no prefix, and says so to whoever starts with it.
default_policy_refuses() {
  local said code=0
  said=$("$BUILD/app/mitibox" --check "$ROOT/packaging/policy.json" 2>&1) || code=$?
  say "exit $code: $said"
  [[ $code == 1 && $said == */protected:* ]]
}

package_lint() {
  local page
  for page in "$ROOT"/docs/man/*; do
    holds "${page##*/} is clean roff" man_is_clean "$page"
  done
  holds 'mitibox-policy.5 has every section' sections_are_complete
  holds 'maintainer scripts pass shellcheck' shellcheck -s sh "$ROOT"/packaging/debian/*.postrm
  holds 'lists of files are true' lists_are_true
  ! command -v systemd-analyze >/dev/null || holds 'the unit is sound' unit_is_sound
  if [[ -x $BUILD/app/mitibox ]]; then
    for page in mitibox.8 mitiboxctl.8 mitibox-replay.1; do
      holds "$page has every option" man_is_complete "${page%.*}" "$ROOT/docs/man/$page"
    done
    holds "mitiboxctl.8 has the program's commands" "$ROOT/scripts/lib/man_commands.py" \
      "$BUILD/app/mitiboxctl" "$ROOT/docs/man/mitiboxctl.8"
    holds 'the shipped policy refuses to protect nothing' default_policy_refuses
  fi
  ((trial_failed == 0))
}

# bare_root NAME PACKAGES: a Debian root with what every Debian has, these, and what the package
# depends on: not yet the package.
bare_root() {
  local depends
  rm -rf --one-file-system "${OUT:?}/$1"
  depends=$(dpkg-deb --field "$DEB" Depends)
  mmdebstrap --quiet --variant=minbase --components=main --include="$2" \
    --customize-hook="chroot \"\$1\" apt-get -qq -y --no-install-recommends satisfy '$depends' >/dev/null" \
    bookworm "$OUT/$1" >"$OUT/root.log" 2>&1 ||
    { tail -n 20 "$OUT/root.log" && return 1; }
  cp "$DEB" "$OUT/$1/mitibox.deb"
  cp "$ROOT"/scripts/lib/package_{root,boot}.sh "$OUT/$1/"
}

# The unit under systemd itself, in a container with a network of its own.
package_booted() {
  local top=$OUT/boot units
  units=$top/etc/systemd/system
  chroot "$top" dpkg --install /mitibox.deb >"$OUT/boot.log" 2>&1 || return
  say '{ "protected": ["203.0.113.0/24"], "tables": { "connections": 4096, "sources": 4096 } }' \
    >"$top/etc/mitibox/policy.json"
  say 'EAL_OPTIONS="-l 0 --no-huge --no-pci --vdev net_af_packet0,iface=outside --vdev net_af_packet1,iface=inside"' \
    >>"$top/etc/default/mitibox"
  mkdir -p "$units/multi-user.target.wants"
  printf '[Service]\nType=oneshot\nStandardOutput=file:/verdict\nExecStart=/package_boot.sh\n' \
    >"$units/trial.service"
  ln -s ../trial.service "$units/multi-user.target.wants/"
  # EAL asks /sys/module whether there is VFIO.
  timeout --kill-after=5 120 systemd-nspawn --quiet --directory "$top" --boot --private-network \
    --register=no --keep-unit --bind-ro=/sys/module </dev/null >>"$OUT/boot.log" 2>&1 || true
  [[ -s $top/verdict ]] || { tail -n 20 "$OUT/boot.log" && return 1; }
  cat "$top/verdict"
  ! grep -q ^FAIL "$top/verdict"
}

package_trial() {
  need_root 'scripts/package --test'
  step 'lintian'
  holds 'no errors; warnings follow' lintian --allow-root --fail-on error "$DEB"
  lintian --allow-root --tag-display-limit 0 "$DEB" | sed 's/^/      | /' || true
  step 'a bare root'
  holds 'made from the mirror, with what the package depends on' bare_root root mawk
  ((trial_failed == 0)) || die 'the package is not fit'
  unshare --mount --net --pid --fork --kill-child -- \
    bash "$ROOT/scripts/lib/package_ground.sh" "$OUT/root" || trial_failed=$((trial_failed + 1))
  step 'under systemd'
  holds 'a root with systemd' bare_root boot systemd,systemd-sysv,dbus,iproute2
  package_booted || trial_failed=$((trial_failed + 1))
  rm -rf --one-file-system "${OUT:?}"/{root,boot}
  ((trial_failed == 0)) || die 'the package is not fit'
}
