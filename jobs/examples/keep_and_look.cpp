// Wait for what is not there yet; keep, drop, look. Run it with mpiexec -n 3.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <locum/locum.hpp>
#include <string>
#include <vector>

using namespace locum::literals;
using namespace std::chrono_literals;

namespace {

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  const bool first = runtime.rank() == 0;

  if (first) {
    for (int part = 0; part < 3; ++part) {
      fields.put("T/0042/" + std::to_string(part), std::vector<double>(100, part)).value();
    }
    fields.put("mesh/v3", std::string("the mesh")).value();
  }
  const auto mesh = fields.wait<std::string>("mesh/v3", 10s).value();  // a name that somebody will put
  if (*mesh != "the mesh") {
    return EXIT_FAILURE;
  }
  MPI_Barrier(MPI_COMM_WORLD);

  // Named objects by prefix, ordered.
  if (fields.keys("T/0042/").value() != std::vector<std::string>{"T/0042/0", "T/0042/1", "T/0042/2"}) {
    return EXIT_FAILURE;
  }
  MPI_Barrier(MPI_COMM_WORLD);
  if (first) {
    const bool there = fields.exists("T/0042/1").value();
    const bool gone = fields.evict("T/0042/1").value();     // after evict no rank finds it
    const bool absent = !fields.evict("T/0042/1").value();  // what is not there is no error
    fields.evict("T/0042/1");                               // nor need it be asked whether it was there
    if (!there || !gone || !absent) {
      return EXIT_FAILURE;
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
  const auto evicted = fields.get<double[]>("T/0042/1");
  if (evicted || evicted.error().code() != locum::Errc::not_found) {
    return EXIT_FAILURE;
  }

  const auto info = fields.info("T/0042/2").value();  // size, type, extents, owner, generation, name
  if (info.size_bytes != 800 || info.name != "T/0042/2" || info.owner != 0) {
    return EXIT_FAILURE;
  }
  if (first) {
    std::cout << runtime.report();  // memory, objects, paths taken
  }
  runtime.drop("fields");  // collective: the whole store
  const auto dropped = runtime.store("fields").get<double[]>("T/0042/2");
  return !dropped && dropped.error().code() == locum::Errc::not_found ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
