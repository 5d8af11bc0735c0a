// For libFuzzer: see .ci/run, stage fuzz. Its findings are added to backend_corpus/, which
// backend_input_test.cpp reads in every build.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/backend_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  (void)locum::tests::read_backend(std::as_bytes(std::span(bytes, size)));
  return 0;
}
