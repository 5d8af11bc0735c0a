#include <array>

#include "bench/scaling/case.hpp"
#include "bench/scaling/cases/makers.hpp"

namespace scaling {

namespace {

constexpr const char* window = "MPI_Get, MPI_Win_flush";
constexpr const char* windows = "MPI_Get and MPI_Put, each with MPI_Win_flush";

}  // namespace

std::span<const CaseKind> all_cases() {
  using Sizes = CaseKind::Sizes;
  // The list: a new case is a line here, a line in cases/makers.hpp, and a file in cases/.
  static const std::array cases{
      CaseKind{"put", "put without a name", "MPI_Put to the own rank, MPI_Win_flush", Sizes::given, 1, 1024,
               make_put},
      CaseKind{"create", "create, write in place, seal", "the same in a window, MPI_Win_sync", Sizes::given,
               1, 1024, make_create},
      CaseKind{"get_node", "get by key from a rank of the own node", window, Sizes::given, 1, 1024,
               make_get_node},
      CaseKind{"get_remote", "get by key from a rank of another node", window, Sizes::given, 2, 64,
               make_get_remote},
      CaseKind{"get_name", "get by name, from another node if there is one", window, Sizes::given, 1, 64,
               make_get_name},
      CaseKind{"resolve", "resolve a stand-in, from another node if there is one", window, Sizes::given, 1,
               64, make_resolve},
      CaseKind{"broadcast", "rank 0 puts, all ranks get", "MPI_Bcast", Sizes::given, 1, 64, make_broadcast},
      CaseKind{"shuffle", "each rank puts a piece for every rank", "MPI_Alltoall", Sizes::given, 1, 64,
               make_shuffle},
      CaseKind{"halo", "neighbours in a ring wait for each other's names", "MPI_Sendrecv", Sizes::given, 1,
               64, make_halo, 6},
      CaseKind{"steps", "half of the ranks writes steps, the others read them", "MPI_Isend, MPI_Irecv",
               Sizes::given, 1, 64, make_steps, 8},
      CaseKind{"tasks", "rank 0 puts tasks, all others take them", "a request and an answer by MPI_Send",
               Sizes::given, 1, 32, make_tasks},
      CaseKind{"ycsb_a", "YCSB A: half reads, half updates", windows, Sizes::record, 1, 64, make_ycsb<'a'>},
      CaseKind{"ycsb_b", "YCSB B: 95 % reads, 5 % updates", windows, Sizes::record, 1, 64, make_ycsb<'b'>},
      CaseKind{"ycsb_c", "YCSB C: reads only", windows, Sizes::record, 1, 64, make_ycsb<'c'>},
      CaseKind{"ycsb_d", "YCSB D: 95 % reads of the newest, 5 % inserts", windows, Sizes::record, 1, 64,
               make_ycsb<'d'>},
      CaseKind{"ycsb_e", "YCSB E: 95 % short scans, 5 % inserts", windows, Sizes::record, 1, 64,
               make_ycsb<'e'>},
      CaseKind{"ycsb_f", "YCSB F: half reads, half read-modify-writes", windows, Sizes::record, 1, 64,
               make_ycsb<'f'>},
      CaseKind{"start_up", "open and close a runtime", "MPI_Comm_dup, MPI_Barrier, MPI_Comm_free",
               Sizes::none, 1, 64, make_start_up},
  };
  return cases;
}

}  // namespace scaling
