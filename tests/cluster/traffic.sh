#!/bin/bash
# shellcheck disable=SC2086  # lists of ranks are words
# usage: tests/cluster/run --script traffic.sh PROGRAM CASE...    PROGRAM is cluster_traffic_tests.
#
# Ranks on several hosts read each other's objects while the last host gets into trouble:
#   cut_1s   its link is cut for a second: operations wait, none fails
#   cut      its link is cut for good: both sides find each other lost in time, and each side's own objects stay
#   lossy    its link loses 1 % of all packets: slower, never wrong
#   slow     its link carries 200 Mbit/s
#   stopped  all its processes are stopped for a second
#   killed   all its processes die; the others continue, and notice it in time
#   endless  nothing happens, until all is ended from outside
#   dark     its power fails: all its processes die, and no packet says so
set -u
# shellcheck source=tests/cluster/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/cluster/board.sh
. "$(dirname "$0")/board.sh"
bytes_of_rank=128 patience=40
program=$1
shift
export LOCUM_TEST_SHARED=$CLUSTER_DIR/board
last=$CLUSTER_HOSTS
ranks=$((CLUSTER_HOSTS * CLUSTER_RANKS))

fail() {
  echo "FAILED: $case: $*:"
  cat "$CLUSTER_DIR/out"
  exit 1
}
start() {
  start_job "$program" "$@"
  more_rounds 20 $(seq 0 $((ranks - 1)))
}
trouble() { : > "$LOCUM_TEST_SHARED.trouble"; }
# Slurm 23.11: srun ends with 1 where it has lost a host, whatever the other ranks returned; that of 22.05 did not.
lost_a_host() { [ -n "$CLUSTER_SLURM" ] && [ "$1" = 1 ] && grep -q "^srun: error: Node failure on host$last$" "$CLUSTER_DIR/out"; }
# stop STATUS RANK...: the ranks end and say that nothing has failed; the job ends with that status.
stop() {
  local status=$1 rank ended=0
  shift
  : > "$LOCUM_TEST_SHARED.stop"
  wait_for 60 is_over || fail 'the job does not end'
  wait "$job" 2>/dev/null || ended=$?
  for rank in "$@"; do
    grep -q "^rank $rank: 0 failures" "$CLUSTER_DIR/out" || fail "rank $rank has failed; the job ended with status $ended"
  done
  [ "$ended" = "$status" ] || lost_a_host "$ended" || fail "the job ended with status $ended"
  grep '^rank' "$CLUSTER_DIR/out" | sort
  echo "the job's status was $ended"
}
all=$(seq 0 $((ranks - 1)))
first=$(seq 0 $((ranks - CLUSTER_RANKS - 1)))  # those of all hosts but the last
of_last=$(seq $((ranks - CLUSTER_RANKS)) $((ranks - 1)))
# have_lost N RANK...: each of these ranks has lost so many others, not more.
have_lost() {
  local rank lost=$1
  shift
  for rank in "$@"; do
    grep -q "^rank $rank: .* $lost lost" "$CLUSTER_DIR/out" || fail "rank $rank has not lost $lost ranks"
  done
}
longest_round() { sed -n "s/^rank $1: .*the longest \([0-9]*\) ms.*/\1/p" "$CLUSTER_DIR/out"; }

for case in "$@"; do
  echo "== $case"
  began=$SECONDS
  case $case in
    cut_1s | stopped)
      export LOCUM_PEER_TIMEOUT_MS=8000
      start lossless
      trouble
      if [ "$case" = cut_1s ]; then begin=cut end=restore; else begin=stop end=continue; fi
      host $begin "$last"
      sleep 1  # as long as the trouble lasts: nothing waits for it
      host $end "$last"
      more_rounds 20 $all
      stop 0 $all
      [ "$(longest_round 0)" -ge 800 ] || fail 'rank 0 did not have to wait'
      ;;
    lossy)
      export LOCUM_PEER_TIMEOUT_MS=20000
      start lossless
      host lose "$last" 1%
      more_rounds 200 $all
      stop 0 $all
      nft list chain bridge trouble forward | grep -q 'counter packets [1-9]' || fail 'no packet was lost'
      host restore "$last"
      ;;
    slow)
      export LOCUM_PEER_TIMEOUT_MS=20000
      start lossless
      host slow "$last" 200mbit
      more_rounds 40 $all
      stop 0 $all
      host restore "$last"
      ;;
    endless)
      start lossless
      echo running
      wait "$job"
      exit 1
      ;;
    cut)
      # By mpirun: ranks end without MPI_Finalize, and none of them ends the others.
      export LOCUM_PEER_TIMEOUT_MS=2000 OMPI_MCA_orte_enable_recovery=1
      start lossy
      trouble
      host cut "$last"
      more_rounds 20 $all
      stop 0 $all
      have_lost "$CLUSTER_RANKS" $first
      have_lost $((ranks - CLUSTER_RANKS)) $of_last
      host restore "$last"
      ;;
    killed | dark)
      export LOCUM_PEER_TIMEOUT_MS=2000 OMPI_MCA_orte_enable_recovery=1
      start lossy
      trouble
      [ "$case" = killed ] || host cut "$last"
      host kill "$last"
      more_rounds 20 $first
      stop 0 $first
      have_lost "$CLUSTER_RANKS" $first
      ;;
  esac
  echo "passed: $case, $((SECONDS - began)) s"
done
