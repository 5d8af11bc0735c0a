// For libFuzzer: see .ci/run, stage fuzz. What it finds goes into corpus/, where wire_input_test.cpp reads it
// in every build.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/wire_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  locum::tests::read_wire(std::as_bytes(std::span(bytes, size)));
  return 0;
}
