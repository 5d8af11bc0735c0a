# shellcheck shell=bash
# The first process of a host, number $1, in its namespaces. Ends with them only.
set -euo pipefail
exec 2>&3 3>&-
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
hostname "host$1"
own_mounts
ip link set lo up
: > "$dir/ready/$1"
# A shell that waits also takes up the processes whose parents have died.
sleep infinity &
while :; do
  wait $! || true
done
