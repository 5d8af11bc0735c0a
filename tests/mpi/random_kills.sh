# shellcheck shell=bash
# Sourced by scripts that kill jobs at random moments. Sets `seed`, from LOCUM_TEST_SEED where that is given, `split`, the ranks of a node (0:
# one node), and `work`, a folder that goes with the script.
seed=${LOCUM_TEST_SEED:-$((10#$(date +%N) % 32768))}
RANDOM=$seed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# UCX's shared memory would leave a file of a process that is killed while it opens it.
export UCX_TLS=tcp,self
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"
split=0
[ -z "${LOCUM_TEST_WITH_UCX:-}" ] || split=1

fail() {
  echo "FAILED (LOCUM_TEST_SEED=$seed): $*"
  exit 1
}
. "$(dirname "${BASH_SOURCE[0]}")/descendants.sh"

# begin WORDS...: starts a job that says a number for each thing that it has completed. `launcher` is its process.
begin() {
  coproc job { LOCUM_RANKS_PER_NODE=$split exec "$@" 2>&1; }
  # shellcheck disable=SC2154  # set by coproc
  launcher=$job_PID
  seen=0
}
# await NUMBERS WHAT: waits until the job has said so many, and for a random moment more. `seen` is the last one; WHAT it did not do is
# said if it says none.
await() {
  local count line
  for ((count = $1; count > 0; --count)); do
    read -r -t 60 -u "${job[0]}" line || fail "the job $2: ${line:-}"
    [[ $line =~ ^[0-9]+$ ]] || fail "the job said: $line"
    seen=$line
  done
  sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
}
# kill_at_once PROCESS...: the launcher is among these, or has ended.
kill_at_once() {
  [ $# -eq 0 ] || kill -s KILL "$@"
  wait "$launcher" 2>/dev/null
}
# found WORDS...: what another job of one rank says. REQUIRES: mpiexec, flag, program.
found() {
  LOCUM_RANKS_PER_NODE=0 timeout 500 "$mpiexec" "$flag" 1 "$program" "$@" 2>&1
}
