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
