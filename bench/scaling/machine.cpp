#include "bench/scaling/machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <locum/locum.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "commit.hpp"
#if LOCUM_WITH_UCX
#include <ucp/api/ucp.h>
#endif

namespace scaling {

namespace {

[[nodiscard]] int hosts_of(MPI_Comm ranks, int count) {
  constexpr int length = MPI_MAX_PROCESSOR_NAME;
  char mine[length] = {};
  int used = 0;
  MPI_Get_processor_name(mine, &used);
  std::vector<char> all(static_cast<std::size_t>(length) * static_cast<std::size_t>(count));
  MPI_Allgather(mine, length, MPI_CHAR, all.data(), length, MPI_CHAR, ranks);
  std::set<std::string> hosts;
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(count); ++rank) {
    hosts.insert(all.data() + rank * static_cast<std::size_t>(length));
  }
  return static_cast<int>(hosts.size());
}

/// The first line, of which the first part names the library and its version.
[[nodiscard]] std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string version = text;
  return version.substr(0, version.find_first_of(",\n"));
}

[[nodiscard]] std::string now() {
  const std::time_t seconds = std::time(nullptr);
  char text[32] = {};
  std::tm parts{};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
  return text;
}

[[nodiscard]] std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(name) + '=' + value;
}

[[nodiscard]] int ranks_per_node(MPI_Comm ranks) {
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(ranks, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  int mine = 1;
  MPI_Comm_size(host, &mine);
  MPI_Comm_free(&host);
  if (const char* split = std::getenv("LOCUM_RANKS_PER_NODE"); split != nullptr && std::atoi(split) > 0) {
    mine = std::min(mine, std::atoi(split));
  }
  int most = mine;
  MPI_Allreduce(&mine, &most, 1, MPI_INT, MPI_MAX, ranks);
  return most;
}

}  // namespace

bool connects_by_mpi() {
#if LOCUM_WITH_UCX
  return environment("LOCUM_TRANSPORT") == "LOCUM_TRANSPORT=mpi";
#else
  return true;
#endif
}

Machine look_around(MPI_Comm ranks) {
  Machine machine;
  MPI_Comm_size(ranks, &machine.ranks);
  machine.ranks_per_node = ranks_per_node(ranks);
  machine.hosts = hosts_of(ranks, machine.ranks);
  machine.cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  machine.memory_bytes =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (utsname system{}; uname(&system) == 0) {
    machine.kernel = std::string(system.sysname) + ' ' + system.release;
  }
  machine.mpi = mpi_version();
#if LOCUM_WITH_UCX
  machine.ucx = ucp_get_version_string();
#endif
  machine.transport = "shared memory";
  if (machine.ranks_per_node < machine.ranks) {
    machine.transport += connects_by_mpi() ? ", MPI between nodes" : ", UCX between nodes";
    for (const char* name : {"UCX_TLS", "UCX_NET_DEVICES", "LOCUM_ONE_SIDED"}) {
      if (const std::string setting = environment(name); !setting.empty()) {
        machine.transport += ", " + setting;
      }
    }
  }
  machine.locum = std::string(locum::version());
  machine.commit = LOCUM_COMMIT;
  machine.date = now();
  return machine;
}

}  // namespace scaling
