#!/bin/bash
# usage: tests/cluster/run --script backends.sh MPI_TESTS SHARED_BACKENDS_TESTS
#
# Ranks on several hosts share stores over a folder that all hosts see, and over real servers on the first host: Redis and Memcached, each
# with TLS, too. All of them run the contracts of the backends at the same time; of those that one process has alone, each in its own file.
set -u
mpi_tests=$1
contracts=$2
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for server in redis-server memcached openssl; do
  command -v $server > /dev/null || { echo "SKIPPED: $server is missing (packages_for_tests in tests/packages.sh)"; exit 77; }
done
address=$data_net.1 # of the first host
redis=6379 rediss=6380 memcached=11211 memcacheds=11212

# An authority, and the certificate of the first host, which it has signed.
tls=$dir/tls
mkdir "$tls"
new='openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:P-256'
{ $new -subj /CN=ca -keyout "$tls/ca.key" -out "$tls/ca.pem" &&
  $new -subj /CN=server -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=IP:$address" -CA "$tls/ca.pem" \
    -CAkey "$tls/ca.key" -keyout "$tls/server.key" -out "$tls/server.pem"; } 2> "$tls/said" || { cat "$tls/said"; exit 1; }

host enter 1 redis-server --bind $address --port $redis --tls-port $rediss --tls-cert-file "$tls/server.pem" \
  --tls-key-file "$tls/server.key" --tls-ca-cert-file "$tls/ca.pem" --tls-auth-clients no --protected-mode no \
  --save '' --appendonly no --dir "$dir/shared" > "$dir/redis" 2>&1 &
host enter 1 memcached -u root -l $address -p $memcached -U 0 -m 256 > "$dir/memcached" 2>&1 &
host enter 1 memcached -u root -l $address -p $memcacheds -U 0 -m 256 -Z \
  -o "ssl_chain_cert=$tls/server.pem,ssl_key=$tls/server.key" > "$dir/memcacheds" 2>&1 &
answers() { host enter 2 bash -c "exec 3<> /dev/tcp/$address/$1"; }
for server in redis rediss memcached memcacheds; do
  wait_for 20 answers ${!server} || { echo "FAILED: no $server at port ${!server}:"; cat "$dir/redis" "$dir"/memcached*; exit 1; }
done

# Databases of their own: all of Redis are of one server.
all="redis://$address:$redis/0 rediss://$address:$rediss/1?ca=$tls/ca.pem valkey://$address:$redis/2"
all+=" memcached://$address:$memcached memcacheds://$address:$memcacheds?ca=$tls/ca.pem"
all+=" multi:?1.names=n*&1.to=file:{}/multi%3Fsync=0&2.to=redis://$address:$redis/3"
by_size="multi:?1.most_bytes=2000&1.to=redis://$address:$redis/4&2.to=file:{}/sizes%3Fsync=0"
of_one_process='hdf5:{}/h.h5?sync=0 pack:{}/p?sync=0 rocksdb:{}/db'

export LOCUM_TEST_SHARED_FOLDER=$dir/shared
status=0
runtime=RuntimeBackends
LOCUM_TEST_BACKENDS=$all job "$mpi_tests" \
  --gtest_filter=StoresOfAllRanks.*:$runtime.AreSharedByAllRanks:$runtime.WaitForWhatAnotherRankPuts:$runtime.KeepWhatIsInTheMemoryOfTheNodes || status=$?
LOCUM_TEST_BACKENDS="$all $by_size $of_one_process" job "$contracts" || status=$?
exit $status
