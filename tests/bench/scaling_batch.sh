#!/bin/sh
# usage: scaling_batch.sh SOURCES PROGRAM MPIEXEC...    Runs jobs/scaling.sbatch as in an allocation of two nodes of two ranks, with
# an srun that starts ranks by MPIEXEC on this machine. Passes if each number of ranks has left its file.
sources=$1
program=$2
shift 2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'scaling_batch.sh: %s\n' "$1"
  exit 1
}

mkdir "$folder/bin"
cat >"$folder/bin/srun" <<END
#!/bin/sh
while [ \$# -gt 0 ]; do
  case \$1 in
    --ntasks=*) ranks=\${1#*=} ;;
    --ntasks-per-node=*) LOCUM_RANKS_PER_NODE=\${1#*=}; export LOCUM_RANKS_PER_NODE ;;
    --mpi=pmix | --nodes=*) ;;
    *) break ;;
  esac
  shift
done
exec $* "\$ranks" "\$@"
END
chmod +x "$folder/bin/srun"

PATH=$folder/bin:$PATH SLURM_SUBMIT_DIR=$sources SLURM_JOB_ID=1 SLURM_JOB_NUM_NODES=2 SLURM_NTASKS_PER_NODE=2 SLURM_NTASKS=4 \
  LOCUM_SCALING=$program LOCUM_RESULTS=$folder/results \
  bash "$sources/jobs/scaling.sbatch" --cases put,broadcast --sizes 8 --seconds 0.02 || fail "ended with status $?"
[ "$(cd "$folder/results" && echo *.json)" = \
  "ranks_00001_nodes_0001.json ranks_00002_nodes_0001.json ranks_00004_nodes_0002.json" ] || fail "left: $(ls "$folder/results")"
if command -v gnuplot >/dev/null && command -v python3 >/dev/null; then
  [ -s "$folder/results/put_weak.png" ] || fail 'drew no picture'
fi
