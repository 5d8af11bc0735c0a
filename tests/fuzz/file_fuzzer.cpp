// For libFuzzer: see .ci/run, stage fuzz. Its findings are added to file_corpus/, which file_input_test.cpp
// reads in every build.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/file_input.hpp"

// LOCUM_FUZZ_HDF5=1: only bytes that HDF5 reads itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const bool of_hdf5 = std::getenv("LOCUM_FUZZ_HDF5") != nullptr;
  constexpr auto kind = static_cast<std::uint8_t>(locum::tests::FileInput::bytes_of_part);
  if (size == 0 || (bytes[0] == kind) != of_hdf5) {
    return -1;  // not for the corpus
  }
  (void)locum::tests::read_file(std::as_bytes(std::span(bytes, size)));
  return 0;
}
