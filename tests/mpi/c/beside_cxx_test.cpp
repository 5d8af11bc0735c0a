// A program that has the C++ library and the C one: two copies, which share nothing. Each opens a runtime
// over all ranks.
#include <locum/locum_mpi.h>
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <locum/locum.hpp>
#include <string>

namespace {

int failures = 0;

void check(bool is_right, const char* what) {
  if (!is_right) {
    std::printf("FAILED: %s (%s)\n", what, locum_error_message());
    ++failures;
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const std::string mine = "T/" + std::to_string(rank);
  const std::string next = "T/" + std::to_string((rank + 1) % ranks);
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
    const locum::Store fields = runtime.store("fields");
    locum_runtime_options options = {};
    options.memory_bytes = std::uint64_t{64} << 20U;
    locum_runtime of_c = nullptr;
    locum_store store = nullptr;
    check(locum_runtime_open(MPI_COMM_WORLD, &options, &of_c) == LOCUM_OK, "open");
    check(locum_runtime_store(of_c, "fields", nullptr, &store) == LOCUM_OK, "store");

    fields.put(mine, 1.0 + rank).value();
    double value = 100.0 + rank;
    locum_array array = {};
    array.type = LOCUM_F64;
    array.data = &value;
    check(locum_put(store, mine.c_str(), &array, nullptr, nullptr) == LOCUM_OK, "put");

    // The same name, in each of the two.
    check(*fields.wait<double>(next).value() == 1.0 + (rank + 1) % ranks, "get by C++");
    locum_view view;
    check(locum_wait(store, next.c_str(), nullptr, &view) == LOCUM_OK, "get by C");
    check(*static_cast<const double*>(view.array.data) == 100.0 + (rank + 1) % ranks, "the value of C");
    check(locum_view_release(&view) == LOCUM_OK, "release");
    // An error of each.
    check(fields.get<double>("none").error().code() == locum::Errc::not_found, "an error of C++");
    check(locum_get(store, "none", nullptr, &view) == LOCUM_NOT_FOUND, "an error of C");
    check(std::strstr(locum_error_message(), "none") != nullptr, "its text");
    check(locum_store_release(&store) == LOCUM_OK, "release of the store");
    check(locum_runtime_close(&of_c, 0) == LOCUM_OK, "close");
    check(*fields.get<double>(mine).value() == 1.0 + rank, "C++ after C was closed");
  }
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
