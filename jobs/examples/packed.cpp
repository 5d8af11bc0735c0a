// Values packed by codecs of one's own: doubles as floats, ascending indices as the steps between them. Run
// it with mpiexec -n 3.
#include <mpi.h>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <locum/locum.hpp>
#include <span>
#include <string_view>
#include <vector>

using namespace locum::literals;

// Half the bytes, and seven digits: enough for a picture. How many bytes it takes is known before, so that it
// writes straight into the object.
struct Floats {
  static constexpr std::string_view name = "f32";  // travels with the object
  template <class T>
  static constexpr bool takes = std::same_as<T, std::vector<double>>;  // all else is stored as ever

  std::uint64_t size(const std::vector<double>& values) const { return values.size() * sizeof(float); }
  std::size_t encode(const std::vector<double>& values, std::span<std::byte> memory) const {
    std::size_t at = 0;
    for (const double value : values) {
      const auto narrow = static_cast<float>(value);
      std::memcpy(memory.data() + at, &narrow, sizeof narrow);
      at += sizeof narrow;
    }
    return at;
  }
  // The bytes may be anybody's: what makes no sense is an error, not a crash.
  static void decode(std::span<const std::byte> bytes, std::vector<double>& values) {
    if (bytes.size() % sizeof(float) != 0) {
      throw locum::Error(locum::Errc::corrupt, "the bytes end within a number");
    }
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(float))) {
      float narrow = 0;
      std::memcpy(&narrow, bytes.data(), sizeof narrow);
      values.push_back(static_cast<double>(narrow));
    }
  }
};

// Seven bits of a step in each byte: mostly one byte for eight. How many it took shows afterwards.
struct Steps {
  static constexpr std::string_view name = "steps";
  template <class T>
  static constexpr bool takes = std::same_as<T, std::vector<std::uint64_t>>;

  std::uint64_t size_at_most(const std::vector<std::uint64_t>& indices) const { return 10 * indices.size(); }
  std::size_t encode(const std::vector<std::uint64_t>& indices, std::span<std::byte> memory) const {
    std::size_t at = 0;
    std::uint64_t before = 0;
    for (const std::uint64_t index : indices) {
      std::uint64_t step = index - before;
      for (; step >= 128; step >>= 7U) {
        memory[at++] = static_cast<std::byte>(step | 128U);
      }
      memory[at++] = static_cast<std::byte>(step);
      before = index;
    }
    return at;
  }
  static void decode(std::span<const std::byte> bytes, std::vector<std::uint64_t>& indices) {
    std::uint64_t step = 0;
    unsigned bits = 0;
    for (const std::byte byte : bytes) {
      if (bits > 63) {
        throw locum::Error(locum::Errc::corrupt, "a step has more than 64 bits");
      }
      step |= static_cast<std::uint64_t>(byte & std::byte{127}) << bits;
      bits += 7;
      if ((byte & std::byte{128}) == std::byte{0}) {
        indices.push_back((indices.empty() ? 0 : indices.back()) + step);
        step = 0;
        bits = 0;
      }
    }
    if (bits != 0) {
      throw locum::Error(locum::Errc::corrupt, "the bytes end within a step");
    }
  }
};

namespace {

constexpr std::size_t count = 100'000;

bool is_near(const std::vector<double>& read, const std::vector<double>& put) {
  bool near = read.size() == put.size();
  for (std::size_t at = 0; near && at < put.size(); ++at) {
    near = std::abs(read[at] - put[at]) <= 1e-6 * std::abs(put[at]);
  }
  return near;
}

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  std::vector<double> temperature(count);
  std::vector<std::uint64_t> cells(count);
  for (std::size_t at = 0; at < count; ++at) {
    temperature[at] = 273.15 + 1e-3 * static_cast<double>(at);
    cells[at] = at * at / 1000;
  }

  locum::Handle handle;
  if (runtime.rank() == 0) {
    fields.put("T", temperature, {.codec = Floats{}}).value();  // for one call …
    handle = fields.put_proxy(cells, {.codec = Steps{}}).value().handle();
    fields.with(Floats{}).put("step", 42).value();  // … or for all of a store
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);  // others see the names from here on, too

  // Who reads says the same codec; another one, or none, is an error that names both.
  const auto wrong = fields.get<std::vector<double>>("T");
  if (wrong || wrong.error().code() != locum::Errc::type_mismatch) {
    return EXIT_FAILURE;
  }
  auto packed = fields.with(Floats{});
  const auto read = packed.get<std::vector<double>>("T").value();  // decoded once in a process
  const auto same = packed.get_async<std::vector<double>>("T").get().value();
  const int step = *packed.get<int>("step").value();  // declined, so as ever
  const auto indices = runtime.proxy<std::vector<std::uint64_t>>(handle, {.codec = Steps{}});

  const auto info = fields.info("T").value();
  std::printf("rank %d: %s by %s takes %llu bytes; %zu indices take %llu\n", runtime.rank(),
              info.type.c_str(), info.codec.c_str(), static_cast<unsigned long long>(info.size_bytes),
              indices->size(), static_cast<unsigned long long>(indices.size_bytes()));
  return is_near(*read, temperature) && read.get() == same.get() && step == 42 && *indices == cells &&
                 info.codec == "f32" && info.size_bytes == count * sizeof(float) &&
                 indices.size_bytes() < 2 * count
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
