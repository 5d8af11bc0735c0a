// A rank dies while all open a runtime, at a chosen one of its MPI calls; the others must not wait for it for
// ever. Run by opening_death.sh, under a launcher that lets them continue.
//
//   opening_death_tests VICTIM POINT    VICTIM dies at its POINTth call that begins an operation, or first
//                                       tests whether it is complete; POINT 0: no rank dies, and VICTIM
//                                       prints how many points there are
//
// The calls are counted by functions that replace MPI's, as MPI's profiling interface allows. Survivors end
// by _Exit: MPI_Finalize of Open MPI 4 may wait for the dead.
#include <mpi.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mpi/runtime/runtime.hpp"

namespace {

using namespace std::chrono_literals;

int deadly_point = 0;
int points = 0;
bool counts = false;
bool begun = false;  // an operation, without a test for its completion yet

void come_to_point() {
  if (counts && ++points == deadly_point) {
    std::raise(SIGKILL);
  }
}

void come_to_begin() {
  come_to_point();
  begun = true;
}

void come_to_look() {
  if (begun) {
    begun = false;
    come_to_point();
  }
}

}  // namespace

extern "C" {

int MPI_Comm_idup(MPI_Comm parent, MPI_Comm* made, MPI_Request* request) {
  come_to_begin();
  return PMPI_Comm_idup(parent, made, request);
}

int MPI_Comm_split_type(MPI_Comm parent, int type, int key, MPI_Info info, MPI_Comm* made) {
  come_to_begin();
  return PMPI_Comm_split_type(parent, type, key, info, made);
}

int MPI_Comm_split(MPI_Comm parent, int color, int key, MPI_Comm* made) {
  come_to_begin();
  return PMPI_Comm_split(parent, color, key, made);
}

int MPI_Ibarrier(MPI_Comm all, MPI_Request* request) {
  come_to_begin();
  return PMPI_Ibarrier(all, request);
}

int MPI_Iallgather(const void* mine, int count, MPI_Datatype type, void* received, int received_count,
                   MPI_Datatype received_type, MPI_Comm all, MPI_Request* request) {
  come_to_begin();
  return PMPI_Iallgather(mine, count, type, received, received_count, received_type, all, request);
}

int MPI_Ibcast(void* bytes, int count, MPI_Datatype type, int root, MPI_Comm all, MPI_Request* request) {
  come_to_begin();
  return PMPI_Ibcast(bytes, count, type, root, all, request);
}

int MPI_Isend(const void* bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm all,
              MPI_Request* request) {
  come_to_begin();
  return PMPI_Isend(bytes, count, type, to, tag, all, request);
}

int MPI_Irecv(void* bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm all,
              MPI_Request* request) {
  come_to_begin();
  return PMPI_Irecv(bytes, count, type, from, tag, all, request);
}

int MPI_Test(MPI_Request* request, int* done, MPI_Status* status) {
  come_to_look();
  return PMPI_Test(request, done, status);
}

int MPI_Testall(int count, MPI_Request* requests, int* done, MPI_Status* statuses) {
  come_to_look();
  return PMPI_Testall(count, requests, done, statuses);
}

}  // extern "C"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int victim = argc > 1 ? std::atoi(argv[1]) : 0;
  const int point = argc > 2 ? std::atoi(argv[2]) : 0;
  MPI_Barrier(MPI_COMM_WORLD);
  deadly_point = rank == victim ? point : 0;
  counts = rank == victim;
  std::string end = "opened";
  bool good = point == 0;
  try {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{16} << 20U,
                                            .timeout = 1s,
                                            .collective_timeout = 1s,
                                            .peer_timeout = 1s});
    counts = false;
    if (point == 0) {
      if (rank == victim) {
        std::printf("points: %d\n", points);
      }
      runtime.close();
    } else {
      runtime.drop("no such store");  // a rank that has opened notices the death here
    }
  } catch (const locum::Error& error) {
    end = error.what();
    good = point != 0 && (error.code() == locum::Errc::timeout || error.code() == locum::Errc::peer_lost);
  }
  std::printf("rank %d %s: %s\n", rank, good ? "ended" : "FAILED", end.c_str());
  std::fflush(nullptr);
  if (point == 0) {
    MPI_Finalize();
  }
  std::_Exit(good ? 0 : 1);
}
