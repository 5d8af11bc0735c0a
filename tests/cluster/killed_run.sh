#!/bin/bash
# usage: killed_run.sh RUN PROGRAM    RUN is tests/cluster/run, PROGRAM cluster_traffic_tests.
#
# However a cluster ends, in the middle of a job or while it comes up, nothing of it is left: no process, no namespace, no mount, no
# device, no file. With LOCUM_ALL_ENDS, of each signal at each time; else each once. Skipped, as RUN is, where there can be no cluster.
set -u
set -m  # what this starts in the background may get a SIGINT
run=$(realpath "$1") program=$(realpath "$2")
here=$(dirname "$run")
# shellcheck source=tests/cluster/common.sh
. "$here/common.sh"
work=$(mktemp -d)
trap 'kill -KILL $(of_cluster) 2>/dev/null; rm -rf "$work"' EXIT
mark=CLUSTER_TEST_MARK=$$.$RANDOM  # all processes of the cluster, and no other, have it in their environment

reason=$("$run" --hosts 1 -- true)
status=$?
[ $status != 77 ] || { echo "$reason"; exit 77; }
[ $status = 0 ] || { echo "FAILED: a cluster of one host: status $status: $reason"; exit 1; }

fail() {
  echo "FAILED: $what: $*"
  tail -n 20 "$work/out"
  exit 1
}
of_cluster() { grep -lsz "^$mark\$" /proc/[0-9]*/environ | cut -d / -f 3; }
namespaces_of() { for process in "$@"; do readlink "/proc/$process"/ns/{pid,net,mnt,uts,ipc} 2>/dev/null; done | sort -u; }
own=$(namespaces_of $$)
left_in_shm=$here/../cmake/left_in_shm.sh
shm_before=$(sh "$left_in_shm" names)
# What the machine has of what the cluster makes for itself.
places() {
  awk '$5 ~ "^/(media|tmp|sys|dev/shm|etc/hosts)($|/)" || / - nsfs / { print $5 }' /proc/self/mountinfo
  ip -o link show | sed -nE 's/^[0-9]+: ((data|control|eth|ctl)[0-9]*)[@:].*/\1/p'
  find /run /var/run/ /var/spool /var/lib /var/log /media -maxdepth 2 \( -name '*munge*' -o -name '*slurm*' \) -newer "$work/start"
  find "$work" -mindepth 1 ! -name out ! -name start
}

# end WHAT SIGNAL OPTIONS...: starts a cluster, waits until /media/out says `running`, or for its first host; sends the signal to run.
hosts_up() { [ "$(namespaces_of $(of_cluster) | grep -c '^net')" -ge 3 ]; }
running() { grep -q '^running' "$work/out"; }
gone() { [ -z "$(of_cluster)" ]; }
end() {
  what=$1
  local signal=$2 until=$3 namespaces places status=0 namespace started
  shift 3
  : > "$work/start"
  places=$(places)
  started=$SECONDS
  env "$mark" TMPDIR="$work" "$run" "$@" --script "$here/traffic.sh" "$program" endless > "$work/out" 2>&1 &
  pid=$!
  wait_for 300 "$until" || fail 'it does not come up'
  [ $((SECONDS - started)) -le "$slowest" ] || slowest=$((SECONDS - started))
  namespaces=$(comm -13 <(echo "$own") <(namespaces_of $(of_cluster)))
  [ -z "$signal" ] || kill -s "$signal" "$pid"
  wait "$pid" 2>/dev/null || status=$?
  wait_for 100 gone || fail "processes are left: $(ps -o pid,args -p "$(of_cluster | paste -sd,)")"
  pid=
  for namespace in $namespaces; do
    ! find /proc/[0-9]*/ns -lname "$namespace" 2>/dev/null | grep -q . || fail "a namespace is left: $namespace"
  done
  [ "$(places)" = "$places" ] || fail "there was { $places }, and now { $(places) }"
  [ -z "$(sh "$left_in_shm" since "$shm_before")" ] || fail "left in /dev/shm: $(sh "$left_in_shm" since "$shm_before")"
  echo "$what: $(echo "$namespaces" | wc -w) namespaces were there, nothing is left; status $status"
  ended=$status
}
slowest=0
expect() { [ "$ended" = "$1" ] || fail "status $ended instead of $1"; }

end 'SIGINT in a job' INT running; expect 130
end 'SIGKILL in a job' KILL running; expect 137
end 'SIGTERM while hosts come up' TERM hosts_up; expect 143
if [ -n "${LOCUM_ALL_ENDS:-}" ]; then
  end 'SIGTERM in a job' TERM running; expect 143
fi
# Enough for a cluster that takes longer to come up than the slowest one so far.
end 'the end of the time' '' running --timeout $((5 + 3 * slowest)); expect 124
if command -v slurmctld munged >/dev/null; then
  end 'SIGTERM in a job of Slurm' TERM running --slurm; expect 143
  if [ -n "${LOCUM_ALL_ENDS:-}" ]; then
    end 'SIGINT in a job of Slurm' INT running --slurm; expect 130
  fi
fi
