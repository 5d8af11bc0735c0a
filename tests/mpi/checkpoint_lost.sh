#!/bin/bash
# usage: checkpoint_lost.sh LOST RESTART MPIEXEC...    LOST is checkpoint_lost_tests, RESTART checkpoint_restart_tests; MPIEXEC... starts
# a program on four ranks.
#
# A rank dies while a checkpoint is written in the background: rank 0, one that writes for its node, one that writes nothing. The others
# all learn the same, and what is there is whole: the new one if they were told so, and that or the older one otherwise.
set -u
lost=$1 restart=$2
shift 2
. "$(dirname "$0")/survivors.sh" "$@"

fail() {
  echo "FAILED: $*"
  cat "$work/out"
  exit 1
}
splits='0 2'
[ -n "${LOCUM_TEST_WITH_UCX:-}" ] || splits=0
for split in $splits; do
  for victim in 0 1 2; do
    what="nodes of $split ranks, rank $victim dies"
    path=$work/step$split$victim.h5
    LOCUM_RANKS_PER_NODE=$split LOCUM_TEST_VICTIM=$victim "$@" "$lost" "$path" > "$work/out" 2>&1
    ends=$(sed -n 's/^rank [0-9] survived: \([a-z_]*\).*/\1/p' "$work/out" | sort | uniq -c | xargs)
    case $ends in
      '3 complete') latest=2 ;;
      '3 peer_lost') latest='[12]' ;;
      *) fail "$what: the survivors say: $ends" ;;
    esac
    # Who writes nothing changes nothing.
    case $split$victim$ends in
      01*|02*|21*) [ "$latest" = 2 ] || fail "$what, and that fails the checkpoint" ;;
    esac
    nothing_left "$what"
    found=$(OMPI_MCA_orte_enable_recovery=0 LOCUM_RANKS_PER_NODE=0 "$@" "$restart" latest "$path" 2>&1)
    [[ $found =~ ^latest\ $latest$ ]] || fail "$what: $ends, and restored was: $found"
    rm -r "$path" "$path.parts"
    echo "$what: $ends, $found"
  done
done
