// The cost of a get in C, Fortran and Python, beside C++ in the same process. Started by mpiexec -n 1: the
// runtime of the C interface needs MPI.

#include <benchmark/benchmark.h>
#include <locum/locum_mpi.h>
#include <mpi.h>
#include <pybind11/embed.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/languages/gets.h"
#include "bench/rows.hpp"
#include "bench/table_reporter.hpp"
#include "mpi/runtime/runtime.hpp"

namespace py = pybind11;

namespace {

using namespace locum::bench;

constexpr std::int32_t count = 100;
constexpr std::int32_t batch = 128;
constexpr int pairs = 4000;
constexpr double nano = 1e9;
constexpr std::size_t large = std::size_t{64} << 20U;

void check(locum_status status) {
  if (status != LOCUM_OK) {
    throw std::runtime_error(locum_error_message());
  }
}

/// The same objects twice: in a node of the C++ library, and in a runtime of the C library, whose store
/// Python has, too.
class Stores {
 public:
  Stores() : in_cxx_(MPI_COMM_SELF, {.memory_bytes = 4 * large}), store_(in_cxx_.store("bench")) {
    locum_runtime_options options{};
    options.memory_bytes = 4 * large;
    options.log = LOCUM_LOG_OFF;
    check(locum_runtime_open(MPI_COMM_SELF, &options, &runtime_));
    check(locum_runtime_store(runtime_, "bench", nullptr, &in_c_));
    const std::vector<double> values(large / sizeof(double), 1);
    for (std::int32_t at = 0; at <= count; ++at) {
      names_.push_back(at == count ? "large" : "temperature/" + std::to_string(1000000 + at) + "/block");
      const std::size_t elements = at == count ? values.size() : 8;
      store_.put(names_.back(), std::span(values.data(), elements)).value();
      locum_array array{};
      array.type = LOCUM_F64;
      array.rank = 1;
      array.extents[0] = static_cast<std::int64_t>(elements);
      array.data = const_cast<double*>(values.data());
      check(locum_put(in_c_, names_.back().c_str(), &array, nullptr, nullptr));
    }
    for (const std::string& name : names_) {
      texts_.push_back(name.c_str());
    }
    locum_store of_python = nullptr;
    check(locum_runtime_store(runtime_, "bench", nullptr, &of_python));
    py::module_::import("sys").attr("path").attr("insert")(0, LOCUM_BENCH_FOLDER);
    py::module_::import("sys").attr("path").attr("insert")(0, LOCUM_BENCH_PYTHON);
    module_ = py::module_::import("gets");
    in_python_ = module_.attr("open_store")(reinterpret_cast<std::uintptr_t>(of_python));
    for (std::int32_t at = 0; at < batch; ++at) {
      names_in_python_.append(py::str(names_[static_cast<std::size_t>(at % count)]));
    }
  }
  Stores(const Stores&) = delete;
  Stores& operator=(const Stores&) = delete;
  ~Stores() {
    in_python_.attr("close")();
    (void)locum_store_release(&in_c_);
    (void)locum_runtime_close(&runtime_, 0);
  }

  /// Each of these returns the seconds of one get.
  double in_cxx() {
    return timed([&] {
             for (std::int32_t at = 0; at < batch; ++at) {
               get(names_[static_cast<std::size_t>(at % count)]);
             }
           }) /
           batch;
  }
  double in_c() {
    return timed([&] { gets_in_c(in_c_, texts_.data(), count, 0, batch); }) / batch;
  }
  double in_fortran() {
    const auto length = static_cast<std::int32_t>(names_.front().size());
    return timed([&] { gets_in_fortran(in_c_, texts_.data(), length, count, 0, batch); }) / batch;
  }
  double in_python() {
    return module_.attr("get_by_name")(in_python_, names_in_python_, batch).cast<double>();
  }
  double large_in_cxx() {
    return timed([&] {
             for (std::int32_t at = 0; at < batch; ++at) {
               get(names_.back());
             }
           }) /
           batch;
  }
  double in_python(const char* name) {
    return module_.attr("get_one")(in_python_, name, batch).cast<double>();
  }
  py::module_& functions() { return module_; }
  py::object& store() { return in_python_; }

 private:
  void get(const std::string& name) {
    const auto view = store_.get<double[]>(name).value();
    benchmark::DoNotOptimize(view.data());
  }

  locum::Runtime in_cxx_;
  locum::Store store_;
  locum_runtime runtime_ = nullptr;
  locum_store in_c_ = nullptr;
  std::vector<std::string> names_;
  std::vector<const char*> texts_;
  py::module_ module_;
  py::object in_python_;
  py::list names_in_python_;
};

/// Figures in nanoseconds.
template <class Ours, class Twin>
void measure(benchmark::State& state, Goal goal, Ours ours, Twin twin) {
  const auto seconds_of = [](double nanoseconds) { return nanoseconds / nano; };
  interleave(
      state, [&] { return ours() * nano; }, [&] { return twin() * nano; }, seconds_of)
      .report(state, "ns", goal);
}

void run(int argc, char** argv) {
  const py::scoped_interpreter interpreter;
  Stores stores;
  const py::object mapping = stores.functions().attr("put_mapping")(stores.store(), "mapping");
  const auto above = [&](const char* name, double bound, auto ours) {
    add_row(name, pairs, [&stores, bound, ours](benchmark::State& state) {
      measure(state, {Goal::Kind::excess_at_most, bound}, ours, [&] { return stores.in_cxx(); });
    });
  };
  above("get by name, C beside C++", 25, [&] { return stores.in_c(); });
#if LOCUM_BENCH_FORTRAN
  above("get by name, Fortran beside C++", 60, [&] { return stores.in_fortran(); });
#endif
  above("get by name, Python beside C++", 600, [&] { return stores.in_python(); });
  add_row("get of 64 MiB, Python beside C++", pairs, [&](benchmark::State& state) {
    measure(
        state, {Goal::Kind::ours_at_most, 2000}, [&] { return stores.in_python("large"); },
        [&] { return stores.large_in_cxx(); });
  });
  add_row("get of ten arrays in a dict, beside pickle", pairs / 4, [&](benchmark::State& state) {
    const py::object text = mapping[py::int_(0)];
    const py::object buffers = mapping[py::int_(1)];
    measure(
        state, {Goal::Kind::ours_at_most, 20000}, [&] { return stores.in_python("mapping"); },
        [&] { return stores.functions().attr("load")(text, buffers, batch).template cast<double>(); });
  });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    throw std::runtime_error("an option of the command is unknown");
  }
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 0;
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << '\n';
    status = 1;
  }
  MPI_Finalize();
  return status;
}
