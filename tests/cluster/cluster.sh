# shellcheck shell=bash
# The first process of a cluster, in namespaces of its own: those of the login host, from where jobs are started. Makes the hosts
# and runs `job PROGRAM ARGS...` or `script SCRIPT ARGS...`. Started by run, with its options as CLUSTER_*.
set -euo pipefail
exec 2>&3 3>&-  # what unshare says when this process is killed is not shown
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/cluster/common.sh
. "$here/common.sh"
trap 'exit 143' TERM

hostname "$login_name"
mount -t tmpfs -o mode=755 tmpfs "$dir"
mkdir "$dir/processes" "$dir/ready" "$dir/bin" "$dir/shared"
own_mounts
export TMPDIR=$dir/shared CLUSTER_DIR=$dir  # a script's temporary files are seen by all hosts
# With the other fences of Slurm's PMIx a rank may leave MPI_Init before others can receive (docs/cluster_tests.md).
export SLURM_PMIX_FENCE=${SLURM_PMIX_FENCE:-ring}
ln -s "$here/host" "$here/job" "$dir/bin/"
PATH="$dir/bin:$PATH"
numbers=$(seq "$CLUSTER_HOSTS")

{
  echo '127.0.0.1 localhost'
  echo "$control_net.254 $login_name"
  for number in $numbers; do echo "$control_net.$number host$number"; done
} > "$dir/hosts"
mount --bind "$dir/hosts" /etc/hosts

# The switches: one for the ranks, one for launchers, which trouble does not reach.
ip link set lo up
for bridge in data control; do
  ip link add name "$bridge" type bridge
  ip link set "$bridge" up
done
ip addr add "$control_net.254/24" dev control
nft -f - <<'NFT'
table bridge trouble {
  chain forward { type filter hook forward priority 0; }
}
NFT

for number in $numbers; do
  unshare --pid --fork --net --uts --ipc --mount --mount-proc bash "$here/host_init.sh" "$number" 3>&2 2> /dev/null &
  parent=$!
  wait_for 10 test -e "$dir/ready/$number" || die "host $number does not come up"
  process=$(child_of "$parent")
  echo "$process" > "$dir/processes/$number"
  for net in data control; do
    device=eth0 address=$data_net.$number
    [ $net = data ] || device=ctl0 address=$control_net.$number
    ip link add name "$net$number" mtu "$CLUSTER_MTU" type veth peer name "$device" mtu "$CLUSTER_MTU" netns "$process"
    ip link set "$net$number" master $net up
    on "$number" ip addr add "$address/24" dev "$device"
    on "$number" ip link set "$device" up
  done
done
# UCX takes no device that is not up, which lasts a moment.
is_up() { on "$1" ip -o link show dev "$2" | grep -q 'state UP'; }
for number in $numbers; do
  for device in eth0 ctl0; do
    wait_for 10 is_up "$number" "$device" || die "$device of host $number does not come up"
  done
  [ -z "$CLUSTER_RATE" ] || host slow "$number" "$CLUSTER_RATE"
  [ -z "$CLUSTER_LOSS" ] || host lose "$number" "$CLUSTER_LOSS"
done
[ -z "$CLUSTER_SLURM" ] || bash "$here/slurm.sh"

case $1 in
  job) shift; command=("$dir/bin/job" "$@") ;;
  script) shift; command=(bash "$@") ;;
esac
status=0
left=$((CLUSTER_TIMEOUT - SECONDS))
timeout --kill-after 2 $((left > 0 ? left : 1)) "${command[@]}" || status=$?
if [ $SECONDS -ge "$CLUSTER_TIMEOUT" ]; then
  echo "tests/cluster: not finished after $CLUSTER_TIMEOUT s" >&2
  status=124
fi
exit "$status"
