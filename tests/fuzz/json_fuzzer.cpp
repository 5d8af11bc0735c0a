// For libFuzzer: see tests/fuzz/run.sh. Its findings are added to json_corpus/, which json_input_test.cpp
// reads in every build.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/json_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  (void)locum::tests::read_json_input(std::as_bytes(std::span(bytes, size)));
  return 0;
}
