#!/bin/bash
# usage: killed_job.sh SEED MPIEXEC...    MPIEXEC... starts killed_job_tests on several ranks.
#
# However the job ends (by itself, by the death of one rank, by a signal to all its processes at once), none of its files stays in
# /dev/shm. If permitted, /dev/shm is a new one in a private mount namespace: then the bytes used are checked, too, not only the
# names. A setting keeps MPI's own files out of it.
set -u

if [ "${LOCUM_TEST_OWN_SHM:-}" != yes ] && unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/shm' 2>/dev/null; then
  export LOCUM_TEST_OWN_SHM=yes
  # shellcheck disable=SC2016  # expanded by the inner shell
  exec unshare --mount bash -c 'mount -t tmpfs -o size=256m tmpfs /dev/shm && exec bash "$0" "$@"' "$0" "$@"
fi
if [ "${LOCUM_TEST_OWN_SHM:-}" != yes ]; then
  echo 'no mount namespace for us: abandoned files in /dev/shm are looked for, bytes are not compared'
fi

RANDOM=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"

fail() {
  echo "FAILED: $*"
  exit 1
}

left_in_shm=$(dirname "$0")/../cmake/left_in_shm.sh
names_before=$(sh "$left_in_shm" names)
remaining() {
  if [ "${LOCUM_TEST_OWN_SHM:-}" = yes ]; then
    find /dev/shm -mindepth 1 | sort
    df --output=used /dev/shm | tail -n 1
  else
    sh "$left_in_shm" since "$names_before"
  fi
}
before=$(remaining)

# The kernel frees a process's memory shortly after it is reported dead: the check is repeated for ten seconds.
expect_nothing_left() {
  local give_up=$((SECONDS + 10))
  until [ "$(remaining)" = "$before" ]; do
    [ $SECONDS -lt $give_up ] || fail "$1: /dev/shm was { $before } and is { $(remaining) }"
    sleep 0.05
  done
}

. "$(dirname "$0")/descendants.sh"

LOCUM_TEST_ROUNDS=50 "$@" > "$work/out" 2>&1 || fail "left alone, it ended with status $?: $(cat "$work/out")"
grep -q '^closed' "$work/out" || fail "left alone, it did not say that it closed: $(cat "$work/out")"
expect_nothing_left 'after a job that ended by itself'

for rank in 0 1; do
  round=$((RANDOM % 60))
  if LOCUM_TEST_ROUNDS=1000000 LOCUM_TEST_KILL_RANK=$rank LOCUM_TEST_KILL_ROUND=$round "$@" > "$work/out" 2>&1; then
    fail "rank $rank was killed in round $round, and the job ended as if nothing had been"
  fi
  echo "rank $rank killed in round $round: $(grep -c '^round' "$work/out") lines, the job ended"
  expect_nothing_left "after rank $rank was killed in round $round"
done

# SIGTERM and SIGINT go to the launcher and to the ranks at once, as from a batch system and from a terminal.
for signal in KILL KILL KILL KILL TERM INT; do
  attempt=$((${attempt:-0} + 1))
  lines=$((attempt == 1 ? 1 : 1 + RANDOM % 40))
  coproc job { exec env LOCUM_TEST_ROUNDS=1000000 "$@" 2>&1; }
  # shellcheck disable=SC2154  # set by coproc
  pid=$job_PID
  seen=0
  while [ $seen -lt $lines ] && read -r -t 30 -u "${job[0]}" line; do
    case $line in opening* | round*) seen=$((seen + 1)) ;; esac
  done
  [ $seen -eq $lines ] || fail "attempt $attempt: saw $seen lines of $lines, the last one: ${line:-none}"
  victims="$(descendants "$pid") $pid"
  # shellcheck disable=SC2086
  kill -s $signal $victims
  wait "$pid" 2>/dev/null
  for victim in $victims; do
    give_up=$((SECONDS + 10))
    while [ -e "/proc/$victim" ] && ! grep -q '^State:.Z' "/proc/$victim/status" 2>/dev/null; do
      [ $SECONDS -lt $give_up ] || fail "process $victim does not die"
      sleep 0.05
    done
  done
  echo "job of $(echo "$victims" | wc -w) processes ended by SIG$signal after $lines lines"
  expect_nothing_left "after the whole job got SIG$signal at line $lines"
done
echo 'nothing of ours was left'
