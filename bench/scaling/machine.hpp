#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>

namespace scaling {

/// Where the figures come from: what a reader of them has to know.
struct Machine {
  int ranks = 0;
  int nodes = 0;           ///< as the library counts them
  int ranks_per_node = 0;  ///< the most
  int hosts = 0;
  int cores = 0;                   ///< of the first host, online
  std::uint64_t memory_bytes = 0;  ///< of the first host
  std::string kernel;
  std::string mpi;
  std::string ucx;        ///< empty if the library was built without
  std::string transport;  ///< between nodes
  std::string locum;
  std::string commit;  ///< empty if not known
  std::string date;    ///< UTC, ISO 8601
};

/// Whether MPI itself connects the nodes, which needs MPI_THREAD_MULTIPLE. Without, the twin is measured as
/// most programs use MPI: it takes no locks.
[[nodiscard]] bool connects_by_mpi();

/// Collective; all but the numbers are those of this rank. Without `nodes`, which a runtime tells.
[[nodiscard]] Machine look_around(MPI_Comm ranks);

}  // namespace scaling
