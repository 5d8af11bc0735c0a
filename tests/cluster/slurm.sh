# shellcheck shell=bash
# A Slurm on the hosts of a cluster: the controller on the login host, a daemon on each other one. Run by cluster.sh. What it prints is
# only shown if it does not come up.
set -euo pipefail
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
slurm=$dir/slurm
mkdir -p "$slurm/state"
export SLURM_CONF=$dir/slurm.conf

# Any processor for any rank: more ranks than cores are usual in tests.
cores=$(nproc)
{
  cat <<CONF
ClusterName=locum
SlurmctldHost=$login_name($control_net.254)
AuthType=auth/munge
AuthInfo=socket=$slurm/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SlurmUser=root
SlurmdUser=root
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$slurm/state
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdSpoolDir=$slurm/spool.%n
SlurmdPidFile=$slurm/slurmd.%n.pid
SlurmdLogFile=$slurm/slurmd.%n.log
TmpFS=/tmp
KillWait=2
CONF
  for number in $(seq "$CLUSTER_HOSTS"); do
    echo "NodeName=host$number NodeAddr=$control_net.$number CPUs=$cores State=UNKNOWN"
  done
  echo "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4"
} > "$SLURM_CONF"
# Read from the folder of slurm.conf.
printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' > "$dir/cgroup.conf"

failed() {
  tail -n 20 "$slurm"/*.log "$slurm"/*.out >&2
  die "Slurm: $1"
}
(umask 077; head -c 1024 /dev/urandom > "$slurm/munge.key")
munged --force --key-file "$slurm/munge.key" --socket "$slurm/munge.socket" --pid-file "$slurm/munge.pid" \
  --seed-file "$slurm/munge.seed" --log-file "$slurm/munge.log" > "$slurm/munged.out" 2>&1 || failed 'munged does not start'
slurmctld > "$slurm/slurmctld.out" 2>&1 || failed 'slurmctld does not start'
for number in $(seq "$CLUSTER_HOSTS"); do
  mkdir "$slurm/spool.host$number"
  on "$number" slurmd -N "host$number" > "$slurm/slurmd.$number.out" 2>&1 || failed "slurmd does not start on host $number"
done
all_idle() { [ "$(sinfo --noheader --Node --format %T | sort | uniq -c | xargs)" = "$CLUSTER_HOSTS idle" ]; }
wait_for 30 all_idle || failed 'the hosts do not become idle'
