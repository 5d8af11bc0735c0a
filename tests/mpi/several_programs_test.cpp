// One of the programs of a job of several (MPMD). Built three times:
//   simulation   rank 0 and 1 of the job
//   analysis     the other ranks; its `Particle` has a field more, and its `Field` another name
//   outdated     the same as analysis, but it claims to be another version of the library
// Prints what went wrong, if anything, and exits with 1.
#include <mpi.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "mpi/runtime/runtime.hpp"

#ifdef LOCUM_TEST_OUTDATED
// Found before the library's own header.
namespace locum {
std::string_view version() noexcept {
  return "0.0.1";
}
}  // namespace locum
#endif

namespace {

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (!holds) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The same in all programs.
struct Step {
  static constexpr std::string_view locum_type_name = "test.step";
  int number = 0;
  double time = 0;
};

#ifdef LOCUM_TEST_SIMULATION
constexpr bool simulation = true;
struct Particle {
  static constexpr std::string_view locum_type_name = "test.particle";
  double position[3] = {1, 2, 3};
};
struct Field {
  static constexpr std::string_view locum_type_name = "test.temperature";
  double value = 4;
};
#else
constexpr bool simulation = false;
struct Particle {
  static constexpr std::string_view locum_type_name = "test.particle";
  double position[3] = {};
  double charge = 0;
};
struct Field {
  static constexpr std::string_view locum_type_name = "test.pressure";
  double value = 0;
};
#endif

void share(locum::Runtime& runtime) {
  locum::Store store = runtime.store("of all programs");
  if (runtime.rank() == 0) {
    (void)store.put("particle", Particle()).value();
    (void)store.put("field", Field()).value();
    (void)store.put("blocks", std::vector<float>(1000, 0.5F)).value();
    (void)store.put("step", Step{3, 0.25}).value();
  }
  // Ranks of the other program have only one way to learn of it: they wait for the last name.
  const auto step = store.wait<Step>("step");
  expect(step && (*step)->number == 3 && (*step)->time == 0.25, "a type that both programs have");
  const auto blocks = store.get<float[]>("blocks");
  expect(blocks && blocks->size() == 1000 && (*blocks)[999] == 0.5F, "an array of a common type");
  if (simulation) {
    expect(store.get<Particle>("particle").has_value(), "its own particle");
  } else {
    const auto particle = store.get<Particle>("particle");
    expect(!particle && particle.error().code() == locum::Errc::type_mismatch &&
               contains(particle.error().what(), "test.particle{24}") &&
               contains(particle.error().what(), "test.particle{32}"),
           std::string("a type of another size: ") + (particle ? "no error" : particle.error().what()));
    const auto field = store.get<Field>("field");
    expect(!field && field.error().code() == locum::Errc::type_mismatch &&
               contains(field.error().what(), "test.temperature") &&
               contains(field.error().what(), "test.pressure"),
           std::string("a type of another name: ") + (field ? "no error" : field.error().what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const bool versions_differ = argc > 1 && std::string_view(argv[1]) == "versions-differ";
  try {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
    expect(!versions_differ, "programs with different versions of the library share a runtime");
    share(runtime);
  } catch (const locum::Error& error) {
    const std::string text = error.what();
    expect(versions_differ && error.code() == locum::Errc::options_differ &&
               contains(text, "version = 0.0.1") && contains(text, "give all ranks the same"),
           "unexpected: " + text);
  }
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
