// For libFuzzer: see .ci/run, stage fuzz. Any text is read as a configuration of stores; what is one is the
// same when it is printed and read again. Findings become tests in
// tests/transport/storage/configuration_test.cpp.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "transport/storage/configuration.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto read = locum::parse_configuration({reinterpret_cast<const char*>(bytes), size}, "fuzzed");
  if (read) {
    const auto again = locum::parse_configuration(locum::to_toml(*read), "printed");
    if (!again || *again != *read) {
      std::abort();
    }
  }
  return 0;
}
