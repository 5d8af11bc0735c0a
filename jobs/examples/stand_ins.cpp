// Stand-ins: send 64 bytes instead of a field, resolve them elsewhere. Run it with mpiexec -n 3.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <locum/locum.hpp>
#include <numeric>
#include <sstream>
#include <unordered_set>
#include <vector>

using namespace locum::literals;
using namespace std::chrono_literals;

// A stand-in may be a member of a stored type; reading that type leaves it unresolved.
struct Snapshot {
  int step = 0;
  locum::Proxy<double[]> temperature;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(step, temperature);
  }
};

namespace {

// One function for values and for stand-ins of them.
template <class Field>
double sum(const Field& field) {
  const auto& values = locum::ref(field);
  return std::reduce(values.begin(), values.end());
}

int simulate(locum::Store& fields, int analysis) {
  const std::vector<double> temperature(1000, 300.0);
  locum::Proxy<double[]> field = fields.put_proxy(temperature).value();  // put, and a stand-in for it
  const locum::Handle handle = field.handle();                           // trivially copyable, 64 bytes
  MPI_Send(&handle, sizeof handle, MPI_BYTE, analysis, 0, MPI_COMM_WORLD);

  fields.put("snapshot", Snapshot{42, field}).value();
  return field.ready() && sum(field) == sum(temperature) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int analyse(locum::Runtime& runtime) {
  locum::Handle handle;
  MPI_Recv(&handle, sizeof handle, MPI_BYTE, MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  auto stand_in = runtime.proxy<double[]>(handle);  // finds its store by itself; nothing moves
  if (stand_in.ready()) {
    return EXIT_FAILURE;
  }
  // Copying, comparing, hashing and printing do not resolve it.
  const std::unordered_set<locum::Proxy<double[]>> seen{stand_in, stand_in};
  std::ostringstream printed;
  printed << stand_in;
  if (stand_in.ready() || seen.size() != 1 || stand_in.size_bytes() != 8000) {
    return EXIT_FAILURE;
  }
  stand_in.prefetch();  // it comes by itself; this returns at once
  double total = 0.0;
  for (const double x : *stand_in) {  // waits, if the object is not there yet
    total += x;
  }
  // What it stands for is known without it; release() gives up the pin, and the next use resolves again.
  stand_in.release();
  if (stand_in.ready() || stand_in.key() != handle.key || stand_in->size() != 1000 || !stand_in.ready()) {
    return EXIT_FAILURE;
  }
  // What goes wrong is the reply of get(); `*p` throws it. A deadline says how long to wait, try_get() never
  // waits.
  locum::Handle damaged = handle;
  ++damaged.size_bytes;
  if (runtime.proxy<double[]>(damaged).get() || !stand_in.get(10ms) || !stand_in.try_get()) {
    return EXIT_FAILURE;
  }
  try {
    (void)runtime.proxy<double[]>(damaged)->size();
    return EXIT_FAILURE;
  } catch (const locum::Error& error) {
    std::printf("as it should: %s\n", error.what());
  }
  std::printf("%s sums to %g\n", printed.str().c_str(), total);

  // The other way to come by it: as a member of a stored value.
  const auto snapshot = runtime.store("fields").wait<Snapshot>("snapshot").value();
  const bool same = snapshot->temperature == stand_in && sum(snapshot->temperature) == total;
  return total == 300'000.0 && snapshot->step == 42 && same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  const int analysis = runtime.size() - 1;
  if (runtime.rank() == analysis) {
    return analyse(runtime);
  }
  return runtime.rank() == 0 ? simulate(fields, analysis) : EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
