// For libFuzzer: see .ci/run, stage fuzz. Its findings are added to corpus/, which wire_input_test.cpp reads
// in every build.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/wire_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  locum::tests::read_wire(std::as_bytes(std::span(bytes, size)));
  return 0;
}
