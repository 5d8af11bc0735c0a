#!/bin/bash
# usage: demo_restarts.sh TESTS_OF_MPI MPIEXEC FLAG PROGRAM    The demo is killed in the middle, after a few checkpoints, and restarted on
# other numbers of ranks. Its frames, and its fields at the end, are those of a run that nobody disturbed, to the last bit.
set -u
tests=$1 mpiexec=$2 flag=$3 program=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What Open MPI and UCX leave of processes that are killed goes with the folder.
export UCX_TLS=tcp,self TMPDIR="$folder" GRAY_SCOTT_PROGRESS=lines
export OMPI_MCA_btl_vader_backing_directory="$folder" OMPI_MCA_btl_sm_backing_directory="$folder"
# shellcheck source=tests/mpi/descendants.sh
. "$tests/descendants.sh"

fail() {
  printf 'demo_restarts.sh: %s\n' "$1"
  exit 1
}
demo() {  # demo RANKS FOLDER OPTIONS...
  local ranks=$1 output=$2
  shift 2
  exec "$mpiexec" "$flag" "$ranks" "$program" --grid 32 --every 10 --steps 400 --output "$output" "$@" 2>&1
}
last_line() { grep -o 'fingerprint of U and V at the end: .*' "$1"; }

(demo 3 "$folder/whole") > "$folder/whole.log" || { cat "$folder/whole.log"; fail 'the run that nobody disturbs fails'; }

# Killed when the coupled run has written some frames.
coproc job { demo 4 "$folder/killed" --checkpoint-every 20; }
# shellcheck disable=SC2154  # set by coproc
pid=$job_PID
seen=
while read -r -t 60 -u "${job[0]}" line; do
  echo "$line" >> "$folder/killed.log"
  if [[ $line =~ ^frame\ +15\  ]]; then
    seen=yes
    break
  fi
done
[ -n "$seen" ] || { cat "$folder/killed.log"; fail 'the run to be killed does not come to its 15th frame'; }
# shellcheck disable=SC2046
kill -s KILL $(descendants "$pid") "$pid"
wait "$pid" 2>/dev/null

for ranks in 2 5; do
  cp -r "$folder/killed" "$folder/on$ranks"
  (demo "$ranks" "$folder/on$ranks" --restart) > "$folder/on$ranks.log" || { cat "$folder/on$ranks.log"; fail "no restart on $ranks ranks"; }
  frames=$(grep -c '^frame ' "$folder/on$ranks.log")
  [ "$frames" -gt 0 ] && [ "$frames" -lt 40 ] || fail "the restart on $ranks ranks made $frames frames"
  cmp <(grep '^frame ' "$folder/whole.log" | tail -n "$frames") <(grep '^frame ' "$folder/on$ranks.log") ||
    fail "the statistics differ on $ranks ranks"
  [ "$(last_line "$folder/whole.log")" = "$(last_line "$folder/on$ranks.log")" ] || fail "the fields differ on $ranks ranks"
  for ((frame = 40 - frames; frame < 40; ++frame)); do
    picture=v_$(printf %04d "$frame").png
    cmp "$folder/whole/$picture" "$folder/on$ranks/$picture" || fail "the picture $picture differs on $ranks ranks"
  done
  echo "on $ranks ranks: the last $frames frames are the same"
done
