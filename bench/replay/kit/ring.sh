# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Runs a benchmark that needs no replayed ports. Source it.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib/common.sh"

PAGES=/sys/kernel/mm/hugepages/hugepages-2048kB

# ring_bench NAME LCORES PAGES [options]: above everything else, if permitted.
ring_bench() {
  local program=${MITIBOX_BUILD:-$ROOT/build}/bench/replay/mitibox-bench-$1 lcores=$2 pages=$3
  local free total first=()
  shift 3
  [[ $EUID -eq 0 ]] || die "needs root (huge pages): run it with sudo"
  [[ -x $program ]] || die "there is no $program: build first (scripts/build)"
  grep -q ' hugetlbfs ' /proc/mounts ||
    die "no hugetlbfs is mounted: mkdir -p /dev/hugepages && mount -t hugetlbfs none /dev/hugepages"
  free=$(cat "$PAGES/free_hugepages") total=$(cat "$PAGES/nr_hugepages")
  ((free >= pages)) ||
    die "$pages huge pages of 2 MiB are needed, $free of $total are free:" \
      "echo $((total - free + pages)) > $PAGES/nr_hugepages"
  # One measurement at a time on this machine, whoever else measures.
  exec 9>/run/lock/mitibox-bench
  flock 9
  if chrt -f 10 true 2>/dev/null; then first=(chrt -f 10); fi
  "${first[@]}" "$program" -l "$lcores" --no-pci --no-telemetry --huge-unlink --log-level 4 \
    --file-prefix "${program##*/}-$$" -- "$@"
}
