#!/bin/bash
# usage: tests/cluster/run --script backends.sh PROGRAM    PROGRAM is mpi_tests.
#
# Ranks on several hosts share stores over a folder that all hosts see, and over real servers on the first host: Redis and Memcached.
set -u
program=$1
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for server in redis-server memcached; do
  command -v $server > /dev/null || { echo "SKIPPED: $server is missing (packages_for_tests in tests/packages.sh)"; exit 77; }
done
address=$data_net.1
host enter 1 redis-server --bind $address --port 6379 --protected-mode no --save '' --appendonly no --dir "$dir/shared" > "$dir/redis" 2>&1 &
host enter 1 memcached -u root -l $address -p 11211 -U 0 -m 64 > "$dir/memcached" 2>&1 &
answers() { host enter 2 bash -c "exec 3<> /dev/tcp/$address/$1"; }
for port in 6379 11211; do
  wait_for 20 answers $port || { echo "FAILED: no server at port $port:"; cat "$dir/redis" "$dir/memcached"; exit 1; }
done
export LOCUM_TEST_SHARED_FOLDER=$dir/shared LOCUM_TEST_BACKENDS="redis://$address:6379/0 memcached://$address:11211"
GTEST_FILTER=RuntimeBackends.AreSharedByAllRanks:RuntimeBackends.WaitForWhatAnotherRankPuts job "$program"
